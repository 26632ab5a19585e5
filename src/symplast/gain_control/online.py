"""The online rule: each stimulus moves each gain by its own drive times an error sent back through the network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from symplast.gain_control.arguments import check_ensemble, check_number
from symplast.gain_control.circuit import GainCircuit, Gains, check_stimuli, present
from symplast.gain_control.cost import CodingCost
from symplast.gain_control.optimum import Quadratic, second_moment
from symplast.stats.arguments import check_count


class OnlineRun(eqx.Module):
    """A course of gains, in records of equally many stimuli.

    Attributes:
        g: (..., records, N) gains at the end of each record.
        mean: (..., records, N) their mean over the record's stimuli: single gains wander, means don't.
        loss: (..., records) objective at the end of each record; NaN where stimuli were given without an ensemble.
        stimuli: (records,) stimuli seen by then.
    """

    g: Float[Array, "*seeds records neurons"]
    mean: Float[Array, "*seeds records neurons"]
    loss: Float[Array, "*seeds records"]
    stimuli: np.ndarray

    def late_mean(self) -> np.ndarray:
        """Mean gains over the last half of the records."""
        mean: np.ndarray = np.asarray(self.mean)[..., len(self.stimuli) // 2 :, :].mean(axis=-2)
        return mean


def largest_rate(circuit: GainCircuit, p: Any, cost: CodingCost | None = None) -> float:
    """``2 / lambda_max(H)``, below which the online rule converges in mean."""
    cost = CodingCost() if cost is None else cost
    row = np.asarray(check_ensemble(p, circuit.n_stimuli), dtype=float)
    shared = Quadratic.of(circuit, cost)
    C = np.asarray(circuit.drive, dtype=float)
    H = np.asarray(shared.A, dtype=float) * ((C * row) @ C.T) + float(cost.gamma) * np.eye(circuit.n)
    return float(2 / np.linalg.eigvalsh(H)[-1])


def adapt_online(
    circuit: GainCircuit,
    p: Any = None,
    cost: CodingCost | None = None,
    *,
    key: Key[Array, "*seeds"] | None = None,
    steps: int = 20_000,
    stim_idx: Any = None,
    eta: float = 0.02,
    g0: Any = 1.0,
    records: int = 100,
    simulate: bool = False,
    dt: float = 0.001,
    steps_per_stim: int = 160,
) -> OnlineRun:
    """Adapt the gains stimulus by stimulus.

    ``dg = -eta { f(s) o ( M^T [ (D^T D + alpha I) r - D^T x(s) ] ) + gamma (g - g_home) }``: the bracket is an error
    signal sent back through the transposed network. Its mean is ``-eta / 2`` times the gradient of the objective, so
    the gains converge to the optimum in mean where eta is below ``2 / lambda_max(H)``. With the L1 cost of activity
    ``alpha r`` is ``alpha / 2``.

    Args:
        circuit: a circuit whose responses are linear in the gains (``simulate`` too needs that).
        p: (S,) ensemble from which stimuli are drawn.
        cost: weights of the objective.
        key: of the draws; several keys, in an array, run side by side.
        steps: stimuli to draw.
        stim_idx: (T,) indices of the stimuli instead, in order.
        eta: learning rate.
        g0: (N,) first gains, or one for all.
        records: how many times the course is recorded; the stimuli must divide into so many.
        simulate: integrate the responses (``dt``, ``steps_per_stim``), carried over from stimulus to stimulus, instead
            of taking their steady state; one gain step at the end of each presentation.
        dt: Euler step in seconds.
        steps_per_stim: Euler steps a stimulus.

    Raises:
        ValueError: a circuit without closed form, both or neither of stimuli and an ensemble with key, a rate at which
            the gains diverge, or a setting out of range.

    Warns:
        UserWarning: presentations are shorter than five time constants.

    Example:
        >>> circuit = GainCircuit([[1, 0.5, 0.2], [0.4, 1, 0.4]], [[0, 0.2], [0.1, 0]])
        >>> run = adapt_online(circuit, [0.2, 0.3, 0.5], key=jax.random.key(0), eta=0.02)
        >>> print(run.late_mean().round(2))
        [0.63 0.57]
    """
    cost = CodingCost() if cost is None else cost
    if not circuit.linear:
        raise ValueError('adapt_online needs responses linear in the gains: gain_site="drive" and rectify=False')
    eta = check_number(eta, "eta", above=True)
    count = check_count(records, "records")
    row = None if p is None else np.asarray(check_ensemble(p, circuit.n_stimuli))
    if row is not None and row.ndim != 1:
        raise ValueError(f"p must be one ensemble of {circuit.n_stimuli} stimuli, got shape {row.shape}")
    if row is not None and eta >= (most := largest_rate(circuit, row, cost)):
        raise ValueError(f"eta must be below 2 / lambda_max(H) = {most:.4g} here, or the gains diverge; got {eta:g}")
    if (stim_idx is None) == (key is None) or (key is not None and row is None):
        raise ValueError("give either stim_idx, or p and key to draw from it")
    total = check_count(steps, "steps") if stim_idx is None else len(check_stimuli(stim_idx, circuit.n_stimuli))
    if total % count:
        raise ValueError(f"records must divide the {total} stimuli, got {count}")
    ratio = circuit.check_step(dt, check_count(steps_per_stim, "steps_per_stim")) if simulate else 0.1
    start = circuit.check_gains(g0)
    settings = cost.as_arrays(), jnp.asarray(eta), start, jnp.asarray(ratio)
    each = total // count
    known = np.full(circuit.n_stimuli, np.nan) if row is None else row
    ensemble = jnp.asarray(known, dtype=start.dtype)
    inner = steps_per_stim if simulate else 0
    if stim_idx is not None:
        shown = check_stimuli(stim_idx, circuit.n_stimuli).reshape(count, each)
        g, mean, loss = _given(circuit, shown, ensemble, *settings, inner)
    else:
        g, mean, loss = _drawn(circuit, jnp.asarray(key), ensemble, *settings, count, each, inner)
    if not np.isfinite(np.asarray(g)).all():
        raise ValueError(f"the gains diverge at eta = {eta:g}: take a smaller one")
    return OnlineRun(g, mean, loss, each * np.arange(1, count + 1))


@eqx.filter_jit
def _given(circuit: Any, shown: Any, p: Any, cost: Any, eta: Any, g0: Any, ratio: Any, inner: int) -> Any:
    rule = Rule.of(circuit, cost, eta, ratio, inner)

    def record(state: Any, block: Int[Array, " each"]) -> Any:
        state, total = rule.block(state, block)
        return state, (state[0], total / block.size)

    gains, mean = jax.lax.scan(record, rule.start(g0), shown)[1]
    return gains, mean, rule.losses(gains, p)


@eqx.filter_jit
def _drawn(
    circuit: Any, key: Any, p: Any, cost: Any, eta: Any, g0: Any, ratio: Any, count: int, each: int, inner: int
) -> Any:
    """Several keys side by side; stimuli of a record are drawn at once."""
    rule = Rule.of(circuit, cost, eta, ratio, inner)
    edges = jnp.cumsum(p)

    def one(key: Any) -> Any:
        def record(state: Any, number: Any) -> Any:
            u = jax.random.uniform(jax.random.fold_in(key, number), (each,), dtype=p.dtype)
            state, total = rule.block(state, pick(edges, u))
            return state, (state[0], total / each)

        return jax.lax.scan(record, rule.start(g0), jnp.arange(count))[1]

    for _ in range(key.ndim):
        one = jax.vmap(one)
    gains, mean = one(key)
    return gains, mean, rule.losses(gains, p)


def pick(edges: Float[Array, " stimuli"], u: Float[Array, " draws"]) -> Int[Array, " draws"]:
    """Stimuli by the inverse of the cumulated ensemble: much cheaper than ``jax.random.categorical``."""
    return jnp.minimum(jnp.searchsorted(edges, u * edges[-1], side="right"), edges.size - 1)


class Rule(eqx.Module):
    """The online rule of one circuit, with what does not change computed once.

    Attributes:
        A: (N, N) ``M^T (D^T D + alpha I) M``.
        back: (N, S) ``M^T D^T x(s)``, less ``alpha / 2 M^T 1`` for the L1 cost.
    """

    circuit: GainCircuit
    cost: CodingCost
    shared: Quadratic
    back: Float[Array, "neurons stimuli"]
    eta: Any
    ratio: Any
    inner: int = eqx.field(static=True)

    @classmethod
    def of(cls, circuit: GainCircuit, cost: CodingCost, eta: Any, ratio: Any, inner: int) -> "Rule":
        """Precompute."""
        M = circuit.mixing
        back = M.T @ circuit.decoder.T @ circuit.target
        if cost.activity == "l1":
            back = back - cost.alpha / 2 * M.sum(axis=0)[:, None]
        return cls(circuit, cost, Quadratic.of(circuit, cost), back, eta, ratio, inner)

    def start(self, g0: Gains) -> tuple[Gains, Gains]:
        """Gains and responses to begin with."""
        return g0, jnp.zeros_like(g0)

    def block(self, state: tuple[Gains, Gains], stimuli: Int[Array, " each"]) -> tuple[tuple[Gains, Gains], Gains]:
        """Adapt to stimuli one by one; also the sum of the gains after each."""
        drives, backs = self.circuit.drive.T, self.back.T
        gamma, home = self.cost.gamma, self.cost.g_home

        def step(carry: Any, m: Any) -> Any:
            (g, r), total = carry
            f = drives[m]
            if self.inner:
                r = present(self.circuit, g, r, f, self.ratio, self.inner)
                error = self.returned(r) - backs[m]
            else:
                error = self.shared.A @ (g * f) - backs[m]
            g = g - self.eta * (f * error + gamma * (g - home))
            return ((g, r), total + g), None

        (state, total), _ = jax.lax.scan(step, (state, jnp.zeros_like(state[0])), stimuli)
        return state, total

    def returned(self, r: Gains) -> Gains:
        """``M^T (D^T D + alpha I) r``."""
        D = self.circuit.decoder
        back = D.T @ (D @ r)
        return self.circuit.mixing.T @ (back if self.cost.activity == "l1" else back + self.cost.alpha * r)

    def losses(self, gains: Float[Array, "... neurons"], p: Float[Array, " stimuli"]) -> Float[Array, "..."]:
        """Objective at each of many gains, from second moments."""
        C = second_moment(self.circuit, p)
        H = self.shared.A * C + self.cost.gamma * jnp.eye(self.circuit.n, dtype=C.dtype)
        h = self.shared.along @ p + self.cost.gamma * self.cost.g_home
        rest = (self.circuit.target**2).sum(axis=0) @ p + self.circuit.n * self.cost.gamma * self.cost.g_home**2
        return ((gains @ H) * gains).sum(axis=-1) - 2 * gains @ h + rest
