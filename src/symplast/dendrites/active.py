"""Layers of units whose feed-forward drive is gated by the dendritic segment that answers most to a context.

The trainable relative of this room's binary segments: Grewal et al. 2021; Iyer et al. 2022, arXiv:2201.00042.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

CONTEXT_ON = 0.1
"""Share of context entries that the released code's initial scale of the segments reckons with."""


def winners_take_all(y: Float[Array, " units"], winners: int) -> Float[Array, " units"]:
    """Keep the largest entries and set the others to zero; the gradient goes through the winners only.

    Winners keep their value, negative ones too; of equal entries the first win, so that there are always as many.

    Args:
        y: drives of one layer; vmap for a batch.
        winners: how many stay.

    Example:
        >>> winners_take_all(jnp.array([0.25, -2.0, 0.25, -0.125]), 3).tolist()
        [0.25, 0.0, 0.25, -0.125]
    """
    return jnp.where(_largest(jax.lax.stop_gradient(y), winners), y, 0)


def _largest(values: Float[Array, " n"], count: int) -> Bool[Array, " n"]:
    """Which are the largest; of equal ones the first."""
    _, index = jax.lax.top_k(values, count)
    return jnp.zeros(values.shape, bool).at[index].set(True)


def gate_of(answers: Float[Array, "*units segments"]) -> Float[Array, "*units"]:
    """``sigmoid(d_{i j*})`` of the answers d: the signed one of the segment that answers most."""
    winner = jnp.argmax(jnp.abs(answers), axis=-1, keepdims=True)
    return jax.nn.sigmoid(jnp.take_along_axis(answers, winner, axis=-1)[..., 0])


class ActiveDendriteLayer(eqx.Module):
    """``y_i = (w_i . x + b_i) sigmoid(d_{i j*})``, ``d_ij = u_ij . c``, ``j* = argmax_j |d_ij|``; then the k largest y.

    The sigmoid takes the signed value of the winning segment. Half of each unit's weights are missing by default: a
    fixed mask that is applied in the forward pass, so that a missing synapse has no gradient and never matters. Under
    Adam, and any optimiser that works weight by weight, the others move as in the released code, which lets missing
    weights change and sets them to zero again; one that mixes weights (a clipped norm) sees only those that exist.
    Without segments the gate is left out; without ``kwta`` the activation is ReLU.

    Attributes:
        weight: (units, in_dim), zero where a synapse is missing.
        bias: (units,).
        segments: u, (units, segments, context_dim), no bias; None without segments.
        mask: (units, in_dim) which synapses exist; None when all do.
        winners: units that stay active; None for ReLU.

    Example:
        >>> layer = ActiveDendriteLayer(8, 40, segments=3, context_dim=5, key=jax.random.key(0))
        >>> y = layer(jnp.ones(8), jnp.ones(5))
        >>> y.shape, int((y != 0).sum())
        ((40,), 2)
        >>> ys = jax.vmap(layer, in_axes=(0, None))(jnp.ones((6, 8)), jnp.ones(5))  # segments: once for the batch
    """

    weight: Float[Array, "units in_dim"]
    bias: Float[Array, " units"]
    segments: Float[Array, "units segments context_dim"] | None
    mask: Bool[Array, "units in_dim"] | None
    winners: int | None = eqx.field(static=True)

    def __init__(
        self,
        in_dim: int,
        units: int,
        segments: int = 0,
        context_dim: int = 0,
        weight_sparsity: float = 0.5,
        kwta: float | None = 0.05,
        *,
        input_density: float = 1.0,
        key: Key[Array, ""],
    ):
        """Draw a layer, on the scales of the released code.

        Weights are uniform in +-1/sqrt(input_density (1 - weight_sparsity) in_dim), segments in
        +-1/sqrt(0.1 context_dim), biases in +-1/sqrt(in_dim).

        Args:
            in_dim: inputs.
            units: units.
            segments: dendritic segments of each unit; 0 for none.
            context_dim: entries of the context.
            weight_sparsity: share of each unit's inputs that are missing, in [0, 1).
            kwta: share of units that stay active, in (0, 1]; None for ReLU.
            input_density: share of inputs that are active at a time; only sets the scale of the weights.
            key: random key.

        Raises:
            ValueError: a count below 1, a share outside its range, or one that leaves no synapse or no winner.
        """
        _check_counts(in_dim=in_dim, units=units, segments=segments, context_dim=context_dim)
        synapses = _synapses(in_dim, weight_sparsity)
        if not 0 < input_density <= 1:
            raise ValueError(f"input_density must be in (0, 1], got {input_density}")
        self.winners = None if kwta is None else _winners(units, kwta)
        for_weight, for_mask, for_bias, for_segments = jax.random.split(key, 4)
        density = synapses / in_dim
        weight = _uniform(for_weight, (units, in_dim), input_density * density * in_dim)
        self.mask = None
        if synapses < in_dim:
            lot = jax.random.uniform(for_mask, (units, in_dim))
            self.mask = jax.vmap(lambda row: _largest(row, synapses))(lot)
            weight = jnp.where(self.mask, weight, 0)
        self.weight = weight
        self.bias = _uniform(for_bias, (units,), in_dim)
        self.segments = None
        if segments:
            self.segments = _uniform(for_segments, (units, segments, context_dim), CONTEXT_ON * context_dim)

    def gate(self, context: Float[Array, " context_dim"]) -> Float[Array, " units"]:
        """``sigmoid(d_{i j*})`` of each unit: depends on the context alone.

        Raises:
            ValueError: no segments, or a context of another size.
        """
        if self.segments is None:
            raise ValueError("a layer without segments has no gate: build it with segments=1 or more")
        size = self.segments.shape[2]
        if context.shape != (size,):
            raise ValueError(f"context must have context_dim={size} entries, got {context.shape}; vmap for several")
        return gate_of(self.segments @ context)

    def drive(self, x: Float[Array, " in_dim"]) -> Float[Array, " units"]:
        """``w_i . x + b_i`` over the synapses that exist."""
        weight = self.weight if self.mask is None else jnp.where(self.mask, self.weight, 0)
        return weight @ x + self.bias

    def activate(self, x: Float[Array, " in_dim"], gate: Float[Array, " units"] | None) -> Float[Array, " units"]:
        """The layer's output for a gate that is known already; None leaves units ungated."""
        y = self.drive(x) if gate is None else self.drive(x) * gate
        return jax.nn.relu(y) if self.winners is None else winners_take_all(y, self.winners)

    def __call__(
        self, x: Float[Array, " in_dim"], context: Float[Array, " context_dim"] | None = None
    ) -> Float[Array, " units"]:
        """Output for one input in a context; no context only for a layer without segments."""
        return self.activate(x, None if self.segments is None else self.gate(_needed(context)))


class Pass(NamedTuple):
    """What a forward pass leaves: each layer's input, and the network's output."""

    inputs: tuple[Float[Array, " _"], ...]
    output: Float[Array, " outputs"]


class ActiveDendriteMLP(eqx.Module):
    """A multi-layer perceptron of :class:`ActiveDendriteLayer` with a linear head, sparse but without segments.

    With ``segments=0, weight_sparsity=0, kwta=None`` it is an ordinary MLP, so the same class serves for ablations.

    Attributes:
        layers: the hidden layers and the head.
        readout: ``softmax`` (cross-entropy over class indices) or ``mse`` (half the squared error).

    Example:
        >>> network = ActiveDendriteMLP((64, 128, 128, 10), segments=5, key=jax.random.key(0))
        >>> network(jnp.ones(64), context=jnp.ones(64)).shape
        (10,)
        >>> [w.shape for w in network.weights]
        [(128, 64), (128, 128), (10, 128)]
    """

    layers: tuple[ActiveDendriteLayer, ...]
    readout: str = eqx.field(static=True)

    def __init__(
        self,
        sizes: tuple[int, ...],
        *,
        key: Key[Array, ""],
        segments: int = 0,
        context_dim: int | None = None,
        weight_sparsity: float = 0.5,
        kwta: float | None = 0.05,
        readout: str = "softmax",
    ):
        """Draw a network.

        Args:
            sizes: units of each layer, the input first.
            key: random key.
            segments: of each hidden unit, usually the number of tasks; 0 for none.
            context_dim: entries of the context; None for as many as there are inputs.
            weight_sparsity: share of each unit's inputs that are missing, the head's too.
            kwta: share of hidden units that stay active; None for ReLU.
            readout: softmax or mse.

        Raises:
            ValueError: fewer than two layers, an unknown readout, or what a layer refuses.
        """
        if len(sizes) < 2:
            raise ValueError(f"sizes must list at least input and output, got {sizes}")
        if readout not in ("softmax", "mse"):
            raise ValueError(f"readout must be softmax or mse, got {readout!r}")
        context_dim = sizes[0] if context_dim is None else context_dim
        active = 1.0 if kwta is None else kwta
        keys = jax.random.split(key, len(sizes) - 1)
        layers = []
        for index, (k, pre, post) in enumerate(zip(keys, sizes[:-1], sizes[1:], strict=True)):
            head, density = index == len(sizes) - 2, active if index else 1.0
            segments_here, kwta_here = (0, None) if head else (segments, kwta)
            layers.append(
                ActiveDendriteLayer(
                    pre, post, segments_here, context_dim, weight_sparsity, kwta_here, input_density=density, key=k
                )
            )
        self.layers = tuple(layers)
        self.readout = readout

    @property
    def weights(self) -> tuple[Any, ...]:
        """Forward weights, input to output, (post, pre) each; likewise the leaves there of any tree of this shape."""
        return tuple(layer.weight for layer in self.layers)

    @property
    def context_dim(self) -> int:
        """Entries of a context; 0 for a network without segments."""
        segments = self.layers[0].segments
        return 0 if segments is None or len(self.layers) == 1 else segments.shape[2]

    def gates(self, context: Float[Array, " context_dim"] | None) -> tuple[Float[Array, " _"] | None, ...]:
        """Each hidden layer's gate in a context; None for layers without segments.

        They don't depend on the input: a batch that shares its context needs them once.

        Raises:
            ValueError: no context although there are segments.
        """
        return tuple(None if h.segments is None else h.gate(_needed(context)) for h in self.layers[:-1])

    def activity(self, x: Float[Array, " inputs"], gates: tuple[Float[Array, " _"] | None, ...]) -> Pass:
        """One forward pass with gates that are known already."""
        inputs = [x]
        for layer, gate in zip(self.layers[:-1], gates, strict=True):
            inputs.append(layer.activate(inputs[-1], gate))
        return Pass(tuple(inputs), self.layers[-1].drive(inputs[-1]))

    def __call__(
        self, x: Float[Array, " inputs"], context: Float[Array, " context_dim"] | None = None
    ) -> Float[Array, " outputs"]:
        """Logits or values for one input in a context; no context only for a network without segments."""
        return self.activity(x, self.gates(context)).output


def _needed(context: Float[Array, " context_dim"] | None) -> Float[Array, " context_dim"]:
    if context is None:
        raise ValueError(
            "units with segments need a context: call network(x, context), or learn with the rule InContext and a "
            "PrototypeLearner, which choose it"
        )
    return context


def _uniform(key: Key[Array, ""], shape: tuple[int, ...], effective_inputs: float) -> Float[Array, "..."]:
    half_width = effective_inputs**-0.5
    return jax.random.uniform(key, shape, minval=-half_width, maxval=half_width)


def _check_counts(*, segments: int, context_dim: int, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    if segments < 0:
        raise ValueError(f"segments must be at least 0, got {segments}")
    if segments and context_dim < 1:
        raise ValueError(f"context_dim must be at least 1 where there are segments, got {context_dim}")


def _synapses(in_dim: int, weight_sparsity: float) -> int:
    """Inputs that each unit keeps."""
    if not 0 <= weight_sparsity < 1:
        raise ValueError(f"weight_sparsity must be in [0, 1), got {weight_sparsity}")
    synapses = in_dim - round(weight_sparsity * in_dim)
    if synapses < 1:
        raise ValueError(f"weight_sparsity={weight_sparsity} leaves no synapse of in_dim={in_dim} inputs")
    return synapses


def _winners(units: int, kwta: float) -> int:
    """``k = round(kwta units)``."""
    if not 0 < kwta <= 1:
        raise ValueError(f"kwta must be in (0, 1], or None for ReLU, got {kwta}")
    if round(kwta * units) < 1:
        raise ValueError(f"kwta={kwta} leaves no winner of units={units}: take at least {0.5 / units:.3g}")
    return round(kwta * units)
