"""``symplast brain-alignment``: brain scores, gaslighting of a model behind an endpoint, and scores against rates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import check_output, computing, err, out, print_json, tell, warn, write_files
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON, check_least

if TYPE_CHECKING:
    from symplast.brain_alignment import EncodingResult, Score

app = typer.Typer(
    help="Brain scores of vision models, gaslighting of vision-language models, and how the two relate.",
    no_args_is_help=True,
)

FEATURES = typer.Option(
    "--features", help="Features, one image a row: .npy, .npz with features (and ids), .csv or .parquet."
)
RESPONSES = typer.Option(
    "--responses", help="Responses, one image a row: .npy, .npz with responses (and ids, roi_NAME), .csv."
)
ROIS = typer.Option("--rois", help="Regions: .npz with one mask each, or a table with columns voxel and roi.")
CEILING = typer.Option("--ceiling", help="Noise ceilings in r units, one a voxel (.npy).")
TRIALS = typer.Option(
    "--trials", help="Single trials, images x repetitions x voxels (.npy), to estimate ceilings from."
)
GROUPS = typer.Option("--groups", help="Table with a column group: images of one group are never in both parts.")
FOLDER = typer.Option("--out", help="Folder for voxels.parquet, rois.csv, result.json and rois.svg.", file_okay=False)


@app.command()
def encode(
    features: Annotated[Path, FEATURES],
    responses: Annotated[Path, RESPONSES],
    rois: Annotated[Path | None, ROIS] = None,
    ceiling: Annotated[Path | None, CEILING] = None,
    trials: Annotated[Path | None, TRIALS] = None,
    groups: Annotated[Path | None, GROUPS] = None,
    shared: Annotated[bool, typer.Option("--shared", help="One penalty for all voxels, as published.")] = False,
    pca: Annotated[int | None, typer.Option(help="Keep so many principal components of the features.")] = None,
    folds: Annotated[int, typer.Option(help="Test folds; 0: one random split of 20 %.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the split into training and test images.")] = 42,
    drop: Annotated[bool, typer.Option("--drop-nan", help="Leave out images and voxels that are not finite.")] = False,
    output: Annotated[Path | None, FOLDER] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Score features against responses, region by region, on images that were not fitted."""
    found = _encode(features, responses, rois, ceiling, trials, groups, shared, pca, folds, seed, drop)
    _show_encoding(found, output, as_json)


def _encode(
    features: Path, responses: Path, rois: Path | None, ceiling: Path | None, trials: Path | None, groups: Path | None,
    shared: bool, pca: int | None, folds: int, seed: int, drop: bool,
) -> "EncodingResult":  # fmt: skip
    from symplast.brain_alignment import BrainEncoder, KFold, Split
    from symplast.brain_alignment.response_files import (
        match_rows,
        read_features,
        read_groups,
        read_numbers,
        read_responses,
        read_rois,
    )

    if ceiling is not None and trials is not None:
        raise ValueError("give --ceiling or --trials, not both")
    if folds == 1:
        raise ValueError("--folds must be 0 for one split, or at least 2, got 1")
    check_least(("--folds", folds, 0), ("--seed", seed, 0), ("--pca", pca, 1))
    X, Y = read_features(features), read_responses(responses)
    x, y, how = match_rows(X, Y)
    for rows in (X, Y):
        if rows.decided:
            tell("; ".join([f"{rows.source}: {len(rows.values)} rows read", *rows.decided]))
    tell(f"{len(y)} images {how}; {x.shape[1]} features, {y.shape[1]} voxels")
    regions: Any = Y.rois or None
    if rois is not None:
        regions = read_rois(rois, y.shape[1])
    given: Any = None
    if ceiling is not None:
        given = read_numbers(ceiling, "ceilings in r units, one a voxel", (1,))
    elif trials is not None:
        given = read_numbers(trials, "trials of shape (images, repetitions, voxels)", (3,))
    labels = None if groups is None else read_groups(groups, Y.ids if Y.ids is not None else X.ids, len(y))
    names = {"X": "--features", "Y": "--responses", "ceiling": "--ceiling or --trials"}
    with computing(), naming("rois", "groups", "pca", "folds", trials="--trials", test="--folds", **names):
        encoder = BrainEncoder(alpha="shared" if shared else "per_target", pca=pca, nan="drop" if drop else "refuse")
        test: Any = KFold(folds, seed=seed) if folds else Split(seed=seed)
        return encoder.fit_score(x, y, regions, ceiling=given, test=test, groups=labels)


def _show_encoding(found: "EncodingResult", output: Path | None, as_json: bool) -> None:
    if output is not None:
        write_files(output, found.files())
    if as_json:
        print_json(found.to_dict())
        return
    from rich import box
    from rich.table import Table

    shown = Table("region", "score", "95 %", "voxels", "dropped", "/ ceiling", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in found.roi_table:
        if row.skipped:
            shown.add_row(row.roi, row.skipped, "", str(row.n_voxels), str(row.n_dropped), "")
            continue
        over = "" if row.normalised is None else f"{row.normalised:.3f} ({row.n_normalised} voxels)"
        interval = f"[{row.low:.3f}, {row.high:.3f}]"
        shown.add_row(row.roi, f"{row.score:.4f}", interval, str(row.n_voxels), str(row.n_dropped), over)
    out.print(shown)
    out.print(f"overall {found.overall:.4f}, {found.n_images[1]} of {found.n_images[0]} images test", highlight=False)
    for note in found.notes:
        warn(note, "note:")


@app.command()
def cases(
    output: Annotated[Path, typer.Option("--out", help="File of the cases, one JSON object a line (.jsonl).")],
    scenes: Annotated[int | None, typer.Option(help="Number of generated scenes.")] = None,
    coco: Annotated[Path | None, typer.Option(help="Annotations as COCO writes them (.json).")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of these images: those that are missing are left out.")
    ] = None,
    claim: Annotated[list[str] | None, typer.Option(help="Claim type; may be given several times.")] = None,
    level: Annotated[
        list[int] | None, typer.Option(help="Level of pressure, 1 to 10; may be given several times.")
    ] = None,
    controls: Annotated[bool, typer.Option("--controls/--no-controls", help="True claims in the same words.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of the choices.")] = 0,
) -> None:
    """Make cases: every claim type at every level on the same images, each false claim with its true control."""
    import json

    from symplast.brain_alignment.cases import make_cases, write_cases
    from symplast.brain_alignment.wording import LEVELS, PAPER_TYPES

    check_output(output, "--out", ".jsonl")
    if (scenes is None) == (coco is None):
        raise ValueError("give exactly one of --scenes (generated) and --coco (your own annotations)")
    source: Any
    if coco is None:
        if scenes is None or not 1 <= scenes <= 100_000:
            raise ValueError(f"--scenes must be a count from 1 to 100000, got {scenes}")
        source = range(scenes)
    else:
        if not coco.is_file():
            raise FileNotFoundError(f"no file {coco}")
        try:
            source = json.loads(coco.read_bytes())
            if not isinstance(source, dict):
                raise TypeError("no mapping")
            if images is not None:
                source["images"] = [im for im in source["images"] if (images / str(im["file_name"])).is_file()]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            told = f"{type(error).__name__}: {error}"
            raise ValueError(f"--coco must hold annotations as COCO writes them, {coco} does not: {told}") from None
    with naming(
        claims="--claim", levels="--level", scenes="--scenes" if coco is None else "--coco", annotations="--coco"
    ):
        made = make_cases(source, claims=claim or PAPER_TYPES, levels=level or LEVELS, controls=controls, seed=seed)
    write_cases(made, output)
    pictures = len({case.image for case in made})
    tell(f"{len(made)} cases on {pictures} image{'s' if pictures > 1 else ''} written to {output}")


@app.command()
def gaslight(
    cases_file: Annotated[Path, typer.Argument(metavar="CASES", help="Cases, from symplast brain-alignment cases.")],
    endpoint: Annotated[
        str, typer.Option(help="URL of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1.")
    ],
    model: Annotated[str, typer.Option(help="Name of the model on the server.")],
    output: Annotated[Path, typer.Option("--out", help="File of the answers (.jsonl); the same again resumes.")],
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the key; it is never stored or printed.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Requests at once.")] = 8,
    timeout: Annotated[float, typer.Option(help="Seconds for one answer.")] = 120.0,
    max_retries: Annotated[int, typer.Option(help="Further tries after 429, 5xx or a broken connection.")] = 4,
    rate: Annotated[float | None, typer.Option(help="At most so many requests a second.")] = None,
    budget: Annotated[int | None, typer.Option(help="Stop after so many requests; the file can be resumed.")] = None,
    logprob: Annotated[
        bool, typer.Option("--logprob", help="Also read log-probabilities, where the server has them.")
    ] = False,
    stateless: Annotated[
        bool, typer.Option("--stateless", help="Turn 2 without the conversation, for comparison.")
    ] = False,
    images: Annotated[Path | None, typer.Option(help="Folder of the cases' images.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of answers that several runs share.", file_okay=False)
    ] = None,
    no_preflight: Annotated[
        bool, typer.Option("--no-preflight", help="Skip the check that the model sees images.")
    ] = False,
    as_json: bool = AS_JSON,
) -> None:
    """Press a model with false claims about images, and score how often it gives in."""
    from symplast.brain_alignment.cases import read_cases
    from symplast.brain_alignment.chat import OpenAIChat, preflight
    from symplast.brain_alignment.gaslighting import BudgetSpentError
    from symplast.brain_alignment.gaslighting import gaslight as put
    from symplast.brain_alignment.rates import score as rate_run

    check_output(output, "--out", ".jsonl")
    if concurrency > 256:
        raise ValueError(f"--concurrency must be at most 256, got {concurrency}")
    made = read_cases(cases_file)
    with (
        computing(),
        naming(
            "endpoint",
            "model",
            "api_key_env",
            "timeout",
            "max_retries",
            "concurrency",
            "budget",
            "out",
            requests_per_second="--rate",
        ),
    ):
        chat = OpenAIChat(endpoint, model, api_key_env, timeout, max_retries, rate)
        if not no_preflight:
            preflight(chat)
        try:
            run = put(
                chat, made,
                history="stateless" if stateless else "full",
                readout=("text", "logprob") if logprob else ("text",),
                out=output, cache_dir=cache, concurrency=concurrency, budget=budget, images=images,
                progress=_progress(len(made)),
            )  # fmt: skip
        except BudgetSpentError as spent:
            tell(f"{spent}; answers so far are in {output}")
            raise typer.Exit(1) from None
    tell(f"{run.requests} requests; answers in {output}")
    _show_score(rate_run(run), None, as_json)


def _progress(total: int) -> Any:
    step = max(1, total // 20)

    def said(done: int, of: int) -> None:
        if done % step == 0 and done < of:
            tell(f"{done} of {of} cases")

    return said


@app.command()
def score(
    run: Annotated[
        Path | None, typer.Argument(help="Answers, from symplast brain-alignment gaslight (.jsonl).")
    ] = None,
    readout: Annotated[str, typer.Option(help="text, or logprob where the run has it.")] = "text",
    features: Annotated[Path | None, FEATURES] = None,
    responses: Annotated[Path | None, RESPONSES] = None,
    rois: Annotated[Path | None, ROIS] = None,
    ceiling: Annotated[Path | None, CEILING] = None,
    trials: Annotated[Path | None, TRIALS] = None,
    output: Annotated[Path | None, typer.Option("--out", help="Folder for the tables.", file_okay=False)] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Rates of a run of gaslight; or, with --features and --responses, brain scores as encode gives them."""
    if (run is None) == (features is None and responses is None):
        raise ValueError("give a run of gaslight, or both --features and --responses")
    if run is None:
        if features is None or responses is None:
            raise ValueError("brain scores need both --features and --responses")
        found = _encode(features, responses, rois, ceiling, trials, None, False, None, 0, 42, False)
        _show_encoding(found, output, as_json)
        return
    from symplast.brain_alignment.rates import score as rate_run

    if readout not in ("text", "logprob"):
        raise ValueError(f"--readout must be text or logprob, got {readout!r}")
    with naming("readout"):
        rated = rate_run(run, readout=readout)
    _show_score(rated, output, as_json)


def _show_score(found: "Score", output: Path | None, as_json: bool) -> None:
    if output is not None:
        write_files(output, found.files())
    if as_json:
        print_json(found.to_dict())
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    heads = ("claims", "n", "S", "95 %", "turn 1", "turn 2", "d'", "effect", "unread")
    shown = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=Text(found.model))
    rows = [("all", found.overall), *found.category.items(), *((f"level {k}", r) for k, r in found.level.items())]
    for name, r in rows:
        interval = f"{r.s.low:.2f} to {r.s.high:.2f}" if r.s else ""
        shown.add_row(
            name, str(r.cases), _share(r.s), interval, _share(r.s1), _share(r.conversion),
            "" if r.sensitivity is None else f"{r.sensitivity.d_prime:.2f}",
            "" if r.pressure_effect is None else f"{r.pressure_effect:+.3f}", str(r.unclear + r.refused),
        )  # fmt: skip
    out.print(shown)
    curve = found.resistance
    broken = "never" if curve.breakpoint == 11 else f"at level {curve.breakpoint}"
    out.print(f"breaks {broken}", highlight=False)
    if found.overall.bounds:
        low, high = found.overall.bounds
        out.print(f"S between {low:.3f} and {high:.3f}, by how unclear replies are counted", highlight=False)
    if found.overall.failed:
        warn(f"{found.overall.failed} false claims have no answer: see the errors in the file, and run again")
    for note in found.notes:
        warn(note, "note:")


def _share(estimate: Any) -> str:
    return "" if estimate is None else f"{estimate.value:.3f}"


@app.command()
def relate(
    table: Annotated[
        Path, typer.Argument(help="Models, one a row, with columns of scores and rates (.csv, .parquet).")
    ],
    x: Annotated[list[str], typer.Option("--x", help="Column of scores; may be given several times.")],
    y: Annotated[list[str], typer.Option("--y", help="Column of rates; may be given several times.")],
    family: Annotated[str | None, typer.Option(help="Column of families, left out one at a time.")] = None,
    covariate: Annotated[list[str] | None, typer.Option(help="Column held fixed, such as log10_params.")] = None,
    name: Annotated[str | None, typer.Option(help="Column of the models' names.")] = None,
    resamples: Annotated[
        int | None, typer.Option(help="Random resamples; left out: all of them up to 12 models.")
    ] = None,
    drop_failed: Annotated[
        bool, typer.Option("--drop-failed", help="Leave out models without a number; says how many.")
    ] = False,
    output: Annotated[Path | None, typer.Option("--out", help="Page with tables and pictures (.html).")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Correlate scores with rates over models, with the intervals and corrections that a dozen models need."""
    from symplast.brain_alignment.model_tables import read_models
    from symplast.brain_alignment.relating import relate as related

    if output is not None:
        check_output(output, "--out", ".html")
    if resamples is not None and not 100 <= resamples <= 10_000_000:
        raise ValueError(f"--resamples must lie in 100 to 10000000, got {resamples}")
    texts = [column for column in (family, name) if column is not None]
    read = read_models(table, list(dict.fromkeys([*x, *y])), covariate or (), texts, drop_failed=drop_failed)
    tell(read.read)
    with computing(), naming("x", "y", families="--family", covariates="--covariate", table=str(table)):
        found = related(read.frame, x, y, families=family, covariates=covariate or (), names=name,
                        n_boot="exact" if resamples is None else resamples)  # fmt: skip
    if output is not None:
        found.report(output)
        err.print(f"written to {output}", soft_wrap=True, highlight=False)
    if as_json:
        print_json(found.to_dict())
        return
    from rich import box
    from rich.table import Table

    heads = ("pair", "n", "r", "p", "Fisher 95 %", "BCa 95 %", "BH p", "max-r p")
    shown = Table(*heads, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for pair in found.pairs:
        if pair.reason:
            shown.add_row(f"{pair.x}, {pair.y}", str(pair.n), pair.reason, "", "", "", "", "")
            continue
        ends = [f"{low:.2f} to {high:.2f}" for low, high in (pair.fisher, pair.bca)]
        p = [f"{own:.2g}" for own in (pair.p_value, pair.benjamini_hochberg, pair.max_r)]
        shown.add_row(f"{pair.x}, {pair.y}", str(pair.n), f"{pair.r:.3f}", p[0], *ends, *p[1:])
    out.print(shown)
    for pair in found.pairs:
        if pair.more:
            out.print(f"{pair.x}, {pair.y}: {'; '.join(pair.more)}", soft_wrap=True)
    for d in found.differences:
        out.print(f"{d.x1} or {d.x2} with {d.y}: z {d.z:.2f}, p {d.p_value:.3g}", soft_wrap=True)


@app.command(name="serve-responder")
def serve_responder(
    policy: Annotated[str, typer.Option(help="truthful, gives-in or always-agree.")] = "gives-in",
    port: Annotated[int, typer.Option(help="On 127.0.0.1; 0 takes a free one.")] = 8000,
    rate: Annotated[float, typer.Option(help="Probability of giving in (or agreeing).")] = 0.5,
    conversion: Annotated[float, typer.Option(help="Probability of giving in at turn 2.")] = 0.3,
    unclear: Annotated[float, typer.Option(help="Share of evasive answers.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of its decisions.")] = 0,
) -> None:
    """Serve a reference responder on this machine, for a dry run without GPU, network or key. Ctrl-C ends it."""
    from symplast.brain_alignment.local_server import make_server
    from symplast.brain_alignment.responders import POLICIES, Responder

    if policy not in POLICIES:
        raise ValueError(f"--policy must be one of {', '.join(POLICIES)}, got {policy!r}")
    if not 0 <= port <= 65535:
        raise ValueError(f"--port must lie in 0 to 65535, got {port}")
    with naming(rates="--rate"):
        responder = Responder(policy, rate, conversion, unclear, seed)
    try:
        server = make_server(responder, port)
    except OSError as error:
        raise OSError(f"port {port} can't be used ({error.strerror}); name another with --port") from None
    tell(f"http://127.0.0.1:{server.server_address[1]}/v1 answers as {responder.name}; Ctrl-C ends it")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
