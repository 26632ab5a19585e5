"""Networks that settle to a fixed point: their dynamics, and the layered one with separate feedback weights.

``u <- u + damping (H(phi(u), x) - u)``, started at u = 0; a fixed point has ``u* = H(phi(u*), x)``.
"""

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key, PyTree

from symplast.learning.activations import ACTIVATIONS, HOLOMORPHIC
from symplast.learning.feedforward import angle_between

State: TypeAlias = PyTree
"""Potentials u or activities r of a network; every leaf has the rows first. Real, or complex for complex nudges."""

Edge: TypeAlias = tuple[int, int]
"""From layer, to layer; 0 is the input."""

UPDATES = ("synchronous", "sweep")


@dataclasses.dataclass(frozen=True)
class Relaxation:
    """How a network settles.

    Attributes:
        steps: updates from u = 0.
        update: ``synchronous`` updates all layers at once; ``sweep`` layers 1, 3, ... and then 2, 4, ..., which has the
            same fixed points, is twice as fast and never ends in a cycle of period 2, but needs layers of which the odd
            drive only the even ones and the other way round, as in a chain.
        damping: share of the way to the new state, in (0, 1].
    """

    steps: int = 60
    update: str = "synchronous"
    damping: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")
        if self.update not in UPDATES:
            raise ValueError(f"update must be one of {', '.join(UPDATES)}; got {self.update!r}")
        if not 0 < self.damping <= 1:
            raise ValueError(f"damping must be in (0, 1], got {self.damping}; 1 goes all the way")


class RecurrentNet(eqx.Module):
    """Base of the networks that settle: subclasses say what drives the units and what is read out.

    Attributes:
        readout: ``softmax`` (cross-entropy over class indices) or ``mse`` (half the squared error).
        relaxation: how it settles to answer an input.
    """

    readout: eqx.AbstractVar[str]
    relaxation: eqx.AbstractVar[Relaxation]

    @abc.abstractmethod
    def rest(self, x: Float[Array, "rows ..."]) -> State:
        """u = 0 for each row of the input."""

    @abc.abstractmethod
    def drive(self, x: Float[Array, "rows ..."]) -> PyTree:
        """What the input contributes, computed once and not at every step."""

    @abc.abstractmethod
    def field(self, r: State, drive: PyTree) -> State:
        """``H(r, x)`` with the input's part given."""

    @abc.abstractmethod
    def output(self, r: State) -> Inexact[Array, "rows outputs"]:
        """Logits or values at an activity."""

    @abc.abstractmethod
    def phi(self, u: State) -> State:
        """``r = phi(u)``, unit by unit."""

    @property
    def holomorphic(self) -> bool:
        """Whether the network may be run at complex states."""
        return True

    @property
    def sweepable(self) -> bool:
        """Whether the state is a tuple of layers of which the odd only drive the even and the other way round."""
        return False

    def force(self, r: State, x: Float[Array, "rows ..."]) -> State:
        """``H(r, x)``: where activity and input pull the potentials; the dynamics subtracts u itself."""
        return self.field(r, self.drive(x))

    def step(
        self, u: State, drive: PyTree, nudge: Callable[[State], State] | None = None, how: Relaxation | None = None
    ) -> State:
        """One update of every unit.

        Args:
            u: potentials.
            drive: from :meth:`drive`.
            nudge: activity -> what is added to the field; None for the free dynamics.
            how: update and damping; None for the network's own.
        """
        how = how or self.relaxation

        def pulled(u: State) -> State:
            r = self.phi(u)
            h = self.field(r, drive)
            if nudge is not None:
                h = jax.tree.map(jnp.add, h, nudge(r))
            return jax.tree.map(lambda a, b: a + how.damping * (b - a) if how.damping < 1 else b, u, h)

        if how.update == "synchronous":
            return pulled(u)
        if not self.sweepable:
            raise ValueError("update must be synchronous for this network: layers of one parity drive each other")
        for parity in (0, 1):
            u = tuple(new if i % 2 == parity else old for i, (old, new) in enumerate(zip(u, pulled(u), strict=True)))
        return u

    def settle(self, x: Float[Array, "rows ..."]) -> State:
        """Potentials after the network's own number of steps."""
        drive = self.drive(x)
        return jax.lax.fori_loop(0, self.relaxation.steps, lambda _, u: self.step(u, drive), self.rest(x))

    def __call__(self, x: Float[Array, "..."]) -> Float[Array, " outputs"]:
        """Logits or values for one input, at the settled free state."""
        return self.output(self.phi(self.settle(x[None])))[0]

    def signals(
        self, x: Float[Array, "rows ..."], r: State, errors: State, output_error: Float[Array, "rows outputs"]
    ) -> dict[str, PyTree]:
        """What local transforms may see: ``pre`` and ``post`` at each weight matrix; nothing by default."""
        nothing = jax.tree.map(lambda _: None, eqx.filter(self, eqx.is_inexact_array))
        return {"pre": nothing, "post": nothing}


class LayeredNet(RecurrentNet):
    """Layers of units with forward and feedback weights of their own.

    ``H_l = b_l + sum_k W_{l,k} r_k`` over the edges k -> l; the input is r_0 = x. An edge to a later layer is forward,
    one to an earlier layer (or to itself) is feedback. The output is ``V r_L + c`` for softmax and ``r_L`` for mse.

    Attributes:
        weights: (post, pre) matrix of each forward edge in the order of ``forward``; the softmax readout V last.
        biases: b_l of each layer, 1 to L; the readout's c last.
        feedback: (post, pre) matrix of each feedback edge in the order of ``backward``.
        sizes: units of each layer, the input first.
        forward, backward: the edges.
        activation: name of phi.

    Example:
        >>> net = LayeredNet((4, 8, 8, 3), key=jax.random.key(0), angle_deg=90)
        >>> [w.shape for w in net.weights], [b.shape for b in net.feedback]
        ([(8, 4), (8, 8), (3, 8), (3, 3)], [(8, 8), (8, 3)])
        >>> net(jnp.ones(4)).shape
        (3,)
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    feedback: tuple[Float[Array, "_ _"], ...]
    sizes: tuple[int, ...] = eqx.field(static=True)
    forward: tuple[Edge, ...] = eqx.field(static=True)
    backward: tuple[Edge, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)
    readout: str = eqx.field(static=True)
    relaxation: Relaxation = eqx.field(static=True)

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        key: Key[Array, ""],
        activation: str = "shifted-sigmoid",
        topology: str | Sequence[Edge] = "chain",
        readout: str = "softmax",
        angle_deg: float | Float[Array, ""] = 0.0,
        relaxation: Relaxation | None = None,
    ):
        """Draw a network: every matrix LeCun-normal (truncated, variance 1/fan-in), biases 0.

        Args:
            sizes: units of each layer, the input first.
            key: random key.
            activation: a name in ``symplast.learning.activations``.
            topology: ``chain`` couples neighbours both ways; ``loop`` has the forward chain and one feedback edge, from
                the last layer to the first; or a list of edges (from, to), layers numbered from the input's 0.
            readout: softmax or mse.
            angle_deg: between feedback and forward weights of a pair: ``W_back <- sin(angle) W_back + cos(angle)
                W_fwd^T`` in degrees; 0 is symmetric, 90 independent.
            relaxation: how it settles; 60 synchronous steps if None.

        Raises:
            ValueError: sizes, edges, activation or readout that make no network.
        """
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must list at least input and output with 1 unit or more each, got {tuple(sizes)}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        if readout not in ("softmax", "mse"):
            raise ValueError(f"readout must be softmax or mse, got {readout!r}")
        self.sizes = tuple(sizes)
        edges = _edges(topology, len(sizes))
        self.forward = tuple(edge for edge in edges if edge[0] < edge[1])
        self.backward = tuple(edge for edge in edges if edge[0] >= edge[1])
        self.activation = activation
        self.readout = readout
        self.relaxation = relaxation or Relaxation()
        if self.relaxation.update == "sweep" and not self.sweepable:
            raise ValueError("update must be synchronous: only layers that form a chain can be swept")
        for_forward, for_backward, for_readout = jax.random.split(key, 3)
        draw = jax.nn.initializers.lecun_normal(in_axis=1, out_axis=0)

        def matrices(key: Key[Array, ""], edges: tuple[Edge, ...]) -> dict[Edge, Array]:
            keys = jax.random.split(key, max(len(edges), 1))
            return {(a, b): draw(k, (sizes[b], sizes[a])) for k, (a, b) in zip(keys, edges, strict=False)}

        ahead, back = matrices(for_forward, self.forward), matrices(for_backward, self.backward)
        cos, sin = jnp.cos(jnp.deg2rad(angle_deg)), jnp.sin(jnp.deg2rad(angle_deg))
        for a, b in back:
            if (b, a) in ahead:
                back[a, b] = sin * back[a, b] + cos * ahead[b, a].T
        last = sizes[-1]
        weights, biases = list(ahead.values()), [jnp.zeros(units) for units in sizes[1:]]
        if readout == "softmax":
            weights.append(draw(for_readout, (last, last)))
            biases.append(jnp.zeros(last))
        self.weights, self.biases, self.feedback = tuple(weights), tuple(biases), tuple(back.values())

    @property
    def holomorphic(self) -> bool:
        """Whether phi has a complex derivative."""
        return self.activation in HOLOMORPHIC

    @property
    def sweepable(self) -> bool:
        """Whether every edge between layers joins an odd and an even one."""
        return all((a - b) % 2 for a, b in (*self.forward, *self.backward) if a > 0)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Reciprocal pairs: index into ``weights`` and into ``feedback``."""
        ahead = {edge: i for i, edge in enumerate(self.forward)}
        return tuple((ahead[b, a], j) for j, (a, b) in enumerate(self.backward) if (b, a) in ahead)

    def couplings(self) -> dict[Edge, Float[Array, "post pre"]]:
        """The recurrent matrices: edge between layers (input excluded) -> weights."""
        forward = zip(self.forward, self.weights, strict=False)
        both = [*forward, *zip(self.backward, self.feedback, strict=True)]
        return {edge: weight for edge, weight in both if edge[0] > 0}

    def weight_angle(self) -> Float[Array, ""]:
        """Angle in degrees between feedback and transposed forward weights over all reciprocal pairs; NaN without any.

        ``arccos( sum <W_fwd, W_back^T> / sqrt(sum |W_fwd|^2 sum |W_back|^2) )``.
        """
        return angle_between([(self.weights[i], self.feedback[j].T) for i, j in self.pairs])

    def rest(self, x: Float[Array, "rows inputs"]) -> State:
        """u = 0 for each row of the input."""
        dtype = self.biases[0].dtype
        return tuple(jnp.zeros((*x.shape[:-1], units), dtype) for units in self.sizes[1:])

    def drive(self, x: Float[Array, "rows inputs"]) -> PyTree:
        """``b_l + W_{l,0} x``, or ``b_l`` where the input does not reach."""
        driven = list(self.biases[: len(self.sizes) - 1])
        for (a, b), weight in zip(self.forward, self.weights, strict=False):
            if a == 0:
                driven[b - 1] = driven[b - 1] + x @ weight.T
        return tuple(driven)

    def field(self, r: State, drive: PyTree) -> State:
        """``H_l = drive_l + sum_k W_{l,k} r_k``, one product for each edge: most of the whole matrix is zero."""
        h = [jnp.broadcast_to(d, a.shape) for d, a in zip(drive, r, strict=True)]
        for (a, b), weight in self.couplings().items():
            h[b - 1] = h[b - 1] + product(r[a - 1], weight)
        return tuple(h)

    def output(self, r: State) -> Inexact[Array, "rows outputs"]:
        """``V r_L + c``, or ``r_L``."""
        return product(r[-1], self.weights[-1]) + self.biases[-1] if self.readout == "softmax" else r[-1]

    def phi(self, u: State) -> State:
        """The activation of every layer."""
        return jax.tree.map(ACTIVATIONS[self.activation], u)

    def signals(
        self, x: Float[Array, "rows inputs"], r: State, errors: State, output_error: Float[Array, "rows outputs"]
    ) -> dict[str, PyTree]:
        """``pre``: activity (rows, fan_in) at each weight; ``post``: error (rows, fan_out); forward and feedback."""
        activity = (x, *r)
        pre = [activity[a] for a, _ in self.forward], [activity[a] for a, _ in self.backward]
        post = [errors[b - 1] for _, b in self.forward], [errors[b - 1] for _, b in self.backward]
        if self.readout == "softmax":
            pre[0].append(r[-1])
            post[0].append(output_error)
        return {"pre": self._at_weights(*pre), "post": self._at_weights(*post)}

    def _at_weights(self, ahead: list[Array], back: list[Array]) -> Any:
        nothing = jax.tree.map(lambda _: None, eqx.filter(self, eqx.is_inexact_array))
        places: Callable[[Any], Any] = lambda net: (net.weights, net.feedback)  # noqa: E731
        return eqx.tree_at(places, nothing, (tuple(ahead), tuple(back)), is_leaf=lambda leaf: leaf is None)


def product(r: Inexact[Array, "*rows pre"], weight: Inexact[Array, "post pre"]) -> Inexact[Array, "*rows post"]:
    """``W r`` row by row; a complex r against a real W costs two real products instead of four."""
    if jnp.iscomplexobj(r) and not jnp.iscomplexobj(weight):
        return jax.lax.complex(r.real @ weight.T, r.imag @ weight.T)
    return r @ weight.T


def _edges(topology: str | Sequence[Edge], layers: int) -> tuple[Edge, ...]:
    """The edges of a topology, ordered by the layer they reach."""
    chain = [(layer, layer + 1) for layer in range(layers - 1)]
    if isinstance(topology, str):
        if topology == "chain":
            return (*chain, *((b, a) for a, b in chain[1:]))
        if topology != "loop":
            raise ValueError(f"topology must be chain, loop or a list of edges (from, to), got {topology!r}")
        if layers < 4:
            raise ValueError("topology loop needs at least two hidden layers: sizes of four numbers or more")
        return (*chain, (layers - 1, 1))
    edges = [(int(a), int(b)) for a, b in topology]
    for a, b in edges:
        if not (0 <= a < layers and 1 <= b < layers):
            raise ValueError(
                f"edges must lead from a layer in [0, {layers - 1}] to one in [1, {layers - 1}], got {(a, b)}"
            )
    if len(set(edges)) < len(edges):
        raise ValueError(
            f"edges must be listed once each, got {sorted(e for e in edges if edges.count(e) > 1)[0]} twice"
        )
    reached = {0}
    for _ in edges:
        reached |= {b for a, b in edges if a in reached and a < b}
    if missing := set(range(layers)) - reached:
        raise ValueError(f"edges must lead forward from the input to every layer; layer {min(missing)} is not reached")
    return tuple(sorted(edges, key=lambda edge: edge[::-1]))
