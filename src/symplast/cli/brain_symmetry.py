"""``symplast brain-symmetry``: planes, midlines, measures, sets and phantoms, on a user's own scans."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.brain_symmetry_files import (
    CONTRAST,
    FOLDER,
    INDEX,
    LABELS,
    NO_BIAS,
    ORIENTATION,
    PAIRS,
    SCAN,
    SCANS,
    SLICES,
    each_of,
    finish,
    groups_of,
    labels_of,
    loaded,
    pairs_of,
    print_measures,
    print_plane,
    reference_scans,
)
from symplast.cli.brain_symmetry_sets import register
from symplast.cli.console import computing, out, print_json, tell, write_files
from symplast.cli.options import AS_JSON, SEED, check_least

if TYPE_CHECKING:
    from symplast.brain_symmetry.reports import ScanReport

app = typer.Typer(
    help="Brain symmetry: mid-sagittal planes, midlines, left-right measures, sets of slices. Not a diagnostic device.",
    no_args_is_help=True,
)


@app.command()
def midline(
    scans: Annotated[list[Path], SCANS],
    folder: Annotated[Path | None, FOLDER] = None,
    next_to: bool = typer.Option(False, "--next-to-scans", help="Write next to each scan instead."),
    slices: Annotated[str, SLICES] = "axial:-12.5,0,12.5mm",
    labels: Annotated[Path | None, LABELS] = None,
    pairs: Annotated[str | None, PAIRS] = None,
    pixel_mm: Annotated[
        float | None, typer.Option(help="Size of a pixel, for single images (PNG, TIFF, .npy).")
    ] = None,
    left_is: Annotated[str | None, typer.Option(help="Side of a single image where the patient's left is.")] = None,
    direction: Annotated[
        str, typer.Option(help="Of a single image's midline: horizontal, vertical or any.")
    ] = "horizontal",
    orientation: Annotated[str | None, ORIENTATION] = None,
    contrast: Annotated[str, CONTRAST] = "",
    index: Annotated[int | None, INDEX] = None,
    no_bias: bool = NO_BIAS,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Mid-sagittal plane and midlines of scans; a line each. Bad files are listed and the rest go on."""
    from symplast.brain_symmetry.image_files import is_image
    from symplast.brain_symmetry.reports import SliceChoice, plane_record, report_on, table_of

    check_least(("--seed", seed, 0))
    if folder is not None and next_to:
        raise ValueError("--out and --next-to-scans exclude each other")
    choice = SliceChoice.of(slices)
    wanted = pairs_of(labels, pairs)
    if labels is not None and len(scans) > 1:
        raise ValueError("--labels belongs to one scan; give one SCAN")
    record: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []

    def one(path: Path) -> None:
        if is_image(path):
            record.append(_image_line(path, pixel_mm, left_is, direction, seed))
            return
        scan = loaded(path, orientation, contrast, index)
        found = report_on(scan, choice, labels=labels_of(labels, scan), pairs=wanted, bias=not no_bias, seed=seed)
        record.append(
            plane_record(scan, found.found) | {"midlines": _midlines(found), "measures": dict(found.measures)}
        )
        rows.append(found.row)
        place = path.absolute().parent if next_to else folder
        if place is not None:
            found.write(place)
        if not as_json:
            print_plane(scan, found.found, found)

    with computing():
        failed = each_of(scans, one)
    if rows and (folder is not None or next_to):
        place = folder if folder is not None else scans[0].absolute().parent
        write_files(place, {"symmetry.csv": table_of(rows)})
    finish({"version": 1, "scans": record, "failed": failed}, as_json, failed)


def _midlines(found: "ScanReport") -> list[dict[str, Any]]:
    return [
        {
            "plane": piece.plane,
            "position_mm": piece.position_mm,
            "line_px": None if line is None else line.points.tolist(),
            "line_mm": None if line is None else line.points_mm.tolist(),
            "shift_mm": None if curve is None else curve.shift_mm,
            "support": None if curve is None else curve.support,
        }
        for piece, line, curve in zip(found.pieces, found.lines, found.curves, strict=True)
    ]


def _image_line(path: Path, pixel_mm: float | None, left_is: str | None, direction: str, seed: int) -> dict[str, Any]:
    from symplast.brain_symmetry import find_midline
    from symplast.brain_symmetry.image_files import read_image

    if pixel_mm is None:
        raise ValueError(f"{path.name} is an image without a scale: give --pixel-mm")
    line = find_midline(read_image(path), pixel_mm, left_is, direction=direction, seed=seed)
    (x0, y0), (x1, y1) = line.points
    flags = f"; {'; '.join(line.flags)}" if line.flags else ""
    tell(
        f"{path.name}: ({x0:.2f}, {y0:.2f}) to ({x1:.2f}, {y1:.2f}) px, slope {line.slope_deg:.2f} degrees, similarity "
        f"{line.confidence:.3f}{flags}"
    )
    return {
        "image": path.name,
        "line_px": line.points.tolist(),
        "slope_deg": line.slope_deg,
        "similarity": line.confidence,
        "left": line.left,
        "flags": list(line.flags),
    }


@app.command()
def align(
    scan: Annotated[Path, SCAN],
    to: Annotated[Path, typer.Option("--out", help="The aligned scan, .nii or .nii.gz.")],
    split: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two more files: the left and the right half, each mirrored to a whole."),
    ] = None,
    spacing_mm: Annotated[float | None, typer.Option(help="Of the cubes; default: the scan's smallest.")] = None,
    orientation: Annotated[str | None, ORIENTATION] = None,
    index: Annotated[int | None, INDEX] = None,
    no_bias: bool = NO_BIAS,
    as_json: bool = AS_JSON,
) -> None:
    """Turn a scan so that its mid-sagittal plane is x = 0; halves mirrored to whole heads make symmetric templates."""
    import numpy as np

    from symplast.brain_symmetry import align as aligned_scan
    from symplast.brain_symmetry import find_midplane, save
    from symplast.brain_symmetry.reports import plane_record
    from symplast.brain_symmetry.volume import Volume

    for path in (to, *(split or ())):
        if not path.name.endswith((".nii", ".nii.gz")) or not path.absolute().parent.is_dir():
            raise ValueError(f"--out and --split must end in .nii or .nii.gz and lie in folders that exist, got {path}")
    with computing():
        volume = loaded(scan, orientation, "", index)
        found = find_midplane(volume, bias=not no_bias)
        turned = aligned_scan(volume, found.plane, spacing_mm)
        save(turned, to)
        written = [to.name]
        if split is not None:
            middle = len(turned.data) // 2
            for path, half in zip(split, (turned.data[: middle + 1], turned.data[middle:][::-1]), strict=True):
                whole = np.concatenate([half, half[-2::-1]])
                save(Volume(whole, turned.affine), path)
                written.append(path.name)
    if as_json:
        print_json(plane_record(volume, found) | {"written": written})
        return
    print_plane(volume, found, None)
    tell(f"{', '.join(written)} written")


@app.command()
def measure(
    scans: Annotated[list[Path], SCANS],
    labels: Annotated[Path | None, LABELS] = None,
    pairs: Annotated[str | None, PAIRS] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Folder with at least 20 scans to be compared with, of one contrast and age.")
    ] = None,
    folder: Annotated[Path | None, FOLDER] = None,
    orientation: Annotated[str | None, ORIENTATION] = None,
    contrast: Annotated[str, CONTRAST] = "",
    index: Annotated[int | None, INDEX] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Left-right measures, asymmetry map, and how unusual the asymmetry is (uncalibrated without a reference)."""
    from symplast.brain_symmetry import Cohort, asymmetry_map, right_half, save, single_scan_score
    from symplast.brain_symmetry.measures import symmetry
    from symplast.brain_symmetry.midplane import find_midplane
    from symplast.brain_symmetry.reports import plane_record, table_of
    from symplast.brain_symmetry.volume_files import write_nifti

    wanted = pairs_of(labels, pairs)
    if labels is not None and len(scans) > 1:
        raise ValueError("--labels belongs to one scan; give one SCAN")
    record: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    with computing():
        cohort = None if reference is None else Cohort.fit(reference_scans(reference, orientation, contrast))

        def one(path: Path) -> None:
            scan = loaded(path, orientation, contrast, index)
            found = find_midplane(scan)
            values: dict[str, Any] = dict(symmetry(scan, found.plane, labels=labels_of(labels, scan), pairs=wanted))
            half = right_half(scan, found.plane, found.centroid)
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            values["single_scan_score_uncalibrated"] = single_scan_score(half)
            if cohort is not None:
                score = cohort.score(half)
                values |= {
                    "cohort_percentile99_z": score.percentile,
                    "cohort_mahalanobis": score.mahalanobis,
                    "p_percentile99_z": score.p_percentile,
                    "p_mahalanobis": score.p_mahalanobis,
                }
                if folder is not None:
                    write_nifti(score.z, score.affine, folder / f"{scan.name}_z_right_half.nii.gz")
            if folder is not None:
                save(asymmetry_map(scan, found.plane), folder / f"{scan.name}_asymmetry.nii.gz")
            flags = list(found.flags)
            record.append(plane_record(scan, found) | {"measures": values})
            rows.append({"scan": scan.name, "flags": "; ".join(flags)} | values)
            if not as_json:
                print_measures(scan.name, values, flags)

        failed = each_of(scans, one)
    if folder is not None and rows:
        write_files(folder, {"measures.csv": table_of(rows)})
    finish({"version": 1, "scans": record, "failed": failed}, as_json, failed)


@app.command()
def group(
    scans: Annotated[list[Path], SCANS],
    groups: Annotated[
        Path | None, typer.Option(help="Table with columns scan and group (two of them); default: one group.")
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(help="Where each scan's label map is: a path in which {scan} is its name, {folder} its folder."),
    ] = None,
    pairs: Annotated[str | None, PAIRS] = None,
    permutations: Annotated[int, typer.Option(help="Relabellings.")] = 1000,
    folder: Annotated[Path | None, FOLDER] = None,
    orientation: Annotated[str | None, ORIENTATION] = None,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """Consistent asymmetry over scans, or its difference between two groups: permutation tests by voxel and region."""
    import numpy as np

    from symplast.brain_symmetry import region_test, right_half, voxel_test
    from symplast.brain_symmetry.measures import regions
    from symplast.brain_symmetry.midplane import find_midplane
    from symplast.brain_symmetry.reports import table_of
    from symplast.brain_symmetry.volume_files import load_labels, write_nifti

    check_least(("--permutations", permutations, 20), ("--seed", seed, 0))
    if (labels is None) != (pairs is None):
        raise ValueError("--labels and --pairs go together")
    wanted = pairs_of(None, pairs, needed=False)
    with computing():
        halves, names, indices = [], [], dict[str, list[float]]()

        def one(path: Path) -> None:
            scan = loaded(path, orientation, "", None)
            found = find_midplane(scan)
            if found.flags:
                raise ValueError(f"its plane is not to be trusted: {'; '.join(found.flags)}")
            own: dict[str, float] = {}
            if labels is not None and wanted:
                where = labels.replace("{scan}", scan.name).replace("{folder}", str(path.parent))
                found_regions = regions(scan, load_labels(where, scan, orientation=orientation), wanted, found.plane)
                own = {name: each["volume_ai"] for name, each in found_regions.items()}
            halves.append(right_half(scan, found.plane, found.centroid))
            names.append(scan.name)
            for name, value in own.items():
                indices.setdefault(name, []).append(value)

        failed = each_of(scans, one)
        kinds = None if groups is None else groups_of(groups, names)
        test = voxel_test(halves, kinds, permutations=permutations, seed=seed)
        rows = region_test(indices, kinds, seed=seed) if indices else {}
    low = float(test.p.min())
    record = {
        "version": 1,
        "scans": len(names),
        "permutations": test.permutations,
        "exact": test.exact,
        "largest_t": float(np.abs(test.t).max()),
        "threshold_t": test.threshold,
        "smallest_p": low,
        "voxels_below_0.05": int((test.p <= 0.05).sum()),
        "regions": rows,
        "failed": failed,
    }
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_nifti(test.t, test.affine, folder / "t_right_half.nii.gz")
        write_nifti(test.p, test.affine, folder / "p_right_half.nii.gz")
        if rows:
            write_files(folder, {"regions.csv": table_of([{"region": name} | row for name, row in rows.items()])})
        tell(f"maps of t and p written to {folder}")
    if not as_json:
        kind = "two groups" if kinds is not None else "one group"
        out.print(
            f"{len(names)} scans, {kind}, {test.permutations} relabellings: {record['voxels_below_0.05']} voxels at a "
            f"family-wise p of at most 0.05; largest |t| {record['largest_t']:.2f} (threshold {test.threshold:.2f}), "
            f"smallest p {low:.3g}",
            soft_wrap=True,
        )
        for name, row in rows.items():
            out.print(
                f"{name}: mean index {row['mean']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}], p {row['p']:.3g}, "
                f"Holm {row['p_holm']:.3g} (n = {row['n']:.0f})",
                soft_wrap=True,
            )
    finish(record, as_json, failed)


register(app)
