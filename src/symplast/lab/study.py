"""A system's experiments and figures, registered by name.

An experiment is a function ``(config, key) -> Evidence``; its keyword arguments at registration are the parameters at
each scale. A figure is a function ``(evidence) -> matplotlib Figure``.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from symplast.lab.claims import SCALES, Claims, Scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure
    from xarray import Dataset

LARGEST = 2**63 - 1
"""The largest whole number of a parameter: what arrays and JSON hold."""

Setting = bool | int | float | str | list[Any] | None


class Config(Mapping[str, Setting]):
    """Parameters of one run: read by attribute or item, never changed.

    Example:
        >>> config = Config({"repeats": 16, "seed": 0})
        >>> config.repeats, config["seed"]
        (16, 0)
    """

    def __init__(self, settings: Mapping[str, Setting]):
        self._settings = MappingProxyType(dict(settings))

    def __getitem__(self, name: str) -> Setting:
        return self._settings[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_settings"][name]
        except KeyError:
            raise AttributeError(f"config has no parameter {name!r}") from None

    def __repr__(self) -> str:
        return f"Config({dict(self._settings)})"


def seed_keys(key: Any, seeds: int) -> tuple[Any, ...]:
    """One random key a seed: number i has ``fold_in(key, i)``, so that more seeds extend fewer."""
    import jax

    return tuple(jax.random.fold_in(key, seed) for seed in range(seeds))


Experiment_ = Callable[[Config, Any], "Dataset"]
Figure_ = Callable[["Dataset"], "MplFigure"]


@dataclass(frozen=True)
class Experiment:
    """A registered experiment.

    Attributes:
        name: the function's name.
        measure: the function itself.
        settings: parameters at each scale that it is run at.
        data: data sets that it reads at each scale.
        doc: first line of its docstring, shown in the report.
        on_demand: run only where a job asks for it, never as part of measuring the system's claims.
    """

    name: str
    measure: Experiment_
    settings: Mapping[Scale, Mapping[str, Setting]]
    data: Mapping[Scale, tuple[str, ...]]
    doc: str
    on_demand: bool = False

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The scales that it is run at: all, or all but quick."""
        return tuple(self.settings)

    def config(self, scale: Scale, seeds: int | None = None, changes: Mapping[str, str] | None = None) -> Config:
        """The parameters of a run, with ``--seeds`` and ``--set`` applied.

        Args:
            scale: quick, full or paper.
            seeds: replaces the number of seeds where the experiment has one.
            changes: parameter -> new value as text; parameters that the experiment lacks are left to others.

        Raises:
            ValueError: a value of the wrong type, or a scale that it isn't run at.
        """
        if scale not in self.settings:
            raise ValueError(f"{self.name} is run at {' and '.join(self.scales)} scale only, not at {scale} scale")
        settings: dict[str, Setting] = {"seed": 0, **self.settings[scale]}
        if seeds is not None and "seeds" in settings:
            settings["seeds"] = seeds
        for name, text in (changes or {}).items():
            if name in settings:
                settings[name] = parse_setting(f"{self.name}.{name}", text, settings[name])
        count = settings.get("seeds", 1)
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"seeds must be at least 1, got {count}")
        return Config(settings)


def parse_setting(name: str, text: str, default: Setting) -> Setting:
    """Turn the text of ``--set name=text`` into the type of the parameter's default.

    Example:
        >>> parse_setting("noise.repeats", "32", 16), parse_setting("noise.sigmas", "[0.1, 0.2]", [0.05])
        (32, [0.1, 0.2])
    """
    import json

    if isinstance(default, str):
        return text
    try:
        value = json.loads(text.lower() if isinstance(default, bool) else text)
    except ValueError:
        value = text
    if isinstance(default, int) and not isinstance(default, bool) and isinstance(value, float) and value.is_integer():
        value = int(value)  # 1e6 is a fine way to write a count
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) <= LARGEST else value
    if default is not None and type(value) is not type(default):
        raise ValueError(f"--set {name} must be of type {type(default).__name__} such as {default!r}, got {text!r}")
    check_setting(f"--set {name}", value)
    return value  # type: ignore[no-any-return]


def check_setting(name: str, value: Any) -> None:
    """Raise ValueError for a number that JSON can't hold, so that a run's record says how it was made.

    Args:
        name: of the parameter, for the message.
        value: a parameter; lists are looked through.
    """
    if isinstance(value, list):
        for entry in value:
            check_setting(name, entry)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"{name} must be at most {LARGEST} in size, got a number of {value.bit_length()} bits")


def _at_each_scale(
    data: tuple[str, ...] | Mapping[Scale, tuple[str, ...]],
) -> Mapping[Scale, tuple[str, ...]]:
    if isinstance(data, tuple):
        return dict.fromkeys(SCALES, data)
    found: dict[Scale, tuple[str, ...]] = {}
    last: tuple[str, ...] = ()
    for scale in SCALES:
        found[scale] = last = data.get(scale, last)
    return found


def _settings(name: str, given: Mapping[Scale, Mapping[str, Setting] | None]) -> Mapping[Scale, Mapping[str, Setting]]:
    """Parameters at each scale, from the lowest scale that the experiment has on: each takes over those before it."""
    first: Scale = "full" if given["quick"] is None else "quick"
    lowest = given[first]
    if lowest is None:
        raise ValueError(f"{name}: give its parameters at quick scale, or at full scale where it starts there")
    if unknown := {parameter for settings in given.values() for parameter in settings or {}} - set(lowest):
        raise ValueError(f"{name}: {sorted(unknown)} must be given at {first} scale too")
    found: dict[Scale, Mapping[str, Setting]] = {}
    last: Mapping[str, Setting] = {}
    for scale in SCALES[SCALES.index(first) :]:
        found[scale] = last = {**last, **(given[scale] or {})}
    return found


@dataclass(frozen=True)
class Figure:
    """A registered figure: which experiment's evidence it draws, and how to say it in words."""

    name: str
    experiment: str
    draw: Figure_
    caption: str
    alt: str


@dataclass
class Study:
    """The experiments and figures of one system.

    Args:
        name: the system's name, equal to the folder's.
    """

    name: str
    experiments: dict[str, Experiment] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    def experiment(
        self,
        *,
        quick: Mapping[str, Setting] | None = None,
        full: Mapping[str, Setting] | None = None,
        paper: Mapping[str, Setting] | None = None,
        data: tuple[str, ...] | Mapping[Scale, tuple[str, ...]] = (),
        on_demand: bool = False,
    ) -> Callable[[Experiment_], Experiment_]:
        """Register ``(config, key) -> Evidence`` under the function's name.

        Args:
            quick: parameters at quick scale; they fix names and types. ``seeds`` is the number of seeds. Left out, the
                experiment is not part of quick scale, since it needs data that can't be built in or measures nothing
                that is judged there; its claims say so by their ``scales``.
            full: what differs at full scale; all parameters where there is no quick scale.
            paper: what differs from full at the paper's scale.
            data: names of the data sets that it reads; a missing one makes the run ``skipped``, not failed. A mapping
                where it depends on the scale (paper as full, full as quick where left out).
            on_demand: leave it out where the system's claims are measured; a command's own jobs run it.

        Raises:
            ValueError: a name used twice, a parameter that only one scale has or that is not finite, neither quick nor
                full given, or a missing docstring.
        """

        def register(measure: Experiment_) -> Experiment_:
            name = measure.__name__
            if name in self.experiments:
                raise ValueError(f"{self.name}: experiment {name!r} is registered twice")
            doc = inspect.getdoc(measure)
            if not doc:
                raise ValueError(
                    f"{self.name}.{name}: the docstring's first line is what the report says of it; add one"
                )
            settings = _settings(f"{self.name}.{name}", {"quick": quick, "full": full, "paper": paper})
            for scale, own in settings.items():
                for parameter, value in own.items():
                    check_setting(f"{self.name}.{name}: {parameter} at {scale} scale", value)
            told = " ".join(doc.split("\n\n")[0].split())
            self.experiments[name] = Experiment(name, measure, settings, _at_each_scale(data), told, on_demand)
            return measure

        return register

    def figure(self, experiment: str, *, caption: str, alt: str) -> Callable[[Figure_], Figure_]:
        """Register ``(evidence) -> matplotlib Figure``, drawn in the common style from one experiment's evidence.

        Args:
            experiment: whose evidence it draws.
            caption: one or two sentences under the figure.
            alt: what a person who can't see it should know.
        """

        def register(draw: Figure_) -> Figure_:
            if experiment not in self.experiments:
                raise ValueError(f"{self.name}: figure {draw.__name__!r} draws unknown experiment {experiment!r}")

            if draw.__name__ in self.figures:
                raise ValueError(f"{self.name}: figure {draw.__name__!r} is registered twice")

            @functools.wraps(draw)
            def draw_in_style(dataset: "Dataset") -> "MplFigure":
                import matplotlib as mpl

                from symplast.lab.theme import STYLE

                with mpl.rc_context(STYLE):
                    return draw(dataset)

            self.figures[draw.__name__] = Figure(draw.__name__, experiment, draw_in_style, caption, alt)
            return draw_in_style

        return register

    def check(self, claims: Claims) -> None:
        """Raise ValueError where claims and experiments don't fit together."""
        for claim in claims.claim:
            for part in claim.parts:
                for quantity in part.quantities:
                    experiment = self.experiments.get(quantity.split(".")[0])
                    if experiment is None:
                        raise ValueError(f"{self.name}.{claim.id}: no experiment measures {quantity!r}")
                    if more := [scale for scale in part.scales if scale not in experiment.scales]:
                        raise ValueError(
                            f"{self.name}.{claim.id}: {quantity!r} is not measured at {' and '.join(more)} scale; give "
                            f"scales = {list(experiment.scales)} or the experiment's parameters there"
                        )
        used = {
            name
            for experiment in self.experiments.values()
            for scale in experiment.scales
            for name in experiment.data[scale]
        }
        if used != set(claims.system.data):
            raise ValueError(
                f"{self.name}: claims.toml lists data {claims.system.data}, its experiments {sorted(used)}"
            )
