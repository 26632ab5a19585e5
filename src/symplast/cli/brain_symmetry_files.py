"""What the commands of ``symplast brain-symmetry`` share: their options, reading of scans and tables, and printing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from symplast.cli.console import out, print_json, tell, warn
from symplast.cli.options import numbers

if TYPE_CHECKING:
    from symplast.brain_symmetry import MidPlane, Volume
    from symplast.brain_symmetry.reports import ScanReport

SCANS = typer.Argument(help="NIfTI, MGZ, MINC or Analyze files, or folders of one DICOM series each.")
SCAN = typer.Argument(help="NIfTI, MGZ, MINC or Analyze file, or a folder of one DICOM series.")
FOLDER = typer.Option("--out", help="Folder for the files.", file_okay=False)
ORIENTATION = typer.Option(
    help="sform or qform where the header leaves it open; letters such as RAS for files that have no orientation."
)
CONTRAST = typer.Option(help="T1 or T2 (for curved midlines); default: by the file's name (_T1w, _T2w).")
INDEX = typer.Option("--index", help="Which volume of a file of four axes, from 0.")
SLICES = typer.Option(
    "--slices",
    help="PLANE:POSITIONS, mm from the head's centroid (axial:-12.5,0,12.5mm), or with extent, world, index.",
)
LABELS = typer.Option(help="Label map on the scan's grid.")
PAIRS = typer.Option(help="LEFT:RIGHT or NAME=LEFT:RIGHT labels, commas between; one label is split by the plane.")
NO_BIAS = typer.Option(False, "--no-bias", help="Leave bias field and local contrast as they are: for clean scans.")


def three(text: str, option: str, kind: Callable[[str], Any] = float) -> list[Any]:
    """Three numbers of an option."""
    found = numbers(text, option, kind)
    if len(found) != 3:
        raise ValueError(f"{option} must be three numbers separated by commas, got {text!r}")
    return found


def loaded(path: Path, orientation: str | None, contrast: str, index: int | None) -> "Volume":
    """A scan from a file; what was decided on reading it is said."""
    from symplast.brain_symmetry import load

    if contrast not in ("", "T1", "T2"):
        raise ValueError(f"--contrast must be T1 or T2, got {contrast!r}")
    scan = load(path, orientation=orientation, contrast=contrast, index=index)
    if scan.notes:
        tell(f"{path.name}: {'; '.join(scan.notes)}")
    return scan


def labels_of(path: Path | None, scan: "Volume") -> Any:
    """The label map of a scan, where one was given."""
    from symplast.brain_symmetry import load_labels

    return None if path is None else load_labels(path, scan)


def pairs_of(labels: Path | None, pairs: str | None, needed: bool = True) -> dict[str, tuple[int, int] | int] | None:
    """Pairs of labels, which go together with a label map."""
    from symplast.brain_symmetry.reports import parse_pairs

    if needed and (labels is None) != (pairs is None):
        raise ValueError("--labels and --pairs go together")
    return None if pairs is None else parse_pairs(pairs)


def reference_scans(folder: Path, orientation: str | None, contrast: str) -> "list[Volume]":
    """The scans of a reference folder, counted before any is read."""
    from symplast.brain_symmetry.cohort import check_reference
    from symplast.brain_symmetry.volume_files import ENDINGS

    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder} for --reference")
    files = sorted(
        path for path in folder.iterdir() if path.name.lower().endswith(ENDINGS) and not path.name.endswith(".img")
    )
    check_reference(len(files))
    return [loaded(path, orientation, contrast, None) for path in files]


def groups_of(path: Path, names: Sequence[str]) -> list[str]:
    """The group of each scan, from a table."""
    from symplast.datasets.tables import read_table

    table = read_table(path, what="a table with columns scan and group", index=False)
    known = dict(zip(table.text("scan"), table.text("group"), strict=True))
    if missing := [name for name in names if name not in known]:
        raise ValueError(f"{path.name} must name the group of every scan, it lacks {', '.join(missing[:8])}")
    return [known[name] for name in names]


def participants_of(path: Path) -> dict[str, dict[str, str]]:
    """subject -> its other columns, from a table."""
    from symplast.datasets.tables import read_table

    table = read_table(path, what="a table with a column subject", index=False)
    subjects = table.text("subject")
    others = {name: table.text(name) for name in table.names if name != "subject"}
    return {str(who): {name: str(column[i]) for name, column in others.items()} for i, who in enumerate(subjects)}


def each_of(paths: Sequence[Path], one: Callable[[Path], None]) -> list[dict[str, str]]:
    """Call for each path; what goes wrong with one is kept and, where there are several, stops no other."""
    failed: list[dict[str, str]] = []
    for path in paths:
        try:
            one(path)
        except (ValueError, FileNotFoundError) as error:
            if len(paths) == 1:
                raise
            failed.append({"file": str(path), "why": " ".join(str(error).split())})
            warn(f"{path}: {failed[-1]['why']}", "left out:")
    return failed


def finish(record: dict[str, Any], as_json: bool, failed: Sequence[Any], listed: bool = False) -> None:
    """Print the record, and end with 1 where files were left out."""
    if as_json:
        print_json(record)
    if failed:
        if listed:
            for each in failed:
                warn(f"{each['file']}: {each['why']}", "left out:")
        raise typer.Exit(1)


def print_plane(scan: "Volume", found: "MidPlane", report: "ScanReport | None") -> None:
    """A scan's plane on one line."""
    n = found.plane.n
    curves = [] if report is None else [curve for curve in report.curves if curve is not None]
    shifts = ", ".join(f"{curve.shift_mm:.2f}" if curve.visible else "not visible" for curve in curves)
    shift = f", midline shift {shifts} mm" if shifts else ""
    flags = f"; FLAGS: {'; '.join(found.flags)}" if found.flags else "; no flags"
    out.print(
        f"{scan.name}: n = ({n[0]:.5f}, {n[1]:.5f}, {n[2]:.5f}), d = {found.plane.d:.3f} mm, "
        f"tilt {found.plane.tilt_deg:.2f} degrees, confidence {found.confidence:.3f}{shift}{flags}; "
        f"{found.seconds:.1f} s",
        soft_wrap=True,
    )


def print_measures(name: str, values: dict[str, Any], flags: Sequence[str]) -> None:
    """The two sides compared, regions, and the anomaly score of a scan."""
    told = f"; FLAGS: {'; '.join(flags)}" if flags else ""
    lines = [
        f"{name}: NCC {values['ncc']:.4f}, SSIM {values['ssim']:.4f}, Dice {values['dice']:.4f}, Hausdorff 95 "
        f"{values['hausdorff95_mm']:.1f} mm{told}"
    ]
    for key, value in values.items():
        if key.endswith("_volume_ai"):
            region = key.removesuffix("_volume_ai")
            left, right = values[f"{region}_left_mm3"], values[f"{region}_right_mm3"]
            lines.append(f"  {region}: left {left:.0f}, right {right:.0f} mm3, index {value:+.4f}")
    if "p_mahalanobis" in values:
        lines.append(
            f"  cohort: 99th percentile of |z| {values['cohort_percentile99_z']:.2f} "
            f"(p {values['p_percentile99_z']:.3g}), distance {values['cohort_mahalanobis']:.1f} "
            f"(p {values['p_mahalanobis']:.3g})"
        )
    else:
        score = values["single_scan_score_uncalibrated"]
        lines.append(f"  single-scan score {score:.1f}, uncalibrated: give --reference for a p value")
    for line in lines:
        out.print(line, soft_wrap=True)
