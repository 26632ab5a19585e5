"""Chains of transforms as trees: their numbers are arrays, so that one compiled program serves all values."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import Partial
from jaxtyping import Array, PyTree

RATED = ("optax:sgd", "optax:adam", "optax:adamw")
"""Optimisers whose last step is a product with the learning rate."""


def joined(parts: Sequence[optax.GradientTransformation]) -> optax.GradientTransformationExtraArgs:
    """As :func:`optax.chain`, with the parts' arrays as leaves of the result.

    Example:
        >>> both = joined([optax.scale(2.0), at_rate(optax.sgd(1.0), 0.25)])
        >>> both.update(jnp.ones(1), both.init(jnp.ones(1)))[0].tolist()
        [-0.5]
    """
    whole = tuple(_with_extra(part) for part in parts)
    return optax.GradientTransformationExtraArgs(
        Partial(_first, tuple(part.init for part in whole)), Partial(_passed, tuple(part.update for part in whole))
    )


def at_rate(unit: optax.GradientTransformation, rate: float) -> optax.GradientTransformationExtraArgs:
    """An optimiser of learning rate 1 with its updates multiplied by a rate that is an array."""
    return optax.GradientTransformationExtraArgs(unit.init, Partial(_rated, unit.update, jnp.asarray(rate, float)))


def optimiser(target: str, settings: Mapping[str, Any]) -> optax.GradientTransformation:
    """An optax transform by ``module:name``, the same object for the same settings; a learning rate is an array.

    Raises:
        TypeError, ValueError: settings that it does not take.
    """
    rate = settings.get("learning_rate")
    if target not in RATED or rate is None:
        return _made(target, json.dumps(dict(settings)))
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise ValueError(f"learning_rate must be a number, got {rate!r}")
    return at_rate(_made(target, json.dumps({**settings, "learning_rate": 1.0})), rate)


@lru_cache(maxsize=256)
def _made(target: str, settings: str) -> optax.GradientTransformation:
    module, _, name = target.partition(":")
    made: optax.GradientTransformation = getattr(import_module(module), name)(**json.loads(settings))
    return optax.with_extra_args_support(made)


def _with_extra(part: optax.GradientTransformation) -> optax.GradientTransformation:
    """A transform that takes extra arguments."""
    if isinstance(part, optax.GradientTransformationExtraArgs):
        return part
    return optax.GradientTransformationExtraArgs(part.init, Partial(_without_extra, part.update))


def _without_extra(
    update: Callable[..., Any], updates: PyTree, state: PyTree, params: PyTree | None = None, **_: Any
) -> Any:
    return update(updates, state, params)


def _first(inits: tuple[Callable[[PyTree], PyTree], ...], params: PyTree) -> tuple[PyTree, ...]:
    return tuple(init(params) for init in inits)


def _passed(
    each: tuple[Callable[..., Any], ...], updates: PyTree, state: tuple[Any, ...], params: PyTree = None, **extra: Any
) -> tuple[PyTree, tuple[PyTree, ...]]:
    states = []
    for update, old in zip(each, state, strict=True):
        updates, new = update(updates, old, params, **extra)
        states.append(new)
    return updates, tuple(states)


def _rated(
    update: Callable[..., Any], rate: Array, updates: PyTree, state: PyTree, params: PyTree | None = None, **extra: Any
) -> tuple[PyTree, PyTree]:
    changes, after = update(updates, state, params, **extra)
    return jax.tree.map(lambda change: change * rate.astype(change.dtype), changes), after
