"""Scans in files: NIfTI-1/2, MGH/MGZ, MINC, Analyze, DICOM folders. Left is where the header says, or it is refused."""

import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from symplast.brain_symmetry.volume import Volume, axis_names

ENDINGS = (".nii", ".nii.gz", ".mgz", ".mgh", ".mnc", ".img", ".hdr")
UNITS = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
ORIENTATIONS = ("sform", "qform")
MOST_VOXELS = 2**29


def load(
    source: Any, *, orientation: str | None = None, contrast: str = "", index: int | None = None, name: str = ""
) -> Volume:
    """Read a scan.

    Args:
        source: a path (NIfTI, MGZ, MINC, Analyze, or a folder with one DICOM series) or a nibabel image.
        orientation: ``sform`` or ``qform`` where the header leaves it open; three letters such as ``RAS`` for files
            that have none (Analyze, a NIfTI without an affine).
        contrast: ``T1`` or ``T2``; empty: from the file's name (``_T1w``, ``_T2w``), else not known.
        index: which volume of a file of four axes, from 0.
        name: what to call it; empty: the file's name.

    Returns:
        The scan. What was decided is in its notes; nothing else of the header is kept.

    Raises:
        FileNotFoundError: no such file.
        ValueError: in one line: unreadable, no or contradictory orientation, four axes without an index, NaN, ...
    """
    if isinstance(source, str | Path):
        path = Path(source)
        shown = name or _stem(path)
        if not path.exists():
            raise FileNotFoundError(f"no file {path}; give a scan: {', '.join(ENDINGS)} or a folder of DICOM files")
        if path.is_dir() or _is_dicom(path):
            from symplast.brain_symmetry.dicom_files import read_series

            return read_series(path, contrast=contrast, name=shown)
        if not path.name.lower().endswith(ENDINGS):
            raise ValueError(f"{path} must end in {', '.join(ENDINGS)}, or be a folder of DICOM files")
        image = _opened(path)
    else:
        path, image, shown = None, source, name or "scan"
        if not hasattr(image, "dataobj") or not hasattr(image, "header"):
            raise ValueError(f"source must be a path or a nibabel image, got {type(source).__name__}")
    where = path.name if path is not None else shown
    data, notes = _array(image, index, where)
    affine, more = _affine(image, orientation, where)
    scale, unit_note = _unit(image, where)
    affine[:3] *= scale
    kind = contrast or _contrast_of(where)
    return Volume(data, affine, kind, shown, (*notes, *more, *unit_note))


def save(volume: Volume, path: Path, dtype: Any = np.float32) -> None:
    """Write a scan as NIfTI (``.nii`` or ``.nii.gz``) with its affine as sform and qform, in mm.

    Raises:
        ValueError: another ending.
    """
    write_nifti(volume.data.astype(dtype), volume.affine, path)


def write_nifti(data: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """Write an array as NIfTI; a killed process leaves no half file."""
    import io

    nibabel = _nibabel()
    if not str(path).endswith((".nii", ".nii.gz")):
        raise ValueError(f"out must end in .nii or .nii.gz, got {path.name!r}")
    from symplast.lab.whole_files import write_whole

    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    try:
        image.set_qform(affine, 1, strip_shears=False)
    except nibabel.spatialimages.HeaderDataError:
        image.set_qform(None, 0)  # a sheared affine has no quaternion
    content = image.to_bytes()
    if str(path).endswith(".gz"):
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=6) as stream:
            stream.write(content)
        content = packed.getvalue()
    write_whole(path, content)


def load_labels(source: Any, like: Volume, *, orientation: str | None = None) -> np.ndarray:
    """A label map on a scan's grid, as int32.

    Raises:
        ValueError: another shape or affine than the scan's, or values that are not whole.
    """
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; give a label map on the scan's grid")
    image = _opened(path)
    data, _ = _array(image, None, path.name)
    affine, _ = _affine(image, orientation, path.name)
    affine[:3] *= _unit(image, path.name)[0]
    if data.shape != like.shape:
        raise ValueError(f"{path.name}: labels must have the scan's shape {like.shape}, got {data.shape}")
    if np.abs(affine - like.affine).max() > 1e-2 * like.spacing.min():
        raise ValueError(f"{path.name}: labels must have the scan's affine; resample them to its grid")
    if not np.isfinite(data).all() or not np.array_equal(data, np.rint(data)):
        raise ValueError(f"{path.name}: labels must be whole numbers")
    return data.astype(np.int32)


def _nibabel() -> Any:
    try:
        import nibabel
    except ImportError:
        raise ValueError(
            'reading and writing scans needs nibabel, which is not installed: pip install "symplast[imaging]"'
        ) from None
    return nibabel


def _opened(path: Path) -> Any:
    nibabel = _nibabel()
    try:
        return nibabel.load(path)
    except (OSError, EOFError, ValueError, KeyError, zlib.error, nibabel.filebasedimages.ImageFileError) as error:
        raise ValueError(f"{path.name} can't be read as a scan: {' '.join(str(error).split())[:160]}") from error


def _array(image: Any, index: int | None, where: str) -> tuple[np.ndarray, list[str]]:
    """The intensities, three axes."""
    shape = tuple(int(n) for n in image.shape)
    notes = []
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 4 and index is None:
        raise ValueError(
            f"{where} holds {shape[3]} volumes (shape {shape}): choose one with index (--index 0 to {shape[3] - 1})"
        )
    if len(shape) not in (3, 4):
        raise ValueError(f"{where} must have three axes, or four with an index, got shape {shape}")
    if len(shape) == 4 and not 0 <= index < shape[3]:  # type: ignore[operator]
        raise ValueError(f"index must lie in [0, {shape[3] - 1}] for {where}, got {index}")
    if len(shape) == 3 and index not in (None, 0):
        raise ValueError(f"index must be 0 or left out for {where}, which holds one volume; got {index}")
    if np.prod(shape[:3], dtype=float) > MOST_VOXELS:
        raise ValueError(f"{where} must hold at most {MOST_VOXELS} voxels, its header says {shape}")
    if image.dataobj.dtype.fields is not None or np.dtype(image.dataobj.dtype).kind == "c":
        raise ValueError(
            f"{where} must hold real intensities, it holds {image.dataobj.dtype} (colours or complex numbers)"
        )
    try:
        if len(shape) == 4:
            data = np.asarray(image.dataobj[..., index], dtype=np.float32)
            notes.append(f"volume {index} of {shape[3]}")
        else:
            data = np.asarray(image.dataobj, dtype=np.float32).reshape(shape)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{where} can't be read as a scan: {' '.join(str(error).split())[:160]}") from error
    return data, notes


def _affine(image: Any, orientation: str | None, where: str) -> tuple[np.ndarray, list[str]]:
    """World matrix by the rule: one valid code is enough; both must agree to a voxel; none is refused."""
    header = image.header
    letters = orientation is not None and re.fullmatch(r"(?=.*[RL])(?=.*[AP])(?=.*[SI])[RLAPSI]{3}", orientation)
    if orientation is not None and orientation not in ORIENTATIONS and not letters:
        raise ValueError(f"orientation must be sform, qform or three letters such as RAS, got {orientation!r}")
    if not hasattr(header, "get_sform"):
        own = getattr(image, "affine", None)
        if own is None or type(image).__name__ in ("AnalyzeImage", "Spm99AnalyzeImage", "Spm2AnalyzeImage"):
            if letters:
                return _by_letters(header.get_zooms()[:3], image.shape[:3], str(orientation)), [
                    f"orientation {orientation} as given"
                ]
            raise ValueError(
                f"{where} has no orientation (Analyze): say which way its axes run with orientation (--orientation RAS)"
            )
        return np.array(own, dtype=np.float64), []
    if letters:
        return _by_letters(header.get_zooms()[:3], image.shape[:3], str(orientation)), [
            f"orientation {orientation} as given"
        ]
    codes = {"sform": int(header["sform_code"]), "qform": int(header["qform_code"])}
    made: dict[str, np.ndarray] = {}
    for form, code in codes.items():
        try:
            matrix = np.array(header.get_sform() if form == "sform" else header.get_qform(), dtype=np.float64)
        except (ValueError, ArithmeticError):
            continue
        if (
            (code > 0 or form == orientation)
            and np.isfinite(matrix).all()
            and abs(np.linalg.det(matrix[:3, :3])) > 1e-9
        ):
            made[form] = matrix
    told = f"sform code {codes['sform']}, qform code {codes['qform']}"
    if orientation is not None:
        if orientation not in made:
            raise ValueError(
                f"{where} has no usable {orientation} ({told}); give the letters of its axes (--orientation RAS)"
            )
        return made[orientation], [f"{orientation} as asked for"]
    if not made:
        raise ValueError(
            f"{where} has no orientation ({told}): which side is left is not known; give orientation (--orientation "
            "sform, qform, or letters such as RAS)"
        )
    if len(made) == 1:
        return next(iter(made.values())), []
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in image.shape[:3]], indexing="ij"), -1).reshape(-1, 3)
    apart = np.linalg.norm(
        (corners @ (made["sform"] - made["qform"])[:3, :3].T) + (made["sform"] - made["qform"])[:3, 3], axis=1
    )
    voxel = float(np.linalg.norm(made["sform"][:3, :3], axis=0).min())
    if apart.max() > voxel:
        raise ValueError(
            f"{where} contradicts itself: sform ({axis_names(made['sform'])}) and qform ({axis_names(made['qform'])}) "
            f"put a corner {apart.max():.3g} mm apart; choose with orientation (--orientation sform or qform)"
        )
    return made["sform"], (
        [f"sform and qform differ by {apart.max():.2g} mm; sform taken"] if apart.max() > 1e-3 * voxel else []
    )


def _by_letters(zooms: Any, shape: Any, letters: str) -> np.ndarray:
    """World matrix of a grid whose axes point where the letters say, its middle at the origin."""
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, letter in enumerate(letters):
        world = next(i for i, pair in enumerate(("RL", "AP", "SI")) if letter in pair)
        step = float(zooms[axis]) * (1 if letter in "RAS" else -1)
        affine[world, axis] = step
        affine[world, 3] = -step * (shape[axis] - 1) / 2
    return affine


def _unit(image: Any, where: str) -> tuple[float, list[str]]:
    if not hasattr(image.header, "get_xyzt_units"):
        return 1.0, []
    try:
        unit = image.header.get_xyzt_units()[0]
    except KeyError:
        unit = "?"
    if unit not in UNITS:
        raise ValueError(f"{where} must be in mm, m or micrometres, its header says {unit!r}")
    return UNITS[unit], ([f"lengths converted from {unit}"] if unit in ("meter", "micron") else [])


def _contrast_of(name: str) -> str:
    found = set(re.findall(r"(?<![A-Za-z0-9])(T[12])w?(?![0-9])", name, re.IGNORECASE))
    kinds = {each.upper() for each in found}
    return kinds.pop() if len(kinds) == 1 else ""


def _stem(path: Path) -> str:
    return re.sub(r"\.(nii\.gz|nii|mgz|mgh|mnc|img|hdr|dcm)$", "", path.name, flags=re.IGNORECASE)


def _is_dicom(path: Path) -> bool:
    if path.suffix.lower() == ".dcm":
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"
