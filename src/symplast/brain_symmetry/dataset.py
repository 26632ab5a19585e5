"""From a folder of scans to an annotated set: slices, midlines, formats, a split by subject, a data card."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import msgspec
import numpy as np

from symplast.brain_symmetry.annotation import Annotation, annotate, read_record, write_record
from symplast.brain_symmetry.curved import curved_midline
from symplast.brain_symmetry.formats import to_coco, to_parquet, to_symbrain, to_yolo
from symplast.brain_symmetry.midplane import MidPlane, find_midplane
from symplast.brain_symmetry.slicing import line_in, slices
from symplast.brain_symmetry.volume import Volume
from symplast.brain_symmetry.volume_files import load, write_nifti
from symplast.lab.whole_files import write_whole

FORMATS = ("json", "coco", "yolo", "symbrain", "parquet", "nifti")
PARTS = ("train", "validation", "test")
SIDES = {"left": 1, "right": 2, "midplane": 3}
"""Labels of the mask files."""


@dataclass(frozen=True)
class Settings:
    """How a set is built.

    Attributes:
        plane, at, relative, preset: which slices (see :func:`slices`).
        formats: which of json, coco, yolo, symbrain, parquet and nifti; JSON records are always written.
        split: shares of subjects in train, validation and test.
        seed: of the split.
        subject_regex: finds the subject in a file's path: the first group, or the whole match.
        curved: also draw the curved midline, where the contrast is known.
        licence, consent: for the card.
        orientation, contrast: for :func:`load`.
    """

    plane: str = "axial"
    at: tuple[float, ...] = (-12.5, 0.0, 12.5)
    relative: str = "centroid"
    preset: str = ""
    formats: tuple[str, ...] = ("json",)
    split: tuple[float, float, float] = (0.7, 0.15, 0.15)
    seed: int = 0
    subject_regex: str = r"sub-([A-Za-z0-9]+)"
    curved: bool = True
    licence: str = ""
    consent: str = ""
    orientation: str | None = None
    contrast: str = ""

    def __post_init__(self) -> None:
        if unknown := [each for each in self.formats if each not in FORMATS]:
            raise ValueError(f"formats must be of {', '.join(FORMATS)}, got {', '.join(unknown)}")
        if len(self.split) != 3 or min(self.split) < 0 or abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"split must be three shares that add up to 1, got {self.split}")
        try:
            re.compile(self.subject_regex)
        except re.error as error:
            raise ValueError(f"subject_regex must be a regular expression: {error}") from None


@dataclass(frozen=True)
class Dataset:
    """A set that was built.

    Attributes:
        folder: where it lies.
        annotations: one an image.
        failed: (file, why) of the scans that were left out.
        scans: file -> what was found, for the table.
    """

    folder: Path
    annotations: tuple[Annotation, ...]
    failed: tuple[tuple[str, str], ...] = ()
    scans: Mapping[str, MidPlane] = field(default_factory=dict)


def build_dataset(
    files: str | Sequence[str | Path],
    out_dir: str | Path,
    settings: Settings | None = None,
    *,
    about: Mapping[str, Mapping[str, str]] | None = None,
    said: Callable[[str], None] | None = None,
) -> Dataset:
    """Build a set. A bad file is listed and the rest go on.

    Args:
        files: a pattern such as ``scans/*.nii.gz``, or paths.
        out_dir: a folder, which is made.
        settings: how; None: the defaults.
        about: subject -> what to keep of it (age, sex, ...); headers are never copied.
        said: called with a line a scan.

    Raises:
        ValueError: no file, or none that could be used; a settings error.
    """
    s = settings or Settings()
    paths = sorted(map(Path, glob(files) if isinstance(files, str) else files))
    if not paths:
        raise ValueError(f"files must match at least one scan, {files!r} matches none")
    folder = Path(out_dir)
    for name in ("images", "records"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    parts = split_by_subject([subject_of(path, s.subject_regex) for path in paths], s.split, s.seed)
    names = scan_names(paths)
    records: list[Annotation] = []
    failed, scans = [], {}
    for path, name in zip(paths, names, strict=True):
        try:
            scan = load(path, orientation=s.orientation, contrast=s.contrast, name=name)
            found = find_midplane(scan)
            subject = subject_of(path, s.subject_regex)
            extra = (about or {}).get(subject, {})
            records += write_scan(
                scan, found, folder, s, subject=subject, source=sha256_of(path), split=parts[subject], extra=extra
            )
        except (ValueError, OSError) as error:
            failed.append((str(path), " ".join(str(error).split())))
        else:
            scans[str(path)] = found
        if said is not None:
            said(f"{path}: {failed[-1][1] if failed and failed[-1][0] == str(path) else 'done'}")
    if not records:
        raise ValueError(f"files must hold a scan that can be used; all {len(paths)} failed, the first: {failed[0][1]}")
    write_formats(records, folder, s.formats)
    write_whole(folder / "settings.json", msgspec.json.format(msgspec.json.encode(s), indent=2))
    return Dataset(folder, tuple(records), tuple(failed), scans)


def write_scan(
    scan: Volume, found: MidPlane, folder: Path, s: Settings, *, subject: str, source: str = "", split: str = "",
    extra: Mapping[str, str] | None = None,
) -> list[Annotation]:  # fmt: skip
    """Write a scan's slices as PNG with their records; the scan's name begins the files' names."""
    pieces = slices(scan, s.plane, s.at, relative=s.relative, centroid=found.centroid, preset=s.preset)
    records = []
    for number, piece in enumerate(pieces):
        square = piece.square()
        line = line_in(found.plane, square)
        curve = None
        flags = list(found.flags)
        if s.curved and square.contrast:
            curve = curved_midline(square, found.plane)
            flags += [] if curve.visible else ["midline hardly visible"]
        picture, limits = square.eight_bit()
        image = f"{scan.name}_{piece.plane}{number + 1}.png"
        record = annotate(
            square, line, found.plane.n, found.plane.d, image=image, subject=subject, scan=scan.name, curved=curve,
            confidence=found.confidence, flags=tuple(flags), split=split, source_sha256=source, intensity_range=limits,
            extra=dict(extra or {}),
        )  # fmt: skip
        write_whole(folder / "images" / image, png_bytes(picture))
        write_whole(folder / "records" / image.replace(".png", ".json"), write_record(record))
        records.append(record)
    if "nifti" in s.formats:
        (folder / "masks").mkdir(exist_ok=True)
        write_nifti(side_labels(scan, found), scan.affine, folder / "masks" / f"{scan.name}_sides.nii.gz")
    return records


def write_formats(records: Sequence[Annotation], folder: Path, formats: Sequence[str]) -> None:
    """Write the set-level files."""
    if "coco" in formats:
        for part in dict.fromkeys(record.split for record in records):
            own = [record for record in records if record.split == part]
            write_whole(folder / f"coco_{part or 'all'}.json", json.dumps(to_coco(own), indent=1))
    if "yolo" in formats:
        for name in ("yolo_pose", "yolo_segmentation"):
            (folder / name).mkdir(exist_ok=True)
        for record in records:
            pose, strip = to_yolo(record)
            text = record.image.replace(".png", ".txt")
            write_whole(folder / "yolo_pose" / text, pose)
            write_whole(folder / "yolo_segmentation" / text, strip)
    if "symbrain" in formats:
        scores = {record.image: record.extra.get("rad_score", "") for record in records}
        write_whole(folder / "symbrain.csv", to_symbrain(records, scores))
    if "parquet" in formats:
        to_parquet(records, folder / "annotations.parquet")


def side_labels(scan: Volume, found: MidPlane) -> np.ndarray:
    """Left (1), right (2) and midplane (3: within half a voxel) of the head on the scan's own grid."""
    from symplast.brain_symmetry.slicing import head_mask_of

    inside = head_mask_of(scan)
    i, j, k = (np.arange(n) for n in scan.shape)
    n = found.plane.n @ scan.affine[:3, :3]
    base = float(found.plane.n @ scan.affine[:3, 3]) - found.plane.d
    far = n[0] * i[:, None, None] + n[1] * j[None, :, None] + n[2] * k[None, None, :] + base
    labels = np.where(far < 0, SIDES["left"], SIDES["right"])
    labels[np.abs(far) <= np.abs(n).max() / 2] = SIDES["midplane"]
    return np.where(inside, labels, 0).astype(np.uint8)


def split_by_subject(subjects: Sequence[str], shares: Sequence[float], seed: int) -> dict[str, str]:
    """Train, validation or test for each subject: all scans of one are on the same side.

    Example:
        >>> shares = (0.5, 0.25, 0.25)
        >>> split_by_subject(["a", "b", "a", "c", "d"], shares, 0) == split_by_subject("abcd", shares, 0)
        True
    """
    names = sorted(set(subjects))
    order = np.random.default_rng(seed).permutation(len(names))
    ends = np.rint(np.cumsum(shares) * len(names)).astype(int)
    return {names[i]: PARTS[int(np.searchsorted(ends, rank, side="right"))] for rank, i in enumerate(order)}


def subject_of(path: str | Path, regex: str) -> str:
    """The subject in a path: the first group of the expression, or the file's name where it does not match."""
    found = re.search(regex, str(path))
    if not found:
        return re.sub(r"\.(nii\.gz|[A-Za-z]+)$", "", Path(path).name)
    return found.group(1) if found.groups() else found.group(0)


def scan_names(paths: Sequence[Path]) -> list[str]:
    """A name for each scan, from its file; folders are added where names would be equal."""
    plain = [re.sub(r"\.(nii\.gz|nii|mgz|mgh|mnc|img|hdr)$", "", path.name) for path in paths]
    twice = {name for name in plain if plain.count(name) > 1}
    named = [
        re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join([*path.parts[-3:-1], name]) if name in twice else name)
        for path, name in zip(paths, plain, strict=True)
    ]
    return [name if named.count(name) == 1 else f"{name}_{number}" for number, name in enumerate(named)]


def sha256_of(path: Path) -> str:
    """Hash of a file, or of the files of a DICOM folder in order of their names."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def png_bytes(picture: np.ndarray) -> bytes:
    """An 8-bit image as PNG."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, picture, cmap="gray", vmin=0, vmax=255, format="png", metadata={"Software": ""})
    return buffer.getvalue()


def read_dataset(folder: str | Path) -> Dataset:
    """Read a set from its records.

    Raises:
        ValueError: no records, or damaged ones.
    """
    place = Path(folder)
    files = sorted((place / "records").glob("*.json"))
    if not files:
        raise ValueError(f"folder must hold records of a set (records/*.json), {place} has none")
    return Dataset(place, tuple(read_record(file) for file in files))
