"""Networks built by hand from cosines, and what their logits are in closed form."""

from collections.abc import Collection
from typing import Any

import numpy as np
from jaxtyping import Float

from symplast.grokking.activations import Activation
from symplast.grokking.arguments import check_modulus, frequencies_of
from symplast.grokking.network import TwoLayerNet
from symplast.stats.arguments import check_count


def ideal_network(
    p: int,
    phases_per_frequency: int,
    amplitude: float = 1.0,
    activation: str | Activation = "square",
    *,
    frequencies: Collection[int] | None = None,
) -> TwoLayerNet:
    """N neurons a frequency, phases evenly spaced: ``theta = a cos(omega j + phi)``, ``xi = a cos(omega j + 2 phi)``.

    Args:
        p: odd modulus.
        phases_per_frequency: N, ``phi = 2 pi n / N``.
        amplitude: a of both layers.
        activation: name or function.
        frequencies: which; all by default.

    Raises:
        ValueError: an even p, N below 1, or frequencies outside 1 .. K.

    Example:
        >>> ideal_network(7, 8).theta.shape
        (24, 7)
    """
    p, N = check_modulus(p), check_count(phases_per_frequency, "phases_per_frequency")
    K = frequencies_of(p)
    chosen = np.array(sorted(set(range(1, K + 1) if frequencies is None else frequencies)))
    if not chosen.size or chosen.min() < 1 or chosen.max() > K:
        raise ValueError(f"frequencies must lie in 1 .. K = (p - 1)/2 = {K}, got {frequencies}")
    k, phi = np.repeat(chosen, N), np.tile(2 * np.pi * np.arange(N) / N, chosen.size)
    return cosine_network(p, k, phi, amplitude, activation)


def cosine_network(
    p: int, k: Any, phi: Any, amplitude: float = 1.0, activation: str | Activation = "square"
) -> TwoLayerNet:
    """Neurons with given frequencies and phases, phase-locked: psi = 2 phi."""
    angle = 2 * np.pi * np.asarray(k)[:, None] * np.arange(p) / p
    phase = np.asarray(phi)[:, None]
    return TwoLayerNet(amplitude * np.cos(angle + phase), amplitude * np.cos(angle + 2 * phase), activation)


def layout(neurons: int, p: int, spread: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and phases of the authors' ideal networks.

    Neuron i has frequency ``1 + i mod K``; the n-th of a frequency's N neurons has phase ``spread pi n / N``, the end
    point left out.

    Args:
        neurons: in total.
        p: modulus.
        spread: width of the range of phases in units of pi; 2 is the whole circle.
    """
    K = frequencies_of(p)
    index = np.arange(neurons)
    k = 1 + index % K
    group = np.bincount(k - 1, minlength=K)
    return k, spread * np.pi * (index // K) / group[k - 1]


def flawed_indicator(p: int, a: float, N: int) -> Float[np.ndarray, "p p p"]:
    """Logits of the ideal x^2 network, the "flawed indicator" (Eq. 3).

    ``(a N / 2) { -1 + (p/2) 1[j = x + y] + (p/4) (1[j = 2x] + 1[j = 2y]) }``, with ``a = alpha^2 beta``. It is exact
    for evenly spaced phases if and only if N does not divide 4.

    Args:
        p: odd modulus.
        a: alpha^2 beta.
        N: neurons of each frequency.

    Example:
        >>> table = flawed_indicator(7, 1.0, 8)
        >>> table[1, 2].tolist(), table[1, 1, 2].item()
        ([-4.0, -4.0, 3.0, 10.0, 3.0, -4.0, -4.0], 24.0)
    """
    p, N = check_modulus(p), check_count(N, "N")
    x, y, j = np.ogrid[:p, :p, :p]
    main, first, second = ((value - j) % p == 0 for value in (x + y, 2 * x + 0 * y, 2 * y + 0 * x))
    return a * N / 2 * (-1 + p / 2 * main + p / 4 * (first + 0.0 + second))


def mean_loss(logits: Any) -> float:
    """Mean cross-entropy (nats) of addition over all p^2 pairs, exact however small: ``log1p(sum exp(l_j - l_right))``.

    Args:
        logits: (p, p, p), [x, y, j], in float64.

    Example:
        >>> round(mean_loss(np.zeros((3, 3, 3))), 6)  # ln 3
        1.098612
    """
    values = np.asarray(logits, dtype=np.float64)
    p = len(values)
    x, y = np.mgrid[:p, :p]
    right = np.take_along_axis(values, ((x + y) % p)[..., None], axis=-1)
    return float(losses(values - right, (x + y) % p).mean())


def losses(gaps: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Cross-entropies from logits minus the right one's: the right one's own term is taken out of the sum."""
    others = np.arange(gaps.shape[-1]) != label[..., None]
    top = np.maximum(np.where(others, gaps, -np.inf).max(axis=-1), 0)
    rest = np.where(others, np.exp(gaps - top[..., None]), 0).sum(axis=-1)
    return np.asarray(top + np.log1p(np.expm1(-top) + rest))


def right_share(logits: Any) -> float:
    """Share of the p^2 sums whose largest output is the right one."""
    values = np.asarray(logits)
    x, y = np.mgrid[: len(values), : len(values)]
    return float((values.argmax(axis=-1) == (x + y) % len(values)).mean())
