"""``symplast brain-symmetry dataset``, ``card`` and ``phantom``: sets of slices, and scans with known planes."""

from pathlib import Path
from typing import Annotated

import typer

from symplast.cli.brain_symmetry_files import (
    CONTRAST,
    FOLDER,
    ORIENTATION,
    SLICES,
    finish,
    participants_of,
    three,
)
from symplast.cli.console import computing, out, print_json, tell
from symplast.cli.options import AS_JSON, SEED, check_least, numbers


def register(app: typer.Typer) -> None:
    """Add the commands to the group."""
    for command in (dataset, card, phantom):
        app.command()(command)


def dataset(
    scans: Annotated[list[str], typer.Argument(help="Scans, or a pattern in quotes such as 'scans/*.nii.gz'.")],
    folder: Annotated[Path, FOLDER],
    formats: Annotated[
        str, typer.Option(help="Of json, coco, yolo, symbrain, parquet, nifti; commas between.")
    ] = "json",
    subject_regex: Annotated[
        str, typer.Option(help="Finds the subject in a path: the first group.")
    ] = r"sub-([A-Za-z0-9]+)",
    slices: Annotated[str, SLICES] = "axial:-12.5,0,12.5mm",
    preset: Annotated[str, typer.Option(help="symbrain: the published set's slices, on its grid only.")] = "",
    split: Annotated[str, typer.Option(help="Shares of subjects in train, validation and test.")] = "0.7,0.15,0.15",
    participants: Annotated[
        Path | None, typer.Option(help="Table with a column subject; its other columns are kept (age_weeks, sex, ...).")
    ] = None,
    licence: Annotated[str, typer.Option(help="For the card.")] = "",
    consent: Annotated[str, typer.Option(help="For the card.")] = "",
    orientation: Annotated[str | None, ORIENTATION] = None,
    contrast: Annotated[str, CONTRAST] = "",
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """An annotated set of slices from scans, split by subject, with a data card. Headers are not copied."""
    from glob import glob

    from symplast.brain_symmetry import Settings, build_dataset, write_card
    from symplast.brain_symmetry.reports import SliceChoice

    choice = SliceChoice.of(slices)
    shares = three(split, "--split")
    settings = Settings(
        plane=choice.plane, at=choice.at, relative=choice.relative, preset=preset,
        formats=tuple(word.strip() for word in formats.split(",") if word.strip()),
        split=(shares[0], shares[1], shares[2]), seed=seed, subject_regex=subject_regex, licence=licence,
        consent=consent, orientation=orientation, contrast=contrast,
    )  # fmt: skip
    paths = [found for each in scans for found in (sorted(glob(each)) or [each])]
    about = None if participants is None else participants_of(participants)
    with computing():
        try:
            found = build_dataset(paths, folder, settings, about=about, said=tell)
        except ValueError as error:
            raise ValueError(str(error).replace("files must", "SCANS must", 1)) from error
        card, page = write_card(found, settings)
    failed = [{"file": file, "why": why} for file, why in found.failed]
    record = {
        "version": 1,
        "folder": str(folder),
        "images": len(found.annotations),
        "scans": len(found.scans),
        "subjects": len({each.subject for each in found.annotations}),
        "card": [str(card), str(page)],
        "failed": failed,
    }
    if not as_json:
        counts = f"{record['images']} images of {record['scans']} scans of {record['subjects']} subjects"
        out.print(f"{counts} in {folder}; card: {page}", soft_wrap=True)
    finish(record, as_json, failed, listed=True)


def card(
    folder: Annotated[Path, typer.Argument(help="Folder of a set.", file_okay=False)],
    title: Annotated[str, typer.Option(help="Of the card.")] = "",
    licence: Annotated[str | None, typer.Option(help="Replaces what the set's settings say.")] = None,
    consent: Annotated[str | None, typer.Option(help="Replaces what the set's settings say.")] = None,
) -> None:
    """Write the data card of a set again (card.md, card.html)."""
    from dataclasses import replace

    from symplast.brain_symmetry import read_dataset, write_card
    from symplast.brain_symmetry.card import settings_of

    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; give the folder of a set")
    settings = settings_of(folder)
    settings = replace(
        settings,
        licence=settings.licence if licence is None else licence,
        consent=settings.consent if consent is None else consent,
    )
    for path in write_card(read_dataset(folder), settings, title):
        out.print(str(path), soft_wrap=True)


def phantom(
    to: Annotated[
        Path, typer.Option("--out", help="The scan, .nii or .nii.gz; its labels lie next to it as NAME_labels.")
    ],
    shape: Annotated[str, typer.Option(help="Samples along x, y, z.")] = "97,97,97",
    spacing_mm: Annotated[str, typer.Option(help="Size of a voxel, one number or three.")] = "1.5",
    turn: Annotated[str, typer.Option(help="Turns about x, y, z in degrees (fixed axes).")] = "0,0,0",
    shift: Annotated[str, typer.Option(help="Shift along x, y, z in mm.")] = "0,0,0",
    noise: Annotated[float, typer.Option(help="Sigma of the Rician noise, percent of 1000.")] = 3.0,
    bias: Annotated[float, typer.Option(help="Bias field from left to right, 0.3 for 30 %.")] = 0.0,
    bow_mm: Annotated[float, typer.Option(help="Largest shift of a bowed midline.")] = 0.0,
    asymmetry_mm: Annotated[float, typer.Option(help="Largest displacement of a smooth random warp.")] = 0.0,
    ventricle_scale: Annotated[str, typer.Option(help="Left and right factor of the lateral ventricles.")] = "1,1",
    supersample: Annotated[int, typer.Option(help="1: voxel centres; 2: 2 x 2 x 2 points a voxel.")] = 2,
    seed: Annotated[int, SEED] = 0,
    as_json: bool = AS_JSON,
) -> None:
    """A neonatal-like phantom with a known plane, as NIfTI with its labels."""
    import jax
    import numpy as np

    from symplast.brain_symmetry import NeoPhantom, rigid_motion, save
    from symplast.brain_symmetry.phantom import NAMES
    from symplast.brain_symmetry.volume_files import write_nifti

    if not to.name.endswith((".nii", ".nii.gz")) or not to.absolute().parent.is_dir():
        raise ValueError(f"--out must end in .nii or .nii.gz and lie in a folder that exists, got {to}")
    check_least(("--supersample", supersample, 1), ("--seed", seed, 0), ("--noise", noise, 0))
    size, angles, moved = three(shape, "--shape", int), three(turn, "--turn"), three(shift, "--shift")
    step = numbers(spacing_mm, "--spacing-mm")
    if len(step) not in (1, 3) or min(step) <= 0:
        raise ValueError(f"--spacing-mm must be one number or three, above 0, got {spacing_mm!r}")
    scale = numbers(ventricle_scale, "--ventricle-scale")
    if len(scale) != 2:
        raise ValueError(f"--ventricle-scale must be two numbers, got {ventricle_scale!r}")
    if min(size) < 16 or np.prod(size, dtype=float) > 2**28:
        raise ValueError(f"--shape must be at least 16 along each axis and at most 2^28 voxels, got {shape!r}")
    dials = NeoPhantom(
        noise=noise, bias=bias, bow_mm=bow_mm, asymmetry_mm=asymmetry_mm, ventricle_scale=(scale[0], scale[1])
    )
    scan, truth = dials.render(
        (size[0], size[1], size[2]), step if len(step) == 3 else step[0], rigid_motion(angles, moved),
        key=jax.random.key(seed), supersample=supersample,
    )  # fmt: skip
    ending = ".nii.gz" if to.name.endswith(".gz") else ".nii"
    labels = to.with_name(to.name.removesuffix(ending) + "_labels" + ending)
    save(scan, to)
    write_nifti(truth.labels, scan.affine, labels)
    record = {
        "normal": truth.plane.n.tolist(),
        "offset_mm": truth.plane.d,
        "labels": dict(enumerate(NAMES)),
        "bow_mm": bow_mm,
    }
    if as_json:
        print_json({"version": 1, "written": [str(to), str(labels)]} | record)
        return
    n = truth.plane.n
    out.print(f"true plane: n = ({n[0]:.6f}, {n[1]:.6f}, {n[2]:.6f}), d = {truth.plane.d:.4f} mm", soft_wrap=True)
    tell(f"{to.name}, {labels.name} written")
