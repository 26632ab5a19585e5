"""A folder with one DICOM series of plain slices as a scan. What is more involved is left to dcm2niix.

Of the headers only geometry and intensities are read; nothing about the patient is kept.
"""

from pathlib import Path
from typing import Any

import numpy as np

from symplast.brain_symmetry.volume import Volume

CONVERT = "convert it with dcm2niix (dcm2niix -z y FOLDER) and give the NIfTI file"
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "SeriesInstanceUID",
            "RescaleSlope", "RescaleIntercept", "SamplesPerPixel", "NumberOfFrames", "BitsAllocated",
            "PixelRepresentation", "BitsStored", "HighBit", "PhotometricInterpretation", "PixelData")  # fmt: skip


def read_series(path: Path, *, contrast: str = "", name: str = "") -> Volume:
    """Read the one series in a folder.

    Args:
        path: the folder; files in it that are not DICOM are left out and counted.
        contrast: ``T1`` or ``T2``; empty where it is not known.
        name: what to call it.

    Raises:
        ValueError: a single file, no DICOM or several series in the folder, compressed or multi-frame images, colours,
            missing or unevenly spaced slices; names dcm2niix where that is the way out.
    """
    try:
        import pydicom
    except ImportError:
        raise ValueError(f'reading DICOM needs pydicom: pip install "symplast[imaging]"; or {CONVERT}') from None
    if path.is_file():
        raise ValueError(f"{path.name} is one DICOM file: give the folder of its series, or {CONVERT}")
    slices, others = [], 0
    for file in sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")):
        try:
            slices.append(pydicom.dcmread(file, specific_tags=list(GEOMETRY)))
        except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError):
            others += 1
    slices = [each for each in slices if "PixelData" in each]
    if not slices:
        raise ValueError(
            f"{path} holds no DICOM images ({others} other files); give a folder with one series, or a NIfTI file"
        )
    series = {str(each.get("SeriesInstanceUID", "")) for each in slices}
    if len(series) > 1:
        raise ValueError(f"{path} holds {len(series)} series: put one into a folder of its own, or {CONVERT}")
    return _volume(slices, others, path, contrast, name)


def _volume(slices: list[Any], others: int, path: Path, contrast: str, name: str) -> Volume:
    where = path.name
    for each in slices:
        if lacking := [
            tag for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing") if tag not in each
        ]:
            raise ValueError(f"{where}: a slice has no {', '.join(lacking)} (multi-frame?): {CONVERT}")
        if int(each.get("NumberOfFrames", 1)) > 1 or int(each.get("SamplesPerPixel", 1)) > 1:
            raise ValueError(f"{where} has several frames or colours in a file: {CONVERT}")
        if each.file_meta.TransferSyntaxUID.is_compressed:
            raise ValueError(f"{where} has compressed images: {CONVERT}")
    first = slices[0]
    orientation = np.array(first.ImageOrientationPatient, float)
    spacing = np.array(first.PixelSpacing, float)  # rows, columns
    for each in slices:
        same = np.allclose(np.array(each.ImageOrientationPatient, float), orientation, atol=1e-3)
        if (
            not same
            or not np.allclose(np.array(each.PixelSpacing, float), spacing)
            or (each.Rows, each.Columns) != (first.Rows, first.Columns)
        ):
            raise ValueError(f"{where}: slices must share one orientation, pixel size and shape: {CONVERT}")
    along_row, along_column = orientation[:3], orientation[3:]
    normal = np.cross(along_row, along_column)
    places = np.array([np.array(each.ImagePositionPatient, float) for each in slices])
    order = np.argsort(places @ normal, kind="stable")
    heights = (places @ normal)[order]
    steps = np.diff(heights)
    if len(slices) < 2 or steps.min() < 1e-3 or np.abs(steps - steps.mean()).max() > 0.02 * steps.mean() + 1e-3:
        raise ValueError(
            f"{where}: {len(slices)} slices must lie at even steps, one at each, they step by "
            f"{steps.min() if len(steps) else 0:.3g} to {steps.max() if len(steps) else 0:.3g} mm (a slice missing, "
            f"several volumes, or a tilted gantry): {CONVERT}"
        )
    try:
        planes = [
            slices[i].pixel_array * float(slices[i].get("RescaleSlope", 1))
            + float(slices[i].get("RescaleIntercept", 0))
            for i in order
        ]
    except (ValueError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{where}: pixels can't be read ({' '.join(str(error).split())[:120]}): {CONVERT}") from error
    data = np.stack(planes, axis=-1).transpose(1, 0, 2)  # column, row, slice
    step = (places[order[-1]] - places[order[0]]) / (len(slices) - 1)
    affine = np.eye(4)
    affine[:3, 0] = along_row * spacing[1]
    affine[:3, 1] = along_column * spacing[0]
    affine[:3, 2] = step
    affine[:3, 3] = places[order[0]]
    notes = [f"{len(slices)} DICOM slices"] + ([f"{others} other files left out"] if others else [])
    return Volume(data, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, contrast, name or where, tuple(notes))
