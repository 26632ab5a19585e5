"""A recurrent circuit with fixed weights, whose neurons change only their gains."""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from symplast.gain_control.arguments import (
    check_array,
    check_number,
    check_stable,
    numbers_by,
    spectral_abscissa,
    traced,
)
from symplast.learning.compiling import lightly
from symplast.stats.arguments import check_count

Gains = Float[Array, " neurons"]
Responses = Float[Array, "neurons stimuli"]

LOW_RANK = 0.5
"""A drive of at most this share of full rank is kept in factors."""

SETTLED = 1e-9
"""Largest change left, over the largest response, where rectified responses count as settled."""

FEW_TIME_CONSTANTS = 5
"""Shorter presentations than this many of the slowest time constant bias what is learned from them."""


class Factors(eqx.Module):
    """A drive of low rank, ``F = U Z``; products with it cost less.

    Attributes:
        U: (N, rank) orthonormal columns.
        Z: (rank, S).
    """

    U: Float[Array, "neurons rank"]
    Z: Float[Array, "rank stimuli"]


class GainCircuit(eqx.Module):
    """N neurons with drive F, fixed recurrent weights W and gains g; a linear decoder D reads them out.

    With ``gain_site="drive"`` the gain multiplies the feed-forward drive, ``tau dr/dt = -r + g f(s) + W r``, so
    ``r = M (g f(s))`` with ``M = (I - W)^{-1}``: linear in g, which is what makes the optimum analytic (this place is
    our reconstruction). With ``gain_site="total"`` it multiplies all input, ``tau dr/dt = -r + g (f(s) + W r)``, so
    ``r = (I - diag(g) W)^{-1} (g f(s))``.

    Attributes:
        drive: (N, S) feed-forward drive, at least 0.
        weights: (N, N), from column to row.
        mixing: M.
        decoder: (K, N) D.
        target: (K, S) X, what has to be represented.
        factors: of the drive where its rank is low.
        gain_site: ``drive`` or ``total``.
        rectify: whether responses are cut off at 0.
        tau_r: time constant of the responses, seconds.

    Example:
        >>> circuit = GainCircuit([[1, 0.5, 0.2], [0.4, 1, 0.4]], [[0, 0.2], [0.1, 0]])
        >>> circuit.responses([1.0, 1.0]).round(4)[0].tolist() == circuit.responses(1.0).round(4)[0].tolist()
        True
        >>> print(" ".join(f"{r:.3f}" for r in circuit.responses(1.0)[1]))
        0.510 1.071 0.429
    """

    drive: Responses
    weights: Float[Array, "neurons neurons"]
    mixing: Float[Array, "neurons neurons"]
    decoder: Float[Array, "channels neurons"]
    target: Float[Array, "channels stimuli"]
    factors: Factors | None
    gain_site: str = eqx.field(static=True)
    rectify: bool = eqx.field(static=True)
    tau_r: float = eqx.field(static=True)

    def __init__(
        self,
        drive: Any,
        weights: Any,
        *,
        decoder: Any = "inverse",
        target: Any = None,
        gain_site: str = "drive",
        rectify: bool = False,
        tau_r: float = 0.010,
    ):
        """Factor the network once; everything later reuses it.

        Args:
            drive: (N, S) F, at least 0.
            weights: (N, N) W.
            decoder: ``inverse`` (``I - W``, exact at g = 1), ``ridge`` (least squares for the uniform ensemble at g =
                1), or a (K, N) array.
            target: (K, S) what the decoder is to give; None: the drive.
            gain_site: ``drive`` or ``total``.
            rectify: cut responses off at 0; there is no closed form then.
            tau_r: time constant in seconds.

        Raises:
            ValueError: shapes that don't fit (both are named), numbers that are not finite, a negative drive, or
                weights without a stable steady state (the eigenvalue and the largest stable scale are named).
        """
        F, W = check_array(drive, "drive", "neurons, stimuli", 0.0), check_array(weights, "weights", "neurons, neurons")
        n = F.shape[0]
        if W.shape != (n, n):
            raise ValueError(f"weights must have shape ({n}, {n}), as drive has shape {F.shape}; got {W.shape}")
        if gain_site not in ("drive", "total"):
            raise ValueError(f"gain_site must be drive or total, got {gain_site!r}")
        if not traced(W):
            check_stable(W)
        xp = numbers_by(F, W)
        X = F if target is None else check_array(target, "target", "channels, stimuli")
        if X.shape[1] != F.shape[1]:
            raise ValueError(f"target must have as many stimuli as drive, got shapes {X.shape} and {F.shape}")
        eye = xp.eye(n)
        mixing = xp.linalg.solve(eye - W, eye)
        D = _decoder(decoder, F, W, X, mixing)
        if D.shape != (X.shape[0], n):
            raise ValueError(
                f"decoder must have shape ({X.shape[0]}, {n}), as target has shape {X.shape} and drive {F.shape}; "
                f"got {D.shape}"
            )
        self.drive, self.weights, self.mixing = jnp.asarray(F), jnp.asarray(W), jnp.asarray(mixing)
        self.decoder, self.target = jnp.asarray(D), jnp.asarray(X)
        self.factors = None if traced(F) else _factors(F)
        self.gain_site, self.rectify = gain_site, bool(rectify)
        self.tau_r = check_number(tau_r, "tau_r", above=True)

    @property
    def n(self) -> int:
        """Number of neurons."""
        return self.drive.shape[0]

    @property
    def n_stimuli(self) -> int:
        """Number of stimuli."""
        return self.drive.shape[1]

    @property
    def linear(self) -> bool:
        """Whether responses are linear in the gains, so that the optimum is analytic."""
        return self.gain_site == "drive" and not self.rectify

    def responses(self, g: Any) -> Responses:
        """Steady-state responses to all stimuli, (N, S).

        Args:
            g: (N,) gains, or one for all.

        Raises:
            ValueError: gains of another shape or not finite, gains that destabilise the circuit (``total``), or
                rectified responses that don't settle.
        """
        gains = self.check_gains(g)
        found: Responses = _responses(self, gains)
        if self.rectify and not traced(found):
            left = jnp.abs(rates(self, gains, found, self.drive)).max()
            if not float(left) <= SETTLED * max(float(jnp.abs(found).max()), 1e-300) * _coarseness(found.dtype):
                raise ValueError(
                    "rectified responses don't settle: the weights are stable while all neurons are active, but not "
                    "where some are silent; scale them down"
                )
        return found

    def simulate(
        self, stim_idx: Any, g: Any, dt: float = 0.001, steps_per_stim: int = 160
    ) -> Float[Array, "presentations neurons"]:
        """Responses at the end of each presentation, by Euler steps that go on from one stimulus to the next.

        Args:
            stim_idx: (T,) indices of the stimuli shown.
            g: (N,) gains, or one for all.
            dt: step in seconds, below ``tau_r``.
            steps_per_stim: steps a stimulus.

        Raises:
            ValueError: indices out of range, too large a step.

        Warns:
            UserWarning: a presentation is shorter than five of the slowest time constant.
        """
        gains = self.check_gains(g)
        idx = check_stimuli(stim_idx, self.n_stimuli)
        steps = check_count(steps_per_stim, "steps_per_stim")
        ratio = self.check_step(dt, steps, np.asarray(gains))
        found: Float[Array, "presentations neurons"] = _simulate(self, idx, gains, jnp.asarray(ratio), steps)
        return found

    def slowest_time_constant(self, g: Any = None) -> float:
        """``tau_r / (1 - max Re eig)``, in seconds."""
        weights = np.asarray(self.weights, dtype=float)
        if self.gain_site == "total" and g is not None:
            weights = np.asarray(g, dtype=float)[:, None] * weights
        return self.tau_r / (1 - spectral_abscissa(weights))

    def check_step(self, dt: float, steps: int, g: Any = None) -> float:
        """``dt / tau_r``, with a warning where a presentation is short.

        Raises:
            ValueError: ``dt`` is not below ``tau_r``.
        """
        dt = check_number(dt, "dt", above=True)
        if dt >= self.tau_r:
            raise ValueError(f"dt must be below tau_r = {self.tau_r:g} s, got {dt:g}")
        slowest = self.slowest_time_constant(g)
        if dt * steps < FEW_TIME_CONSTANTS * slowest:
            warnings.warn(
                f"presentations of {1000 * dt * steps:g} ms are shorter than {FEW_TIME_CONSTANTS} time constants of "
                f"the circuit ({1000 * slowest:.3g} ms each): responses don't reach their steady state, and gains "
                "learned from them are biased",
                stacklevel=3,
            )
        return dt / self.tau_r

    def check_gains(self, g: Any) -> Gains:
        """(N,) gains.

        Raises:
            ValueError: another shape, numbers that are not finite, or gains that destabilise the circuit.
        """
        if traced(g):
            return jnp.broadcast_to(jnp.asarray(g), (self.n,))
        found = np.asarray(g, dtype=float)
        if found.shape not in ((), (self.n,)):
            raise ValueError(f"g must have shape ({self.n},), as drive has shape {self.drive.shape}; got {found.shape}")
        if not np.isfinite(found).all():
            raise ValueError("g must be finite, it holds NaN or infinity")
        found = np.broadcast_to(found, (self.n,))
        if self.gain_site == "total" and not traced(self.weights):
            largest = spectral_abscissa(found[:, None] * np.asarray(self.weights, dtype=float))
            if largest >= 1:
                raise ValueError(
                    f"g must leave the circuit stable: the largest eigenvalue (real part) of diag(g) W must be below "
                    f"1, it is {largest:.6g}; scaled by less than {1 / largest:.6g} they do"
                )
        return jnp.asarray(found)


def check_stimuli(stim_idx: Any, stimuli: int) -> Int[Array, " presentations"]:
    """Indices of stimuli.

    Raises:
        ValueError: none, other than whole numbers, or some out of range.
    """
    idx = np.asarray(stim_idx)
    if idx.ndim != 1 or not idx.size or idx.dtype.kind not in "iu" or idx.min() < 0 or idx.max() >= stimuli:
        shown = f"{idx.dtype}{list(idx.shape)}"
        if idx.size and idx.dtype.kind in "iu":
            shown += f" from {idx.min()} to {idx.max()}"
        raise ValueError(f"stim_idx must be (T,) whole numbers in [0, {stimuli}), got {shown}")
    return jnp.asarray(idx.astype(np.int32))


def steady_state(circuit: GainCircuit, g: Gains, f: Float[Array, "neurons columns"]) -> Float[Array, "neurons columns"]:
    """Responses to drives in columns; pure, unchecked, for use inside transformations."""
    if circuit.gain_site == "drive":
        linear = circuit.mixing @ (g[:, None] * f)
    else:
        linear = jnp.linalg.solve(jnp.eye(circuit.n, dtype=g.dtype) - g[:, None] * circuit.weights, g[:, None] * f)
    return _settle(circuit, g, f, linear) if circuit.rectify else linear


def rates(circuit: GainCircuit, g: Gains, r: Array, f: Array) -> Array:
    """``tau dr/dt`` of responses and drives in columns."""
    recurrent = circuit.weights @ r
    target = g[:, None] * f + recurrent if circuit.gain_site == "drive" else g[:, None] * (f + recurrent)
    return (jnp.maximum(target, 0.0) if circuit.rectify else target) - r


def _settle(circuit: GainCircuit, g: Gains, f: Array, start: Array) -> Array:
    """Rectified responses by relaxation; the number of steps follows from the slowest mode."""
    weights = np.asarray(circuit.weights, dtype=float) if not traced(circuit.weights) else None
    step, count = 0.5, 400
    if weights is not None:
        step = 1 / (1 + max(0.0, -np.linalg.eigvals(weights).real.min()))
        count = int(np.ceil(30 / step / (1 - min(spectral_abscissa(weights), 0.99))))

    def once(r: Array, _: None) -> tuple[Array, None]:
        return r + step * rates(circuit, g, r, f), None

    return jax.lax.scan(once, jnp.maximum(start, 0.0), None, length=min(count, 4000))[0]


def _coarseness(dtype: Any) -> float:
    """How much coarser than float64 a type is allowed to be."""
    return 1.0 if dtype == jnp.float64 else 1e4


def _decoder(decoder: Any, F: Any, W: Any, X: Any, mixing: Any) -> Any:
    """(K, N) decoder by name or as given."""
    xp = numbers_by(F, W)
    if isinstance(decoder, str):
        if decoder == "inverse":
            return xp.eye(W.shape[0]) - W
        if decoder == "ridge":
            R0 = mixing @ F / xp.sqrt(F.shape[1])
            gram = R0 @ R0.T
            eps = 1e-6 * xp.trace(gram) / W.shape[0]
            return xp.linalg.solve(gram + eps * xp.eye(W.shape[0]), R0 @ X.T / xp.sqrt(F.shape[1])).T
        raise ValueError(f"decoder must be inverse, ridge or a (K, N) array, got {decoder!r}")
    return check_array(decoder, "decoder", "channels, neurons")


def _factors(F: np.ndarray) -> Factors | None:
    """The drive in factors, where its rank is at most half of what it could be."""
    U, s, V = np.linalg.svd(F, full_matrices=False)
    rank = int((s > max(F.shape) * np.finfo(float).eps * s[0]).sum()) if s[0] > 0 else 0
    if not 0 < rank <= LOW_RANK * min(F.shape):
        return None
    return Factors(jnp.asarray(U[:, :rank]), jnp.asarray(s[:rank, None] * V[:rank]))


@lightly
def _responses(circuit: GainCircuit, g: Gains) -> Responses:
    return steady_state(circuit, g, circuit.drive)


@eqx.filter_jit
def _simulate(
    circuit: GainCircuit, idx: Int[Array, " presentations"], g: Gains, ratio: Float[Array, ""], steps: int
) -> Float[Array, "presentations neurons"]:
    def show(r: Array, m: Array) -> tuple[Array, Array]:
        r = present(circuit, g, r, circuit.drive[:, m], ratio, steps)
        return r, r

    return jax.lax.scan(show, jnp.zeros(circuit.n, dtype=g.dtype), idx)[1]


def present(circuit: GainCircuit, g: Gains, r: Gains, f: Gains, ratio: Any, steps: int) -> Gains:
    """Euler steps of one presentation, ``ratio = dt / tau_r`` each."""

    def once(_: Any, r: Array) -> Array:
        return r + ratio * rates(circuit, g, r[:, None], f[:, None])[:, 0]

    return jax.lax.fori_loop(0, steps, once, r)
