"""Spiking networks whose layers can be protected, differentiated in one of three ways."""

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from symplast.hlop.arguments import check_sizes
from symplast.hlop.circuit import Rows
from symplast.hlop.lateral_spikes import LateralSpikes
from symplast.hlop.neurons import DSRNeuron, MultiStepLIF
from symplast.hlop.projection import hlop_linear
from symplast.spiking import Trace
from symplast.spiking.arguments import check_choice, is_traced
from symplast.stats.arguments import check_count

METHODS = ("dsr", "bptt", "ottt")
FEEDBACK = ("bp", "fa", "ss")
STEPS = {"dsr": 20, "bptt": 6, "ottt": 6}
LOWEST_THRESHOLD = 5e-4

Matrix = Float[Array, "post pre"]


class Protection(NamedTuple):
    """What the layers of a network protect while they learn.

    Attributes:
        bases: lateral rows of earlier tasks for each projected layer; empty where there are none.
        spikes: spiking lateral neurons, or None.
        rest: what the first layer's rows leave of the network's input, where that is known already: the input stays
            the same over all steps.
    """

    bases: tuple[Rows, ...] = ()
    spikes: LateralSpikes | None = None
    rest: Float[Array, "rows inputs"] | None = None


class Pass(NamedTuple):
    """What a forward pass gives.

    Attributes:
        output: (rows, classes) logits; one such array a time step with ``ottt``.
        activity: what the circuit of each projected layer learns from. Layer 1: (rows, inputs). Others: ``dsr`` the
            weighted rates (rows, units); ``bptt`` the spikes of all steps (steps * rows, units), or with ``rates``
            their means; ``ottt`` (steps, 2 rows, units), spikes over traces.
    """

    output: Float[Array, "*steps rows classes"]
    activity: tuple[Float[Array, "..."], ...]


class Heads(eqx.Module):
    """One linear readout a task, not protected, with bias.

    Attributes:
        weights: (tasks, classes, units).
        biases: (tasks, classes).
    """

    weights: Float[Array, "tasks classes units"]
    biases: Float[Array, "tasks classes"]

    def __call__(self, x: Float[Array, "*rows units"], task: Int[Array, "..."]) -> Float[Array, "*rows classes"]:
        """Outputs of the head of one task, or of each row's own task."""
        if jnp.ndim(task) == 0:
            return x @ self.weights[task].T + self.biases[task]
        every = jnp.einsum("...bn,kcn->k...bc", x, self.weights) + self.biases[:, None]
        own = task[:, None] == jnp.arange(len(self.biases))  # (rows, tasks)
        return jnp.einsum("k...bc,bk->...bc", every, own.astype(every.dtype))


class SpikingMLP(eqx.Module):
    """Layers of spiking cells without bias, a linear readout, and a static input that is repeated at each step.

    ======  ==========================================================  =============================================
    method  cells                                                       gradient
    ======  ==========================================================  =============================================
    dsr     :class:`DSRNeuron`, 20 steps                                through rates; logits are weighted rates
    bptt    :class:`MultiStepLIF`, 6 steps                              through time; logits are means over the steps
    ottt    the same, past detached                                     of each step, with presynaptic traces
    ======  ==========================================================  =============================================

    ``feedback`` says what carries errors back: the weights (``bp``), a fixed random matrix (``fa``), or the signs of
    the weights over the root of the fan-in (``ss``).

    Attributes:
        weights: (post, pre) of each hidden layer, and of the shared readout unless there are heads.
        backward: fixed matrices of ``fa``, shaped like the weights.
        thresholds: of each hidden layer with ``dsr``.
        heads: readouts of their own for each task, or None for the shared one.

    Example:
        >>> net = SpikingMLP((4, 8, 3), key=jax.random.key(0))
        >>> net(jnp.ones((5, 4))).shape, net.projected
        ((5, 3), 2)
    """

    weights: tuple[Matrix, ...]
    backward: tuple[Matrix, ...]
    thresholds: tuple[Float[Array, ""], ...]
    heads: Heads | None
    sizes: tuple[int, ...] = eqx.field(static=True)
    method: str = eqx.field(static=True)
    feedback: str = eqx.field(static=True)
    timesteps: int = eqx.field(static=True)

    def __init__(
        self,
        sizes: Sequence[int],
        method: str = "dsr",
        feedback: str = "bp",
        timesteps: int | None = None,
        *,
        heads: int | None = None,
        key: Key[Array, ""],
    ):
        """Draw a network: every matrix uniform in ``±1/sqrt(fan_in)``.

        Args:
            sizes: units of each layer, the input first, classes last.
            method: ``dsr``, ``bptt`` or ``ottt``.
            feedback: ``bp``, ``fa`` or ``ss``.
            timesteps: None for 20 (``dsr``) or 6.
            heads: readouts, one a task; None for one that all tasks share, protected like the layers.
            key: random key.

        Raises:
            ValueError: sizes, method, feedback or counts that make no network.
        """
        self.sizes = check_sizes(sizes)
        check_choice(method, "method", METHODS)
        check_choice(feedback, "feedback", FEEDBACK)
        self.method, self.feedback = method, feedback
        self.timesteps = STEPS[method] if timesteps is None else check_count(timesteps, "timesteps")
        layers = len(self.sizes) - 1 - (heads is not None)
        shapes = list(zip(self.sizes[1:], self.sizes[:-1], strict=True))[:layers]
        fan_ins = [pre for _, pre in shapes]
        self.weights = _drawn(key, shapes, fan_ins)
        self.backward = _drawn(jax.random.fold_in(key, 1), shapes, fan_ins) if feedback == "fa" else ()
        self.thresholds = tuple(jnp.asarray(0.3, float) for _ in self.sizes[1:-1]) if method == "dsr" else ()
        self.heads = None
        if heads is not None:
            width, classes = self.sizes[-2:]
            shape = (check_count(heads, "heads"), classes, width)
            self.heads = Heads(*_drawn(jax.random.fold_in(key, 2), (shape, shape[:2]), (width, width)))

    @property
    def projected(self) -> int:
        """Layers that can be protected."""
        return len(self.weights)

    @property
    def widths(self) -> tuple[int, ...]:
        """Presynaptic features of each such layer."""
        return self.sizes[: self.projected]

    def __call__(
        self, x: Float[Array, "rows inputs"], task: Int[Array, "..."] | int = 0
    ) -> Float[Array, "rows classes"]:
        """Logits, the mean over steps with ``ottt``."""
        if self.heads is not None and not is_traced(task):
            heads = len(self.heads.biases)
            if not bool(jnp.all((jnp.asarray(task) >= 0) & (jnp.asarray(task) < heads))):
                raise ValueError(f"task must be in [0, {heads - 1}], the number of a head; got {task}")
        output = self.forward(x, jnp.asarray(task)).output
        return jnp.mean(output, axis=0) if self.method == "ottt" else output

    def forward(
        self,
        x: Float[Array, "rows inputs"],
        task: Int[Array, "..."],
        protection: Protection = Protection(),
        *,
        rates: bool = False,
    ) -> Pass:
        """One pass over all steps, layer by layer.

        Args:
            x: static inputs.
            task: whose head to read, or one number a row; without heads it does not matter.
            protection: what the gradients of the weights must leave alone.
            rates: circuits of ``bptt`` learn from mean rates instead of spikes (cheaper, not the same).

        Returns:
            Output and activity.
        """
        steps, traced = self.timesteps, self.method == "ottt"
        z = self._linear(0, x, protection)
        activity = [x]
        spikes: Array | None = None
        pre: Array | None = None
        for layer in range(len(self.sizes) - 2):
            cells = self._cells(layer)
            drive = None if spikes is None else self._linear(layer, spikes, protection, pre)
            spikes = cells.held(z, steps) if drive is None else cells(drive)
            pre = jax.lax.stop_gradient(_traces(spikes)) if traced else None
            activity.append(self._seen(cells, spikes, pre, rates))
        return Pass(self._read(spikes, pre, task, protection), tuple(activity[: self.projected]))

    def step(
        self,
        x: Float[Array, "rows inputs"],
        task: Int[Array, "..."],
        protection: Protection,
        state: tuple[Array, ...],
    ) -> tuple[Float[Array, "rows classes"], tuple[tuple[Array, ...], tuple[Array, ...]]]:
        """One time step of ``ottt``, for updates at every step.

        Args:
            x, task, protection: as for :meth:`forward`.
            state: membrane and trace of each hidden layer in turn, from :meth:`at_rest` or an earlier step.

        Returns:
            Logits of this step; then the new state, and what the circuits learn from.
        """
        spikes, pre, after, activity = x, None, [], [x]
        for layer in range(len(self.sizes) - 2):
            v, a = state[2 * layer : 2 * layer + 2]
            v, spikes = MultiStepLIF(detach_past=True).step(v, self._linear(layer, spikes, protection, pre))
            pre = jax.lax.stop_gradient(Trace(**TRACE).step(a, spikes, 1.0)[0])  # type: ignore[arg-type]
            after += [v, pre]
            activity.append(jnp.concatenate([spikes, pre]))
        if self.heads is not None:
            return self.heads(spikes, task), (tuple(after), tuple(activity[: self.projected]))
        output = self._linear(len(self.weights) - 1, spikes, protection, pre)
        return output, (tuple(after), tuple(activity))

    def at_rest(self, rows: int) -> tuple[Array, ...]:
        """Membranes and traces before the first step."""
        return tuple(jnp.zeros((rows, units)) for units in self.sizes[1:-1] for _ in range(2))

    def _cells(self, layer: int) -> DSRNeuron | MultiStepLIF:
        if self.method == "dsr":
            return DSRNeuron(self.thresholds[layer])
        return MultiStepLIF(detach_past=self.method == "ottt")

    def _linear(self, layer: int, x: Array, protection: Protection, pre: Array | None = None) -> Array:
        W = self.weights[layer]
        carrier = self.backward[layer] if self.feedback == "fa" else None
        if self.feedback == "ss":
            carrier = jnp.sign(W) / jnp.sqrt(W.shape[1])
        basis = protection.bases[layer] if protection.bases else None
        if layer == 0 and protection.rest is not None:
            basis, pre = None, protection.rest
        return hlop_linear(
            x,
            W,
            basis,
            pre=pre,
            backward=carrier,
            mode="cheaper",
            spikes=protection.spikes,
            same_error=self.method == "dsr" and 0 < layer < len(self.sizes) - 2,
        )

    def _seen(self, cells: DSRNeuron | MultiStepLIF, spikes: Array, pre: Array | None, rates: bool) -> Array:
        if isinstance(cells, DSRNeuron):
            return cells.rate(spikes)
        if pre is not None:
            return jnp.concatenate([spikes, pre], axis=1)
        return jnp.mean(spikes, axis=0) if rates else spikes.reshape(-1, spikes.shape[-1])

    def _read(self, spikes: Any, pre: Array | None, task: Array, protection: Protection) -> Array:
        last = self._cells(len(self.sizes) - 3)
        if pre is None and (protection.spikes is None or self.heads is not None):
            spikes = last.rate(spikes) if isinstance(last, DSRNeuron) else jnp.mean(spikes, axis=0)
        if self.heads is not None:
            return self.heads(spikes, task)
        output = self._linear(len(self.weights) - 1, spikes, protection, pre)
        if pre is not None or output.ndim == 2:
            return output
        return last.rate(output) if isinstance(last, DSRNeuron) else jnp.mean(output, axis=0)


def loss_of(output: Float[Array, "*steps rows classes"], y: Int[Array, " rows"], weights: Array | None = None) -> Array:
    """Cross-entropy, mean over rows (or with a weight a row) and over the steps of ``ottt``."""
    logs = jnp.take_along_axis(jax.nn.log_softmax(output), jnp.broadcast_to(y[:, None], (*output.shape[:-1], 1)), -1)
    each = -logs[..., 0]
    each = each.mean(axis=0) if each.ndim == 2 else each
    return jnp.mean(each) if weights is None else jnp.sum(weights * each)


TRACE = {"tau_ms": 2.0, "method": "euler"}
"""Of presynaptic traces: ``a <- a/2 + s``."""


def _traces(spikes: Float[Array, "steps rows units"]) -> Float[Array, "steps rows units"]:
    trace = Trace(**TRACE)  # type: ignore[arg-type]
    return jax.lax.scan(lambda a, s: trace.step(a, s, 1.0), jnp.zeros_like(spikes[0]), spikes)[1]


def _drawn(key: Key[Array, ""], shapes: Sequence[tuple[int, ...]], fan_ins: Sequence[int]) -> tuple[Array, ...]:
    """Arrays uniform in ``±1/sqrt(fan_in)``, out of one draw: many small draws take long to compile."""
    sizes = [prod(shape) for shape in shapes]
    parts = jnp.split(jax.random.uniform(key, (sum(sizes),), minval=-1.0, maxval=1.0), list(accumulate(sizes))[:-1])
    return tuple(p.reshape(s) / jnp.sqrt(n) for p, s, n in zip(parts, shapes, fan_ins, strict=True))
