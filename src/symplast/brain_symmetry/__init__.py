"""Brain symmetry: mid-sagittal planes, midlines, left-right measures and anomaly scores of brain scans.

Not a diagnostic device.

==============================================  ==========================================================
question                                        start with
==============================================  ==========================================================
where is the mid-sagittal plane?                :func:`load`, :func:`find_midplane`
turn the scan so that it is x = 0               :func:`align`
slices with a straight or curved midline        :func:`slices`, :func:`line_in`, :func:`curved_midline`
a lone image without a header                   :func:`find_midline`
how alike are the two sides?                    :func:`symmetry`, :func:`regions`, :func:`asymmetry_map`
consistent asymmetry in a group of scans        :func:`right_half`, :func:`voxel_test`, :func:`region_test`
is this scan unusual?                           :class:`Cohort`, :func:`single_scan_score`
an annotated set with a data card               :func:`build_dataset`, :func:`write_card`
scans with known planes                         :class:`NeoPhantom`
==============================================  ==========================================================
"""

from typing import TYPE_CHECKING

from symplast.brain_symmetry.annotation import Annotation
from symplast.brain_symmetry.asymmetry import Half, VoxelTest, asymmetry_map, region_test, right_half, voxel_test
from symplast.brain_symmetry.cohort import Cohort, CohortScore, half_of, single_scan_score
from symplast.brain_symmetry.curved import CurvedMidline, chord_shift, curved_midline
from symplast.brain_symmetry.dataset import Dataset, Settings, build_dataset, read_dataset
from symplast.brain_symmetry.measures import (
    align,
    asymmetry_index,
    dice,
    hausdorff95,
    mutual_information,
    ncc,
    regions,
    ssim,
    symmetry,
)
from symplast.brain_symmetry.midline import find_midline
from symplast.brain_symmetry.midplane import MidPlane, find_midplane
from symplast.brain_symmetry.phantom import Lesion, NeoPhantom, Truth
from symplast.brain_symmetry.planes import Plane, PlaneError, itk_transform, rigid_motion
from symplast.brain_symmetry.slicing import Line, Slice, line_in, slices
from symplast.brain_symmetry.volume import Volume
from symplast.brain_symmetry.volume_files import load, load_labels, save
from symplast.on_use import loaded_on_use

if TYPE_CHECKING:
    from symplast.brain_symmetry.card import write_card

__all__ = [
    "Annotation",
    "Cohort",
    "CohortScore",
    "CurvedMidline",
    "Dataset",
    "Half",
    "Lesion",
    "Line",
    "MidPlane",
    "NeoPhantom",
    "Plane",
    "PlaneError",
    "Settings",
    "Slice",
    "Truth",
    "Volume",
    "VoxelTest",
    "align",
    "asymmetry_index",
    "asymmetry_map",
    "build_dataset",
    "chord_shift",
    "curved_midline",
    "dice",
    "find_midline",
    "find_midplane",
    "half_of",
    "hausdorff95",
    "itk_transform",
    "line_in",
    "load",
    "load_labels",
    "mutual_information",
    "ncc",
    "read_dataset",
    "region_test",
    "regions",
    "right_half",
    "rigid_motion",
    "save",
    "single_scan_score",
    "slices",
    "ssim",
    "symmetry",
    "voxel_test",
    "write_card",
]

__getattr__ = loaded_on_use(__name__, {"card": ("write_card",)})  # it brings matplotlib
