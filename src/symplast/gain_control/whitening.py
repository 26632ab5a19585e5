"""Adaptive whitening by interneurons that only change their gains."""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from symplast.gain_control.arguments import check_array, check_covariance, check_number
from symplast.learning.compiling import lightly
from symplast.stats.arguments import check_count

UNIT = 1e-6
"""How far a column's norm may be from 1 before it is normalised with a warning."""

ETA = 0.05
"""Learning rate of :meth:`FrameWhitener.fit`."""

ETA_ONLINE = 5e-3
"""Learning rate of :meth:`FrameWhitener.partial_fit`."""

EXACT = 1e-8
"""Residual of the closed form, over the size of what is solved for, up to which a frame whitens a covariance."""


class FrameWhitener(eqx.Module):
    """N primary neurons, and K interneurons of fixed weights whose gains adapt until their inputs have variance 1.

    ``tau dy/dt = x - W (g o z) - a y`` with ``z = W^T y``, so ``y = T x`` with ``T = (a I + W diag(g) W^T)^{-1}``; each
    gain follows ``g_k <- g_k + eta (E[z_k^2] - 1)``. With K = N (N + 1) / 2 generic interneurons any covariance is
    whitened; with fewer, the K projections still reach variance 1 (``flag`` is then ``partial``). All methods return a
    new object: ``whitener = whitener.partial_fit(x)``.

    Attributes:
        frame: (N, K) unit columns.
        leak: a.
        nonneg: whether gains are kept at 0 or above: robust, but not fully white.
        g: (K,) gains.
        errors: ``|Cyy - I|^2 / N^2`` before each update of the last :meth:`fit`.

    Example:
        >>> from symplast.gain_control import frames
        >>> Cxx = [[2, 0.6], [0.6, 1]]
        >>> whitener = FrameWhitener(frames.mercedes()).fit(Cxx)
        >>> print(np.round(whitener.g, 3), bool(whitener.errors[-1] < 1e-7))
        [ 0.402 -0.316  0.272] True
        >>> print(np.round(FrameWhitener(frames.mercedes()).closed_form(Cxx).g, 3))
        [ 0.402 -0.316  0.272]
    """

    frame: np.ndarray
    leak: np.ndarray
    nonneg: np.ndarray
    g: Float[Array, " interneurons"] | np.ndarray
    errors: Float[Array, " updates"] | np.ndarray

    def __init__(self, frame: Any, leak: Any = 1.0, nonneg: bool = False, g0: Any = 1.0):
        """A circuit before it has adapted.

        Args:
            frame: (N, K) columns; normalised, with a warning, where their norms aren't 1.
            leak: a, above 0.
            nonneg: keep the gains at 0 or above.
            g0: (K,) first gains, or one for all.

        Raises:
            ValueError: numbers that are not finite, a column of zeros, a leak that is not above 0, or first gains of
                another shape.
        """
        W = check_array(frame, "frame", "neurons, interneurons")
        norms = np.linalg.norm(W, axis=0)
        if (norms == 0).any():
            raise ValueError(f"frame must have no column of zeros, column {int(norms.argmin())} is one")
        if np.abs(norms - 1).max() > UNIT:
            warnings.warn(
                f"columns of the frame are made unit vectors; their norms were {norms.min():.4g} to {norms.max():.4g}",
                stacklevel=2,
            )
        self.frame = W / norms
        self.leak = np.array(check_number(leak, "leak", above=True))
        self.nonneg = np.array(bool(nonneg))
        first = check_array(np.atleast_1d(g0), "g0", "interneurons")
        if first.size not in (1, W.shape[1]):
            raise ValueError(f"g0 must have shape ({W.shape[1]},), as frame has shape {W.shape}; got {first.shape}")
        if nonneg and first.min() < 0:
            raise ValueError(f"g0 must be at least 0 with nonneg, got {first.min():g}")
        self.g = np.broadcast_to(first, (W.shape[1],)).copy()
        self.errors = np.zeros(0)

    @property
    def n(self) -> int:
        """Primary neurons."""
        return self.frame.shape[0]

    @property
    def flag(self) -> str:
        """``partial`` where there are too few interneurons to whiten any covariance."""
        return "partial" if self.frame.shape[1] < self.n * (self.n + 1) // 2 else ""

    @property
    def response(self) -> np.ndarray:
        """(N, N) T, in float64."""
        W, g = self.frame, np.asarray(self.g, dtype=float)
        return np.linalg.inv(float(self.leak) * np.eye(self.n) + (W * g) @ W.T)

    def covariance(self, Cxx: Any) -> np.ndarray:
        """(N, N) ``Cyy = T Cxx T``."""
        T = self.response
        return np.asarray(T @ check_covariance(Cxx, self.n) @ T)

    def fit(self, Cxx: Any, *, eta: Any = ETA, steps: int = 500) -> "FrameWhitener":
        """Adapt to a covariance, from the present gains.

        Args:
            Cxx: (N, N) covariance of the inputs.
            eta: learning rate.
            steps: updates.

        Raises:
            ValueError: no covariance, or gains that diverge.
        """
        C = check_covariance(Cxx, self.n)
        rate = np.array(check_number(eta, "eta", above=True))
        g, errors = _offline(self.frame, self.leak, self.nonneg, self.g, C, rate, check_count(steps, "steps"))
        return self._adapted(g, errors, float(rate))

    def partial_fit(self, x: Any, *, eta: Any = ETA_ONLINE, batch: int | None = None) -> "FrameWhitener":
        """Adapt to samples, by the circuit's own responses ``T x`` to them.

        Args:
            x: (B, N) samples, a row each, with mean 0.
            eta: learning rate.
            batch: samples an update; None: all of them. Further samples than whole batches make a smaller one.

        Raises:
            ValueError: samples of another width or not finite, or gains that diverge.
        """
        samples = self._samples(x)
        rate = np.array(check_number(eta, "eta", above=True))
        size = len(samples) if batch is None else min(check_count(batch, "batch"), len(samples))
        count = -(-len(samples) // size)
        padded = np.zeros((count * size, self.n), dtype=samples.dtype)
        padded[: len(samples)] = samples
        sizes = np.full(count, float(size))
        sizes[-1] = len(samples) - (count - 1) * size
        batches = padded.reshape(count, size, self.n)
        g = _online(self.frame, self.leak, self.nonneg, self.g, batches, sizes, rate)
        return self._adapted(g, np.zeros(0), float(rate))

    def transform(self, x: Any) -> np.ndarray:
        """Responses ``T x`` to samples, a row each; float32 samples give float32."""
        samples = self._samples(x)
        return np.asarray(samples @ self.response.astype(samples.dtype))

    def closed_form(self, Cxx: Any) -> "FrameWhitener":
        """The gains that whiten a covariance exactly: ``W diag(g) W^T = Cxx^{1/2} - a I``.

        Solved as ``V g = vech(Cxx^{1/2} - a I)``, columns of V being ``vech(w_k w_k^T)`` with off-diagonals times
        sqrt(2): the normal equations ``G2 = V^T V = (W^T W) o (W^T W)`` would square the condition number. Of several
        solutions the one of least norm.

        Raises:
            ValueError: a singular covariance, one that the frame can't whiten, or ``nonneg`` where a gain would be
                negative.
        """
        C = check_covariance(Cxx, self.n)
        values, vectors = np.linalg.eigh(C)
        if values[0] <= np.finfo(float).eps * self.n * values[-1]:
            raise ValueError(
                f"Cxx must be positive definite to be whitened exactly, its smallest eigenvalue is {values[0]:.3g}; "
                "add a little to its diagonal, or use fit"
            )
        aim = (vectors * np.sqrt(values)) @ vectors.T - float(self.leak) * np.eye(self.n)
        V = vech(self.frame[:, None, :] * self.frame[None, :, :])
        g, *_ = np.linalg.lstsq(V, vech(aim), rcond=None)
        left = np.abs(V @ g - vech(aim)).max()
        if left > EXACT * max(np.abs(aim).max(), float(self.leak)):
            raise ValueError(
                f"frame with {self.frame.shape[1]} interneurons can't whiten this covariance exactly (off by "
                f"{left:.3g}); generic frames of {self.n * (self.n + 1) // 2} can, and fit brings the projections of "
                "others to variance 1"
            )
        if self.nonneg and g.min() < -EXACT:
            raise ValueError(
                f"nonneg: whitening exactly needs a gain of {g.min():.3g}; use fit, or allow negative ones"
            )
        return self._with(g, np.zeros(0))

    def steps_to(self, error: float) -> int | None:
        """Updates of the last :meth:`fit` until the error was below this; None where it never was."""
        below = np.flatnonzero(np.asarray(self.errors) < error)
        return int(below[0]) if below.size else None

    def _samples(self, x: Any) -> np.ndarray:
        samples = np.asarray(x)
        kept = samples.dtype if samples.dtype == np.float32 else np.float64
        found: np.ndarray = check_array(samples, "x", "samples, neurons").astype(kept)
        if found.shape[1] != self.n:
            raise ValueError(f"x must have {self.n} columns, as frame has shape {self.frame.shape}; got {found.shape}")
        return found

    def _adapted(self, g: Any, errors: Any, eta: float) -> "FrameWhitener":
        found = np.asarray(g, dtype=float)
        W = self.frame
        stable = np.isfinite(found).all()
        if stable:
            stable = np.linalg.eigvalsh(float(self.leak) * np.eye(self.n) + (W * found) @ W.T)[0] > 0
        if not stable:
            raise ValueError(
                f"eta={eta:g} is too large for these inputs: the gains diverge; take a smaller one, scale the inputs "
                "to variances around 1, or use nonneg=True"
            )
        return self._with(found, np.asarray(errors))

    def _with(self, g: np.ndarray, errors: np.ndarray) -> "FrameWhitener":
        return eqx.tree_at(lambda own: (own.g, own.errors), self, (g, errors))


def vech(matrices: np.ndarray) -> np.ndarray:
    """Lower triangles of symmetric (N, N, ...) matrices as vectors, off-diagonals times sqrt(2): norms are kept.

    Example:
        >>> vech(np.array([[1.0, 2.0], [2.0, 3.0]])).round(3).tolist()
        [1.0, 2.828, 3.0]
    """
    rows, columns = np.tril_indices(matrices.shape[0])
    scale = np.where(rows == columns, 1.0, np.sqrt(2.0)).reshape(-1, *(1,) * (matrices.ndim - 2))
    return np.asarray(matrices[rows, columns] * scale)


def moved(g: Array, variances: Array, eta: Any, nonneg: Any) -> Array:
    """One update of the gains."""
    return jnp.maximum(g + eta * (variances - 1), jnp.where(nonneg, 0.0, -jnp.inf))


def course(
    W: Array, leak: Any, nonneg: Any, g: Array, Cxx: Array, eta: Any, steps: int
) -> tuple[Float[Array, " interneurons"], Float[Array, " steps"]]:
    """Offline updates: the last gains, and the error before each update; pure, for use inside transformations."""
    n = W.shape[0]
    eye = jnp.eye(n, dtype=Cxx.dtype)

    def update(g: Array, _: None) -> tuple[Array, Array]:
        T = cho_solve(cho_factor(leak * eye + (W * g) @ W.T), eye)  # NaN where the gains have diverged
        Cyy = T @ Cxx @ T
        error = ((Cyy - eye) ** 2).sum() / n**2
        return moved(g, (W * (Cyy @ W)).sum(axis=0), eta, nonneg), error

    return jax.lax.scan(update, g, None, length=steps)


@lightly
def _offline(W: Any, leak: Any, nonneg: Any, g: Any, Cxx: Any, eta: Any, steps: int) -> Any:
    return course(W, leak, nonneg, g, Cxx, eta, steps)


@lightly
def _online(W: Any, leak: Any, nonneg: Any, g: Any, batches: Any, sizes: Any, eta: Any) -> Any:
    eye = jnp.eye(W.shape[0], dtype=W.dtype)

    def update(g: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        x, size = pair
        y = cho_solve(cho_factor(leak * eye + (W * g) @ W.T), x.T.astype(W.dtype))
        return moved(g, ((W.T @ y) ** 2).sum(axis=1) / size, eta, nonneg), None

    return jax.lax.scan(update, g, (batches, sizes))[0]
