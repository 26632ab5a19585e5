"""Where the mid-sagittal plane of a head is, how far the midline is shifted, and how unlike the sides are.

After Gucciardi et al., "Symbrain: A large-scale dataset of MRI images for neonatal brain symmetry analysis" (2024),
arXiv:2401.11814. A phantom stands for a scan: symplast.brain_symmetry.load("scan.nii.gz") reads yours. Not a
diagnostic device. Run: python examples/brain_symmetry.py
"""

import jax
import numpy as np

from symplast.brain_symmetry import (
    Lesion,
    NeoPhantom,
    curved_midline,
    find_midline,
    find_midplane,
    line_in,
    right_half,
    rigid_motion,
    single_scan_score,
    slices,
    symmetry,
)
from symplast.brain_symmetry.phantom import PAIRS

# A tilted head with a bias field, noise, an enlarged left ventricle and a midline bowed by 2 mm.
phantom = NeoPhantom(noise=3, bias=0.2, ventricle_scale=(1.2, 1.0), bow_mm=2.0)
pose = rigid_motion([4, -6, 9], [3, -2, 1])
scan, truth = phantom.render((110, 120, 100), 1.2, pose, key=jax.random.key(0))

found = find_midplane(scan)
error = truth.plane.error(found.plane, found.centroid)
print(f"plane n = {np.round(found.plane.n, 4)}, d = {found.plane.d:.2f} mm, confidence {found.confidence:.3f}")
print(f"against the unbowed one: {error.angle_deg:.2f} degrees, {error.offset_mm:.2f} mm (the bow moves it)")

# A slice above the centroid with its straight and its curved midline; and the lone image, without any header.
piece = slices(scan, "axial", at=[6.0], centroid=found.centroid)[0]
line, curve = line_in(found.plane, piece), curved_midline(piece, found.plane)
lone = find_midline(piece.image, float(piece.spacing[0]))
print(f"midline {line.points.round(1).tolist()} px, slope {line.slope_deg:.2f} degrees")
print(f"shift from the chord {curve.shift_mm:.2f} mm; line on the lone slice {line.angle_to(lone):.2f} degrees away")

measures = symmetry(scan, found.plane, labels=truth.labels, pairs=PAIRS)
print(f"NCC {measures['ncc']:.3f}, ventricles: asymmetry index {measures['ventricle_volume_ai']:+.3f}")

# An inserted sphere makes the single-scan score (uncalibrated: no reference scans) jump.
for name, lesions in (("without", ()), ("with", (Lesion((24, 10, 12), 8, 400),))):
    own, known = NeoPhantom(noise=3, lesions=lesions).render((97, 97, 97), 1.5, key=jax.random.key(1))
    print(f"single-scan score {name} a sphere: {single_scan_score(right_half(own, known.plane, (0, 0, 0))):.1f}")
