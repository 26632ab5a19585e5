"""Fitting a recurrent spiking network to target spikes without gradients: PSPM (a reconstruction of arXiv:1810.03199).

A student of leaky integrate-and-fire neurons learns to reproduce the spikes of a reference network: spikes are paired,
and where one is missing or too many, the weights of the neurons that fired just before are changed at random. The room
asks what the paper asks, whether like spikes mean like weights, on your own recordings too.

=====================================  ==========================================================
question                               start with
=====================================  ==========================================================
fit a recording                        :meth:`PSPM.fit_recording`, :meth:`PSPM.fit`
may I believe the weights?             :meth:`PSPM.recovery_test`
how alike are two networks?            :func:`spike_distance`, :func:`isi_distance`,
                                       :func:`avalanche_distance`, :func:`weight_recovery`
references and students                :func:`draw_weights`, :func:`draw_drive`, :func:`simulate_lif`
=====================================  ==========================================================
"""

from symplast.pspm.fitting import (
    PSPM,
    FitResult,
    NotIdentifiable,
    Recording,
    RecoveryTest,
    Similarity,
    assumed_drive,
    random_start,
    similarity,
)
from symplast.pspm.metrics import (
    Distances,
    Recovery,
    avalanche_distance,
    interval_histogram,
    isi_distance,
    spike_distance,
    weight_recovery,
)
from symplast.pspm.network import (
    LIFParams,
    SpikeResult,
    criticality,
    draw_drive,
    draw_weights,
    inhibitory_cells,
    simulate_lif,
    simulate_pif,
)
from symplast.pspm.rule import Rule

__all__ = [
    "PSPM",
    "Distances",
    "FitResult",
    "LIFParams",
    "NotIdentifiable",
    "Recording",
    "Recovery",
    "RecoveryTest",
    "Rule",
    "Similarity",
    "SpikeResult",
    "assumed_drive",
    "avalanche_distance",
    "criticality",
    "draw_drive",
    "draw_weights",
    "inhibitory_cells",
    "interval_histogram",
    "isi_distance",
    "random_start",
    "similarity",
    "simulate_lif",
    "simulate_pif",
    "spike_distance",
    "weight_recovery",
]
