"""Names that are loaded when first used, so that importing a room stays cheap.

Importing ``scipy.stats`` takes as long as importing JAX, and pandas and xarray together more than half of it; nobody
should pay for them who does not use them. ``from symplast.on_use import rankdata`` stands for
``from scipy.stats import rankdata``, ``from symplast.on_use import pandas as pd`` for ``import pandas as pd``.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pandas
    import xarray as xarray
    from scipy.integrate import solve_ivp as solve_ivp
    from scipy.optimize import brentq as brentq
    from scipy.optimize import least_squares as least_squares
    from scipy.optimize import minimize as minimize
    from scipy.stats import *  # noqa: F403

_MODULES = ("pandas", "xarray")
_OPTIMIZERS = ("brentq", "least_squares", "minimize")
_STATISTICS = (
    *("bootstrap", "permutation_test", "false_discovery_control", "rankdata", "kendalltau", "spearmanr"),
    *("ks_2samp", "mannwhitneyu", "ttest_rel", "chi2", "hypergeom", "nct", "norm", "poisson"),
)
_HOMES = {
    "solve_ivp": "scipy.integrate",
    **dict.fromkeys(_OPTIMIZERS, "scipy.optimize"),
    **dict.fromkeys(_STATISTICS, "scipy.stats"),
}


class OnUse:
    """A module, or what stands in it under a name."""

    def __init__(self, module: str, name: str = ""):
        self._module, self._name = module, name

    def _loaded(self) -> Any:
        module = import_module(self._module)
        return getattr(module, self._name) if self._name else module

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it."""
        return self._loaded()(*arguments, **named)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)  # inspection asks for these, and must not load anything
        return getattr(self._loaded(), attribute)


def __getattr__(name: str) -> OnUse:
    if name in _MODULES:
        return OnUse(name)
    if name in _HOMES:
        return OnUse(_HOMES[name], name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def loaded_on_use(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package: ``__getattr__ = loaded_on_use(__name__, {"module": ("name", ...)})``.

    Args:
        package: its name.
        homes: modules of the package -> the names that each gives to it.
    """
    home = {name: module for module, names in homes.items() for name in names}

    def attribute(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home[name]}"), name)

    return attribute
