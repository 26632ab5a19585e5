"""What neurons have become: amplitude and phase of each frequency, how pure they are, which frequencies they took."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from symplast.grokking.arguments import check_rows, frequencies_of
from symplast.on_use import chi2 as chi_squared


class Spectrum(NamedTuple):
    """Rows of numbers over j = 0 .. p - 1 as ``w_j = dc + sum_k amplitude_k cos(omega_k j + phase_k)``.

    Attributes:
        amplitude: (neurons, K), frequency k in column k - 1.
        phase: (neurons, K) in (-pi, pi].
        dc: (neurons,) the mean.
    """

    amplitude: Float[np.ndarray, "neurons K"]
    phase: Float[np.ndarray, "neurons K"]
    dc: Float[np.ndarray, " neurons"]


def spectrum(rows: Any, name: str = "rows") -> Spectrum:
    """Amplitudes and phases of rows: ``c_k = 2/p <w, cos omega_k j>``, ``s_k`` alike, ``phase = atan2(-s, c)``.

    Args:
        rows: (neurons, p), p odd.
        name: for messages.

    Raises:
        ValueError: see :func:`symplast.grokking.arguments.check_rows`.

    Example:
        >>> j = np.arange(7)
        >>> found = spectrum([1 + 3 * np.cos(2 * np.pi * 2 * j / 7 + 0.5)])
        >>> found.amplitude.round(6).tolist(), found.phase[0, 1].round(6), found.dc.round(6).tolist()
        ([[0.0, 3.0, 0.0]], np.float64(0.5), [1.0])
    """
    w = check_rows(rows, name)
    p = w.shape[1]
    coefficients = 2 / p * np.fft.rfft(w, axis=1)[:, 1:]  # c - i s
    rounding = 8 * np.finfo(np.float64).eps * np.abs(w).max(axis=1, initial=0, keepdims=True)
    coefficients = np.where(np.abs(coefficients) > rounding, coefficients, 0)  # constant rows have no frequency
    return Spectrum(np.abs(coefficients), np.angle(coefficients), w.mean(axis=1))


def inverse_participation(amplitude: Float[np.ndarray, "neurons K"]) -> Float[np.ndarray, " neurons"]:
    """``sum alpha^4 / (sum alpha^2)^2`` of each row; 1 for a single frequency, 1/K for equal ones, NaN for none."""
    energy = amplitude**2
    total = energy.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (energy**2).sum(axis=1) / total**2, np.nan)


def ipr(rows: Any) -> Float[np.ndarray, " neurons"]:
    """Inverse participation ratio of each row's frequencies, in [1/K, 1]; the mean of a row does not count.

    Example:
        >>> ipr([np.cos(2 * np.pi * np.arange(5) / 5)]).round(6).tolist()
        [1.0]
    """
    return inverse_participation(spectrum(rows).amplitude)


def wrap(angle: Any) -> Any:
    """An angle in (-pi, pi].

    Example:
        >>> wrap(3 * np.pi) == np.pi, wrap(-np.pi) == np.pi
        (np.True_, np.True_)
    """
    return np.pi - np.mod(np.pi - np.asarray(angle), 2 * np.pi)


@dataclass(frozen=True, eq=False)
class Decoding:
    """Both layers of a network, frequency by frequency.

    Attributes:
        p: the modulus.
        alpha, phi, dc: amplitudes, phases and means of the input weights (:class:`Spectrum`).
        beta, psi, dc_out: the same of the output weights; None where there are none.
        phi_y: phases of the second number's weights, where it has weights of its own.
    """

    p: int
    alpha: Float[np.ndarray, "neurons K"]
    phi: Float[np.ndarray, "neurons K"]
    dc: Float[np.ndarray, " neurons"]
    beta: Float[np.ndarray, "neurons K"] | None = None
    psi: Float[np.ndarray, "neurons K"] | None = None
    dc_out: Float[np.ndarray, " neurons"] | None = None
    phi_y: Float[np.ndarray, "neurons K"] | None = None

    @property
    def alive(self) -> Bool[np.ndarray, " neurons"]:
        """Neurons with input weights that vary; the others have no frequency and don't count."""
        return self.alpha.max(axis=1) > 0

    @cached_property
    def frequency(self) -> Int[np.ndarray, " neurons"]:
        """Each neuron's dominant frequency in the input layer, 1 .. K; 1 for a neuron without any."""
        return self.alpha.argmax(axis=1) + 1

    @cached_property
    def winner(self) -> Int[np.ndarray, " neurons"]:
        """Each neuron's dominant frequency in the output layer, 1 .. K."""
        return self._output("winner").argmax(axis=1) + 1

    @property
    def misalignments(self) -> Float[np.ndarray, "neurons K"]:
        """Misalignment of all frequencies, ``2 phi - psi`` (``phi + phi_y - psi`` for untied inputs), in (-pi, pi]."""
        self._output("misalignments")
        return wrap(self.phi + (self.phi if self.phi_y is None else self.phi_y) - self.psi)

    @property
    def misalignment(self) -> Float[np.ndarray, " neurons"]:
        """D at each neuron's dominant input frequency."""
        return self.at(self.misalignments)

    @property
    def share(self) -> Float[np.ndarray, " neurons"]:
        """Share of each neuron's input energy at its dominant frequency."""
        energy = self.alpha**2
        with np.errstate(invalid="ignore"):
            return energy.max(axis=1) / energy.sum(axis=1)

    @property
    def energy_share(self) -> float:
        """Share of all input energy at the dominant frequencies: total over total."""
        energy = self.alpha**2
        total = energy.sum()
        return float(energy.max(axis=1).sum() / total) if total > 0 else float("nan")

    @property
    def ipr_in(self) -> float:
        """Mean inverse participation ratio of the input layer; a neuron with constant weights has none."""
        return _mean_of_those_with_one(inverse_participation(self.alpha))

    @property
    def ipr_out(self) -> float:
        """The same of the output layer."""
        return _mean_of_those_with_one(inverse_participation(self._output("ipr_out")))

    def at(self, values: Float[np.ndarray, "neurons K"]) -> Float[np.ndarray, " neurons"]:
        """Values at each neuron's dominant input frequency."""
        return np.take_along_axis(values, self.frequency[:, None] - 1, axis=1)[:, 0]

    def _output(self, what: str) -> Float[np.ndarray, "neurons K"]:
        if self.beta is None:
            raise ValueError(f"xi must be given for {what}: input weights alone have spectrum, IPR and census")
        return self.beta


def _mean_of_those_with_one(values: Float[np.ndarray, " neurons"]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if there.size else float("nan")


def decode(theta: Any, xi: Any = None, theta_y: Any = None) -> Decoding:
    """Amplitudes and phases of a network's neurons, from any framework's arrays.

    Args:
        theta: (neurons, p) input weights, a neuron a row; p odd.
        xi: (neurons, p) output weights; None for an embedding alone.
        theta_y: (neurons, p) weights of the second number where the inputs are not tied.

    Raises:
        ValueError: an even p, shapes that differ, or weights that are not finite.

    Example:
        >>> j, omega = np.arange(23), 2 * np.pi * 3 / 23
        >>> found = decode([2 * np.cos(omega * j + 0.4)], [np.cos(omega * j + 0.9)])
        >>> found.frequency.tolist(), found.winner.tolist(), found.misalignment.round(6).tolist()
        ([3], [3], [-0.1])
    """
    of_input = spectrum(theta, "theta")
    shape = np.shape(theta)
    p = shape[1]
    second = None if theta_y is None else spectrum(check_rows(theta_y, "theta_y", shape)).phase
    if xi is None:
        return Decoding(p, *of_input, phi_y=second)
    return Decoding(p, *of_input, *spectrum(check_rows(xi, "xi", shape)), phi_y=second)


class Misalignment(NamedTuple):
    """Phase lock of the two layers.

    Attributes:
        sin: mean over neurons of ``|sin D|``; 2/pi = 0.637 for random phases.
        cos: mean of cos D; 1 where psi = 2 phi everywhere.
    """

    sin: float
    cos: float


def phase_misalignment(decoded: Decoding) -> Misalignment:
    """How far the output phases are from twice the input phases, at the dominant frequencies.

    Example:
        >>> j = np.arange(5)
        >>> found = phase_misalignment(decode([np.cos(j * 2 * np.pi / 5 + 1)], [np.cos(j * 2 * np.pi / 5 + 2)]))
        >>> round(found.sin, 6), round(found.cos, 6)
        (0.0, 1.0)
    """
    D = decoded.misalignment[decoded.alive]
    if not D.size:
        return Misalignment(float("nan"), float("nan"))
    return Misalignment(float(np.abs(np.sin(D)).mean()), float(np.cos(D).mean()))


class Census(NamedTuple):
    """How many neurons took each frequency, against a fair lottery.

    Attributes:
        counts: (K,) neurons of frequency 1 .. K.
        cv: standard deviation of the counts (of the population) over their mean.
        null_cv: what a fair lottery gives on average, about ``sqrt((K - 1)/M)``.
        reduced_chi2: ``chi^2 / (K - 1) = M cv^2 / (K - 1)``; 1 on average for a fair lottery. NaN for p = 3.
        p_value: probability of a chi^2 at least as large in a fair lottery.
    """

    counts: Int[np.ndarray, " K"]
    cv: float
    null_cv: float
    reduced_chi2: float
    p_value: float


def frequency_census(decoded: Decoding) -> Census:
    """Counts of the dominant input frequencies, over the neurons that have one.

    Raises:
        ValueError: no neuron has.

    Example:
        >>> theta = [np.cos(2 * np.pi * k * np.arange(7) / 7) for k in (1, 2, 3, 3)]
        >>> frequency_census(decode(theta)).counts.tolist()
        [1, 1, 2]
    """
    K, M = frequencies_of(decoded.p), int(decoded.alive.sum())
    if M == 0:
        raise ValueError("theta must vary: all its rows are constant, so that no neuron has a frequency")
    counts = np.bincount(decoded.frequency[decoded.alive] - 1, minlength=K)
    cv = float(counts.std() / counts.mean())
    if K == 1:
        return Census(counts, cv, 0.0, float("nan"), 1.0)
    statistic = M * cv**2
    return Census(counts, cv, float(np.sqrt((K - 1) / M)), statistic / (K - 1), float(chi_squared.sf(statistic, K - 1)))
