"""Measures of spike trains: distances, synchrony, variability, avalanches; NumPy, float64, exact.

Pairing and the sampled Gaussian distance also run inside JAX programs.
"""

from symplast.spiking.measures.avalanches import Avalanches, PowerLaw, avalanches, fit_power_law
from symplast.spiking.measures.edit_distance import Pairing, pair_spikes, victor_purpura
from symplast.spiking.measures.interval_distances import isi_distance, spike_distance, spike_synchronisation
from symplast.spiking.measures.pairing import Partners, SpikeSteps, pair_steps, spike_steps
from symplast.spiking.measures.pairwise import pairwise
from symplast.spiking.measures.van_rossum import pooled_gaussian_distance, sampled_gaussian_distance, van_rossum
from symplast.spiking.measures.variability import (
    fano_factor,
    interval_variation,
    local_variation,
    population_synchrony,
)

__all__ = [
    "Avalanches",
    "Pairing",
    "Partners",
    "PowerLaw",
    "SpikeSteps",
    "avalanches",
    "fano_factor",
    "fit_power_law",
    "interval_variation",
    "isi_distance",
    "local_variation",
    "pair_spikes",
    "pair_steps",
    "pairwise",
    "pooled_gaussian_distance",
    "population_synchrony",
    "sampled_gaussian_distance",
    "spike_distance",
    "spike_steps",
    "spike_synchronisation",
    "van_rossum",
    "victor_purpura",
]
