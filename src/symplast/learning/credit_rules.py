"""Credit rules for feed-forward networks: how the error of the output reaches the hidden layers.

All share ``dW_l = delta_l a_{l-1}^T``, averaged over rows; they differ in how ``delta_l`` comes from ``delta_{l+1}``.

==================  =============================================================  ==============================
rule                hidden error                                                   source
==================  =============================================================  ==============================
Backprop            ``(W_{l+1}^T delta_{l+1}) phi'(z_l)``                           the gradient
FeedbackAlignment   ``(B_{l+1} delta_{l+1}) phi'(z_l)``, B fixed                     Lillicrap et al. 2016
SignSymmetric       ``(s sign(W_{l+1})^T delta_{l+1}) phi'(z_l)``                   Liao, Leibo & Poggio 2016
KolenPollack        as FeedbackAlignment, B learns with W                          Kolen & Pollack 1994
WeightMirror        as FeedbackAlignment, B learns from noise                     Akrout et al. 2019
DirectFeedback      ``(B_l delta_out) phi'(z_l)``, B_l fixed, drawn by the rule       Nokland 2016
==================  =============================================================  ==============================
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from symplast.learning.feedforward import Activity, FeedForwardNet, loss_of, output_error
from symplast.learning.protocol import Batch, Credit, CreditRule

Errors = list[Float[Array, "rows _"]]
Matrix = Float[Array, "_ _"]


class LayerwiseRule(CreditRule):
    """Base of the rules in this file: a forward pass, errors layer by layer, outer products.

    Signals: ``pre`` is each weight's input activity, ``post`` its error ``delta``, both (rows, units).
    """

    needs: ClassVar[tuple[str, ...]] = ("activity", "weights", "biases", "feedback", "slope", "readout")
    offers: ClassVar[tuple[str, ...]] = ("pre", "post")

    def __call__(self, network: FeedForwardNet, batch: Batch, state: PyTree, key: Key[Array, ""]) -> Credit:
        """Credit for one batch."""
        activity = network.activity(batch.inputs)
        error = output_error(network.readout, activity.output, batch.targets)
        errors = self.errors(network, activity, error, state)
        rows = batch.inputs.shape[0]
        weights = tuple(d.T @ a / rows for d, a in zip(errors, activity.inputs, strict=True))
        direction = eqx.tree_at(
            lambda n: (n.weights, n.biases, n.feedback),
            eqx.filter(network, eqx.is_inexact_array),
            (weights, tuple(d.mean(axis=0) for d in errors), self.feedback_direction(network, weights, key)),
        )
        signals = {"pre": at_weights(network, activity.inputs), "post": at_weights(network, errors)}
        return Credit(direction, loss_of(network.readout, activity.output, batch.targets), state, signals)

    def errors(
        self, network: FeedForwardNet, activity: Activity, error: Float[Array, "rows outputs"], state: PyTree
    ) -> Errors:
        """The error of every layer, the output's last: passed down layer by layer."""
        errors = [error]
        for layer in reversed(range(1, len(network.weights))):
            carried = errors[0] @ self.backward_weights(network, layer).T
            errors.insert(0, carried * network.slope(activity.drives[layer - 1]))
        return errors

    def backward_weights(self, network: FeedForwardNet, layer: int) -> Float[Array, "pre post"]:
        """What carries errors back through a layer."""
        raise AssertionError(f"{type(self).__name__} passes no errors layer by layer")

    def feedback_direction(
        self, network: FeedForwardNet, weights: tuple[Matrix, ...], key: Key[Array, ""]
    ) -> tuple[Matrix, ...]:
        """The direction of the feedback weights: they stay."""
        return jax.tree.map(jnp.zeros_like, network.feedback)


def at_weights(network: FeedForwardNet, values: list[Array]) -> FeedForwardNet:
    """A tree like the parameters with the values at the weights and None elsewhere."""
    nothing = jax.tree.map(lambda _: None, eqx.filter(network, eqx.is_inexact_array))
    return eqx.tree_at(lambda n: n.weights, nothing, tuple(values), is_leaf=lambda leaf: leaf is None)


class Backprop(LayerwiseRule):
    """The gradient of the mean loss; equal to autodiff, with signals."""

    def backward_weights(self, network: FeedForwardNet, layer: int) -> Float[Array, "pre post"]:
        """The transposed forward weights."""
        return network.weights[layer].T


class FeedbackAlignment(LayerwiseRule):
    """Errors come back through the network's own fixed feedback weights."""

    def init(self, network: FeedForwardNet, key: Key[Array, ""]) -> PyTree:
        """Check that there are feedback weights.

        Raises:
            ValueError: the network was built without.
        """
        if len(network.feedback) != len(network.weights) - 1:
            raise ValueError(f"{type(self).__name__} needs feedback weights: build the network with feedback_angle=90")
        return None

    def backward_weights(self, network: FeedForwardNet, layer: int) -> Float[Array, "pre post"]:
        """The feedback weights."""
        return network.feedback[layer - 1]


class KolenPollack(FeedbackAlignment):
    """Feedback weights take the transposed change of the forward weights; with weight decay both become aligned.

    Chain it with ``optax.add_decayed_weights``: without decay the two change alike and keep their first difference.
    """

    def feedback_direction(
        self, network: FeedForwardNet, weights: tuple[Matrix, ...], key: Key[Array, ""]
    ) -> tuple[Matrix, ...]:
        """The transposed direction of the forward weights."""
        return tuple(w.T for w in weights[1:])


class WeightMirror(FeedbackAlignment):
    """Feedback weights learn to mirror the forward weights: noise ``xi`` sent through a layer returns as ``W xi``.

    The direction of B is ``decay B - E[xi (W xi)^T]`` with E[xi xi^T] = I estimated from ``draws`` draws: a chain's
    step towards ``W^T / decay``. No weight is copied.

    Attributes:
        draws: noise vectors a batch.
        decay: of the feedback weights; 1 makes them as large as the forward weights.
    """

    draws: int = 64
    decay: float = 1.0

    def __check_init__(self) -> None:
        if self.draws < 1:
            raise ValueError(f"draws must be at least 1, got {self.draws}")
        if not self.decay > 0:
            raise ValueError(f"decay must be positive, got {self.decay}")

    def feedback_direction(
        self, network: FeedForwardNet, weights: tuple[Matrix, ...], key: Key[Array, ""]
    ) -> tuple[Matrix, ...]:
        """``decay B - mean xi (W xi)^T``."""

        def mirrored(key: Key[Array, ""], forward: Matrix, feedback: Matrix) -> Matrix:
            noise = jax.random.normal(key, (self.draws, forward.shape[1]), forward.dtype)
            return self.decay * feedback - noise.T @ (noise @ forward.T) / self.draws

        keys = jax.random.split(key, max(len(network.feedback), 1))
        pairs = zip(network.weights[1:], network.feedback, strict=True)
        return tuple(mirrored(k, w, b) for k, (w, b) in zip(keys, pairs, strict=False))


class SignSymmetric(LayerwiseRule):
    """Errors come back through the signs of the transposed weights, scaled to the weights' mean size."""

    def backward_weights(self, network: FeedForwardNet, layer: int) -> Float[Array, "pre post"]:
        """``mean|W| sign(W)^T``."""
        weight = network.weights[layer]
        return jnp.mean(jnp.abs(weight)) * jnp.sign(weight).T


class DirectFeedback(LayerwiseRule):
    """The output's error goes to every hidden layer directly, through fixed weights that the rule draws.

    State: a tuple of B_l, (units of layer l, outputs), normal with variance ``1 / outputs``.
    """

    def init(self, network: FeedForwardNet, key: Key[Array, ""]) -> PyTree:
        """Draw the feedback weights."""
        outputs = network.weights[-1].shape[0]
        keys = jax.random.split(key, max(len(network.weights) - 1, 1))
        return tuple(
            jax.random.normal(k, (w.shape[0], outputs)) / jnp.sqrt(outputs)
            for k, w in zip(keys, network.weights[:-1], strict=False)
        )

    def errors(
        self, network: FeedForwardNet, activity: Activity, error: Float[Array, "rows outputs"], state: PyTree
    ) -> Errors:
        """``delta_l = (B_l delta_out) phi'(z_l)``."""
        hidden = zip(state, activity.drives[:-1], strict=True)
        return [*(error @ b.T * network.slope(z) for b, z in hidden), error]


class Autodiff(CreditRule):
    """The gradient of the mean loss by automatic differentiation: for any network with ``__call__`` and ``readout``."""

    needs: ClassVar[tuple[str, ...]] = ("__call__", "readout")

    def __call__(self, network: Any, batch: Batch, state: PyTree, key: Key[Array, ""]) -> Credit:
        """Credit for one batch."""

        def mean_loss(net: Any) -> Float[Array, ""]:
            return loss_of(net.readout, jax.vmap(net)(batch.inputs), batch.targets)

        loss, direction = eqx.filter_value_and_grad(mean_loss)(network)
        return Credit(direction, loss, state)
