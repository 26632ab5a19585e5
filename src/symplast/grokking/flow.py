"""One neuron and frequency at small weights: the reduced flow, what it conserves, and when it blows up."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Complex, Float
from scipy.special import elliprf

from symplast.grokking.arguments import check_modulus
from symplast.on_use import solve_ivp
from symplast.stats.arguments import check_count, plain


class Flow(NamedTuple):
    """A solution of the reduced flow.

    Attributes:
        A: (times, ...) complex input coefficients ``alpha e^{i phi}``.
        B: (times, ...) complex output coefficients ``beta e^{i psi}``.
    """

    A: Complex[np.ndarray, "times ..."]
    B: Complex[np.ndarray, "times ..."]

    @property
    def misalignment(self) -> Float[np.ndarray, "times ..."]:
        """Misalignment ``2 phi - psi`` in (-pi, pi]."""
        return np.angle(self.A**2 * np.conj(self.B))


def reduced_flow(A0: Any, B0: Any, p: int, t: Any) -> Flow:
    """``dA/dt = (2/p) B conj(A)``, ``dB/dt = A^2 / p`` (Eq. 4): gradient flow of x^2 networks at small weights.

    Frequencies and neurons don't touch each other, so A0 and B0 may hold many. Solved by an explicit Runge-Kutta method
    of order 8 to 1e-12.

    Args:
        A0, B0: complex, of equal shape.
        p: odd modulus.
        t: (times,) not falling, from 0 on; before the earliest blow-up.

    Raises:
        ValueError: shapes that differ, numbers that are not finite, times that fall or lie beyond the blow-up.

    Example:
        >>> flow = reduced_flow(0.02 * np.sqrt(2), 0.02, 23, [0, 287.5])  # half of the way to the blow-up at 575
        >>> abs(flow.B[-1]).round(6)
        np.float64(0.04)
    """
    p = check_modulus(p)
    A, B = (np.asarray(plain(value, name), dtype=complex) for value, name in ((A0, "A0"), (B0, "B0")))
    times = np.asarray(plain(t, "t"), dtype=float)
    if A.shape != B.shape:
        raise ValueError(f"A0 and B0 must have equal shapes, got {A.shape} and {B.shape}")
    if not (np.isfinite(A).all() and np.isfinite(B).all()):
        raise ValueError("A0 and B0 must be finite")
    if times.ndim != 1 or not times.size or not np.isfinite(times).all() or times[0] < 0 or (np.diff(times) < 0).any():
        raise ValueError("t must hold finite times from 0 on that don't fall")
    D0 = np.angle(A**2 * np.conj(B))
    last = float(np.min(blow_up_time(np.abs(A), np.abs(B), D0, p)))
    if times[-1] >= last:
        raise ValueError(f"t must stay below the earliest blow-up at {last:.6g}, got {times[-1]:g}")
    n = A.size
    # one solver step a set of neurons, all scaled alike: neurons are independent
    size = max(float(np.hypot(np.abs(A), np.abs(B)).max()), np.finfo(float).tiny)

    def slope(_: float, state: np.ndarray) -> np.ndarray:
        a, b = state[:n], state[n:]
        return np.concatenate([2 * b * np.conj(a), a * a])

    start = np.concatenate([A.ravel(), B.ravel()]) / size
    scaled = times * size / p
    if scaled[-1] == 0:
        states = np.repeat(start[None], times.size, axis=0)
    else:
        found = solve_ivp(
            slope, (0, scaled[-1]), start, method="DOP853", t_eval=np.clip(scaled, 0, scaled[-1]),
            rtol=1e-12, atol=1e-15,
        )  # fmt: skip
        if not found.success:
            raise ValueError(f"t must stay further from the blow-up at {last:.6g}: {found.message}")
        states = found.y.T
    shape = (times.size, *A.shape)
    return Flow(size * states[:, :n].reshape(shape), size * states[:, n:].reshape(shape))


def euler_flow(A0: Any, B0: Any, p: int, steps: int, size: float = 1.0) -> Flow:
    """The same by Euler steps, as the authors' app has it: gradient descent rather than flow.

    Args:
        A0, B0: complex, of equal shape.
        p: odd modulus.
        steps: how many.
        size: of a step, in units of t.

    Returns:
        The state after each step, the first one included.
    """
    A, B = np.asarray(A0, dtype=complex), np.asarray(B0, dtype=complex)
    path = [(A, B)]
    for _ in range(check_count(steps, "steps", 0)):
        A, B = A + size * 2 / p * B * np.conj(A), B + size / p * A * A
        path.append((A, B))
    return Flow(*(np.stack(part) for part in zip(*path, strict=True)))


def conserved(A: Any, B: Any) -> tuple[Any, Any]:
    """``c0 = alpha^2 - 2 beta^2`` and ``I = Im A^2 conj(B) = alpha^2 beta sin D``: constant along the flow.

    Example:
        >>> [value.item() for value in conserved(2.0, 1j)]
        [2.0, -4.0]
    """
    A, B = np.asarray(A), np.asarray(B)
    return np.abs(A) ** 2 - 2 * np.abs(B) ** 2, np.imag(A**2 * np.conj(B))


def blow_up_time(alpha0: Any, beta0: Any, D0: Any, p: int) -> Float[np.ndarray, "..."]:
    """When a frequency's amplitudes run to infinity, from where they start (Eq. 6).

    With ``s = beta^2``, ``T = (p/2) int_{s0}^inf ds / sqrt(s (c0 + 2s)^2 - I^2)``, and where ``cos D0 < 0`` twice the
    integral from the turning point to s0 is added. The integrals are Carlson's ``R_F`` of the distances of s0 to the
    three roots of the radicand, so no quadrature is needed. T is p times what it is for p = 1, and scales as one over
    the size of (alpha0, beta0).

    Args:
        alpha0, beta0: amplitudes at the start, at least 0.
        D0: misalignment ``2 phi - psi`` at the start.
        p: odd modulus.

    Returns:
        The times, of the broadcast shape; infinity where a frequency never grows: alpha0 = 0, or D0 = pi with
        alpha0^2 <= 2 beta0^2.

    Raises:
        ValueError: negative or non-finite amplitudes, angles that are not finite, shapes that don't broadcast.

    Example:
        >>> (blow_up_time([0.02 * np.sqrt(2), 0.02], 0.02, [0.0, 2.8], 23) / 23).round(9).tolist()
        [25.0, 73.342957728]
    """
    p = check_modulus(p)
    given = {"alpha0": alpha0, "beta0": beta0, "D0": D0}
    alpha, beta, D = (np.asarray(plain(value, name), dtype=np.float64) for name, value in given.items())
    if not all(np.isfinite(value).all() for value in (alpha, beta, D)):
        raise ValueError("alpha0, beta0 and D0 must be finite")
    if (alpha < 0).any() or (beta < 0).any():
        raise ValueError("alpha0 and beta0 must be amplitudes of at least 0")
    try:
        shape = np.broadcast_shapes(alpha.shape, beta.shape, D.shape)
    except ValueError:
        shapes = ", ".join(str(value.shape) for value in (alpha, beta, D))
        raise ValueError(f"alpha0, beta0 and D0 must have shapes that broadcast, got {shapes}") from None
    alpha, beta, D = (np.broadcast_to(value, shape).ravel() for value in (alpha, beta, D))
    size = np.sqrt(alpha**2 + 2 * beta**2)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        a, b = np.where(size > 0, alpha / size, 0), np.where(size > 0, beta / size, 0)
        cos = np.cos(D)
        w, y, z = _roots_below(a, b, cos)
        rest = elliprf(w, y, z).real
        whole = elliprf(np.zeros_like(w), y - w, z - w).real
        T = p / (2 * size) * np.where(cos >= 0, rest, 2 * whole - rest)
    opposed = np.pi - np.abs(np.remainder(D + np.pi, 2 * np.pi) - np.pi) <= 8 * np.finfo(float).eps
    never = (alpha == 0) | (opposed & (alpha**2 <= 2 * beta**2 * (1 + 4 * np.finfo(float).eps)))
    return np.where(never, np.inf, T).reshape(shape)


def _roots_below(a: np.ndarray, b: np.ndarray, cos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances of ``s0 = b^2`` to the three roots of ``s (c0 + 2s)^2 - I^2``; the first is the turning point's.

    In ``w = s0 - s`` the radicand is ``a^4 b^2 cos^2 D - R1 w + R2 w^2 - 4 w^3``, which falls on the bracket.
    """
    s0, c0 = b * b, a * a - 2 * b * b
    R0, R1, R2 = (a * a * b * cos) ** 2, a**4 + 4 * a * a * b * b, 12 * s0 + 4 * c0
    low, high = np.zeros_like(s0), np.minimum(s0, a * a / 2)
    for _ in range(60):
        middle = (low + high) / 2
        above = R0 + middle * (-R1 + middle * (R2 - 4 * middle)) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    w = (low + high) / 2
    for _ in range(4):  # to full relative precision where the root is tiny; at a double root rounding leads astray
        value, slope = R0 + w * (-R1 + w * (R2 - 4 * w)), -R1 + w * (2 * R2 - 12 * w)
        step = np.where(slope < 0, value / np.where(slope < 0, slope, -1), 0)
        w = np.clip(w - step, low, high)
    q1 = w - R2 / 4
    q0 = R1 / 4 + q1 * w
    half = -q1 / 2
    root = np.sqrt((half * half - q0).astype(complex))
    return w.astype(complex), half + root, half - root
