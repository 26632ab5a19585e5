"""One update of the rule, on examples or on the moments of their distribution.

``e = y - target``, ``d2 = e`` (times f' of the output when asked), ``d1 = (W2^T d2) f'``; then
``dW2 = -eta <d2 h^T> D2`` and ``dW1 = -eta <d1 x^T> D1`` from the weights before the step, and the norms are restored.
"""

import abc
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from symplast.curl.signs import flip
from symplast.curl.transforms import frobenius, rescale
from symplast.curl.two_layer import FORWARD, SLOPE, CurlRule, TwoLayer

Step = Callable[[TwoLayer], TwoLayer]


class Change(NamedTuple):
    """The gradient-like directions of both matrices, before signs."""

    W1: Float[Array, "hidden inputs"]
    W2: Float[Array, "outputs hidden"]


class Problem(eqx.Module):
    """What a two-layer net is to learn."""

    @abc.abstractmethod
    def loss_and_change(self, net: TwoLayer, rule: CurlRule) -> tuple[Float[Array, ""], Change]:
        """``1/2 mean e^2`` over examples and outputs, and the directions averaged over examples."""

    def loss(self, net: TwoLayer) -> Float[Array, ""]:
        """``1/2 mean e^2`` over examples and outputs."""
        return self.loss_and_change(net, no_flips(net))[0]

    def epoch(
        self, net: TwoLayer, rule: CurlRule, eta: Float[Array, ""], key: Key[Array, ""], finish: Step
    ) -> tuple[Float[Array, ""], TwoLayer]:
        """The loss before an epoch of one update, and the net after it."""
        loss, change = self.loss_and_change(net, rule)
        return loss, finish(apply_rule(net, change, rule, eta, key))


class Samples(Problem):
    """Examples; all of them in one update. They are held one a column, which is faster.

    Attributes:
        inputs: (inputs, examples).
        targets: (outputs, examples).
        output_slope: multiply the error by f' of the output, as the gradient has it; the published rule doesn't.
    """

    inputs: Float[Array, "inputs examples"]
    targets: Float[Array, "outputs examples"]
    output_slope: bool = eqx.field(static=True, default=False)

    def loss_and_change(self, net: TwoLayer, rule: CurlRule) -> tuple[Float[Array, ""], Change]:
        """Over all examples."""
        hidden, error = _forward(net, self.inputs, self.targets)
        change = _change(net, rule, self.inputs, hidden, error, self.targets, self.output_slope)
        rows = self.inputs.shape[1]
        return 0.5 * jnp.mean(error**2), Change(change.W1 / rows, change.W2 / rows)

    def loss(self, net: TwoLayer) -> Float[Array, ""]:
        """Over all examples."""
        return 0.5 * jnp.mean(_forward(net, self.inputs, self.targets)[1] ** 2)


class MiniBatches(Samples):
    """Examples in batches, shuffled anew each epoch; an update takes ``eta batch / examples``, so that an epoch moves
    the weights about as far as one update on all of them.

    Attributes:
        batch: examples an update; the last batch of an epoch holds what is left.
    """

    batch: int = eqx.field(static=True, default=1)

    def epoch(
        self, net: TwoLayer, rule: CurlRule, eta: Float[Array, ""], key: Key[Array, ""], finish: Step
    ) -> tuple[Float[Array, ""], TwoLayer]:
        """The loss over all examples before the epoch, and the net after it."""
        rows, steps = self.inputs.shape[1], -(-self.inputs.shape[1] // self.batch)
        for_order, for_signs = jax.random.split(key)
        order = jnp.argsort(jax.random.bits(for_order, (rows,)))
        padded = jnp.concatenate([order, jnp.zeros(steps * self.batch - rows, order.dtype)])
        present = (jnp.arange(steps * self.batch) < rows).astype(self.inputs.dtype)

        def batches(values: Float[Array, "_ examples"]) -> Float[Array, "steps batch _"]:
            return jnp.reshape(values.T[padded], (steps, self.batch, -1))

        def update(net: TwoLayer, step: tuple[Array, Array, Array, Array]) -> tuple[TwoLayer, None]:
            x, y, mask, number = step
            hidden, error = _forward(net, x.T, y.T)
            change = _change(net, rule, x.T, hidden, error * mask, y.T, self.output_slope)
            change = Change(change.W1 / rows, change.W2 / rows)
            return finish(apply_rule(net, change, rule, eta, jax.random.fold_in(for_signs, number))), None

        xs = batches(self.inputs), batches(self.targets), present.reshape(steps, -1), jnp.arange(steps)
        return self.loss(net), jax.lax.scan(update, net, xs)[0]


class Moments(Problem):
    """A linear net's problem by the covariance of its inputs alone: an update costs O(hidden inputs), whatever the
    number of examples; with the population's covariance the average over examples is its expectation.

    Attributes:
        target: (outputs, inputs), the map to learn.
        covariance: (inputs, inputs), or one variance for independent inputs.
    """

    target: Float[Array, "outputs inputs"]
    covariance: Float[Array, "inputs inputs"] | Float[Array, ""]

    def loss_and_change(self, net: TwoLayer, rule: CurlRule) -> tuple[Float[Array, ""], Change]:
        """In closed form: ``e = W2 W1 - target``, ``<d2 h^T> = e Sigma W1^T``, ``<d1 x^T> = W2^T e Sigma``."""
        error = net.map - self.target
        weighted = error * self.covariance if jnp.ndim(self.covariance) == 0 else error @ self.covariance
        back = net.W2.T if rule.feedback is None else rule.feedback
        loss = 0.5 * jnp.sum(error * weighted) / error.shape[0]
        return loss, Change(back @ weighted, weighted @ net.W1.T)


def apply_rule(net: TwoLayer, change: Change, rule: CurlRule, eta: Float[Array, ""], key: Key[Array, ""]) -> TwoLayer:
    """``W <- W - eta change D``, D the signs of the neurons that the synapses leave (or reach)."""
    first, second = rule.mask.signs
    if rule.random_signs:
        for_first, for_second = jax.random.split(key)
        first, second = _drawn(for_first, first), _drawn(for_second, second)
    axis = rule.mask.axis
    return TwoLayer(
        net.W1 - eta * flip(change.W1, first, axis), net.W2 - eta * flip(change.W2, second, axis), net.activation
    )


def keep_norms(start: TwoLayer) -> Step:
    """The function that brings both matrices back to the Frobenius norms of ``start``."""
    norms = frobenius(start.W1), frobenius(start.W2)
    return lambda net: TwoLayer(rescale(net.W1, norms[0]), rescale(net.W2, norms[1]), net.activation)


def learning_step(
    problem: Problem, rule: CurlRule, start: TwoLayer, *, eta: float = 0.1, normalise: str | None = "frobenius"
) -> Step:
    """One update as a function net -> net: for Lyapunov exponents, Jacobians, or a loop of your own.

    Args:
        problem: what to learn; all examples in one update.
        rule: the rule.
        start: whose norms are kept.
        eta: step size.
        normalise: ``frobenius`` or None.

    Raises:
        ValueError: a rule that doesn't fit the net, one with randomness, or an unknown normalisation.

    Example:
        >>> net = TwoLayer(jnp.array([[0.5]]), jnp.array([[1.0]]))
        >>> problem = Moments(jnp.array([[1.0]]), jnp.asarray(1.0))
        >>> step = learning_step(problem, CurlRule.flipped((1, 1, 1), into_readout=1), net, normalise=None)
        >>> after = step(net)
        >>> round(float(after.W1[0, 0]), 4), round(float(after.W2[0, 0]), 4)
        (0.55, 0.975)
    """
    rule.check(start.sizes)
    if rule.random_signs or isinstance(problem, MiniBatches):
        raise ValueError("learning_step is for rules and problems without randomness; use simulate")
    finish = finishing(normalise, start)
    key = jax.random.key(0)
    return lambda net: problem.epoch(net, rule, jnp.asarray(eta, net.W1.dtype), key, finish)[1]


def finishing(normalise: str | None, start: TwoLayer) -> Step:
    """What follows each update."""
    if normalise not in ("frobenius", None):
        raise ValueError(f"normalise must be 'frobenius' or None, got {normalise!r}")
    return keep_norms(start) if normalise == "frobenius" else lambda net: net


def no_flips(net: TwoLayer) -> CurlRule:
    """Gradient descent."""
    return CurlRule.flipped(net.sizes)


def _drawn(key: Key[Array, ""], signs: Float[Array, " units"]) -> Float[Array, " units"]:
    return jnp.where(signs > 0, signs, jax.random.rademacher(key, signs.shape, signs.dtype))


def _forward(
    net: TwoLayer, x: Float[Array, "inputs rows"], y: Float[Array, "outputs rows"]
) -> tuple[Float[Array, "hidden rows"], Float[Array, "outputs rows"]]:
    f = FORWARD[net.activation]
    hidden = f(net.W1 @ x)
    return hidden, f(net.W2 @ hidden) - y


def _change(
    net: TwoLayer,
    rule: CurlRule,
    x: Float[Array, "inputs rows"],
    hidden: Float[Array, "hidden rows"],
    error: Float[Array, "outputs rows"],
    y: Float[Array, "outputs rows"],
    output_slope: bool,
) -> Change:
    """Directions summed over examples."""
    slope = SLOPE[net.activation]
    d2 = error * slope(error + y) if output_slope else error
    back = net.W2.T if rule.feedback is None else rule.feedback
    d1 = (back @ d2) * slope(hidden)
    return Change(d1 @ x.T, d2 @ hidden.T)
