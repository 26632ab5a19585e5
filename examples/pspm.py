"""Fit a spiking network to spike trains, and ask what its weights are worth.

A reconstruction of Bagley et al., "Pre-Synaptic Pool Modification" (2018), arXiv:1810.03199. Run: python
examples/pspm.py
"""

import warnings

import jax
import numpy as np

from symplast.pspm import (
    PSPM,
    LIFParams,
    NotIdentifiable,
    draw_drive,
    draw_weights,
    inhibitory_cells,
    simulate_lif,
    weight_recovery,
)

# A "recording": 30 neurons for half a second, under a known drive.
inhibitory = inhibitory_cells(30)
drive = draw_drive(jax.random.key(0), 500, 30)
truth = draw_weights(jax.random.key(1), inhibitory)
recording = np.asarray(simulate_lif(truth, drive, LIFParams()).spikes)
print(f"{recording.sum()} spikes, {1000 * recording.mean():.0f} Hz")

# Five fits from random starts.
warnings.simplefilter("ignore", NotIdentifiable)  # this example is about that warning
model = PSPM(inhibitory)
found = model.fit_recording(recording, drive, key=jax.random.key(2), starts=5, epochs=40)
print(f"distance of spikes: {found.fits.before.mean():.2f} before, {found.fits.after.mean():.2f} after")

# The fits agree with each other; are they right?
agreement = np.mean([pair.excitatory for pair in found.agreement])
recovered = np.mean([weight_recovery(truth, W, inhibitory).excitatory for W in found.fits.W])
print(f"excitatory weights correlate by {agreement:.2f} between fits, by {recovered:.2f} with the truth")

# The truth is not known of a real recording. This check needs only the fit, in whose likeness it makes known networks:
check = model.recovery_test(found.fits.W[0], drive, key=jax.random.key(3), starts=5, epochs=40)
print(f"fits of known networks of this kind recover {check.recovered['excitatory']} of their excitatory weights")
