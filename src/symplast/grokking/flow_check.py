"""The reduced flow solved directly, in stretched time: what the closed form of the blow-up time is checked against."""

from functools import lru_cache

import numpy as np

from symplast.on_use import solve_ivp

STRETCHED_END = 60.0
"""Amplitudes have then grown by a factor of 1e20 and more."""


def blow_up_directly(alpha0: float, beta0: float, D0: float, p: int) -> float:
    """Blow-up time by an ODE in ``dt = d tau / hypot(|A|, |B|)``, with the tail ``p / (2 beta)``.

    Args:
        alpha0, beta0, D0: amplitudes and misalignment at the start.
        p: modulus.
    """
    return _solved(alpha0, beta0, D0)[0] * p


def final_misalignment(alpha0: float, beta0: float, D0: float, p: int) -> float:
    """|D| at the end of the same solution."""
    return abs(_solved(alpha0, beta0, D0)[1])


@lru_cache(maxsize=64)
def _solved(alpha0: float, beta0: float, D0: float) -> tuple[float, float]:
    """Time over p, and D at the end."""

    def slope(_: float, state: np.ndarray) -> list[float]:
        # A and B over their length h, so that nothing overflows; ln h and t
        a, b = complex(state[0], state[1]), complex(state[2], state[3])
        da, db = 2 * b * a.conjugate(), a * a
        growth = (a.conjugate() * da + b.conjugate() * db).real
        da, db = da - growth * a, db - growth * b
        return [da.real, da.imag, db.real, db.imag, growth, np.exp(-state[4])]

    h = float(np.hypot(alpha0, beta0))
    A = alpha0 / h * np.exp(0.5j * D0)
    start = [A.real, A.imag, beta0 / h, 0.0, 0.0, 0.0]
    end = solve_ivp(slope, (0, STRETCHED_END), start, method="DOP853", rtol=1e-13, atol=1e-16).y[:, -1]
    a, b = complex(end[0], end[1]), complex(end[2], end[3])
    tail = np.exp(-end[4]) / (2 * abs(b))
    return float((end[5] + tail) / h), float(np.angle(a * a * b.conjugate()))
