"""``symplast gain-control``: predict, measure and fit adaptation of tuning curves; whiten signals."""

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
    write_file,
)
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON, HEADER, INDEX, PICTURE, SEED, check_least

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from symplast.gain_control.recordings import Tuning

app = typer.Typer(
    help="Gain control: how tuning adapts by gains alone, on your curves; whitening by gains (the recurrent model is a "
    "reconstruction).",
    no_args_is_help=True,
)

TUNING = typer.Argument(
    help="Curves before and after: a long table neuron, stimulus, condition (control, adapted), response[, recording, "
    "preferred, p] (.csv, .tsv, .txt, .parquet), or (13, 21, recordings, 2) in .npy, .npz, .mat."
)
DRIVE = typer.Argument(
    help="Tuning curves: a table with a neuron a row and a stimulus a column (names of columns are the stimuli, the "
    "first column may name the neurons), or .npz with drive (neurons, stimuli) and perhaps stimuli, preferred, "
    "weights, p0, p1."
)
SIGNALS = typer.Argument(
    help="Signals, a sample a row: .npy (read in chunks, never whole), .csv, .tsv, .txt, .parquet."
)
ADAPTER = typer.Option(help="The stimulus that became frequent.")
PROBABILITY = typer.Option(help="Its probability, as a share: 0.35.")
HALFWIDTH = typer.Option(help="Its box reaches so far on either side; default 12.9 of 180.")
PERIOD = typer.Option(help="Period of the stimuli: 180 for orientation, 360 for direction; 0 where they don't wrap.")
TABLE = typer.Option(help="Write a table (.csv).")
NAMED = ("adapter", "probability", "halfwidth", "period")


@app.command()
def adapt(
    drive: Annotated[Path, DRIVE],
    adapter: Annotated[float, ADAPTER] = 0.0,
    probability: Annotated[float | None, PROBABILITY] = None,
    halfwidth: Annotated[float | None, HALFWIDTH] = None,
    period: Annotated[float, PERIOD] = 180.0,
    w_e: Annotated[float, typer.Option("--recurrence", help="Row sum of the recurrent weights.")] = 0.5,
    kappa_e: Annotated[float, typer.Option("--concentration", help="Of the weights around the preference.")] = 6.0,
    alpha: Annotated[float, typer.Option(help="Price of activity.")] = 2.0,
    gamma: Annotated[float, typer.Option(help="Pull of the gains to rest.")] = 1.0,
    activity: Annotated[str, typer.Option(help="l2 or l1: how activity is counted.")] = "l2",
    gain_site: Annotated[str, typer.Option(help="drive, or total: what the gain multiplies.")] = "drive",
    nonneg: Annotated[bool, typer.Option("--nonneg", help="Gains of at least 0.")] = False,
    picture: Annotated[Path | None, PICTURE] = None,
    table: Annotated[Path | None, TABLE] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Predict gains and tuning of your population before and after a stimulus becomes frequent.

    The curves are taken as the feed-forward drive (divided by its largest value); weights are a kernel over preferences
    unless the .npz brings its own.
    """
    import jax
    import numpy as np

    from symplast.gain_control import CodingCost, GainCircuit, measure_adaptation, optimal_gains
    from symplast.gain_control.drive_files import read_drive

    _check_outputs(picture, table)
    with (
        computing(),
        naming(*NAMED, "alpha", "gamma", "activity", "gain_site", w_e="--recurrence", kappa_e="--concentration"),
    ):
        found = read_drive(drive, adapter, probability, halfwidth, period or None, w_e, kappa_e)
        tell_reading(drive, len(found.drive), found.decided)
        if gain_site == "total" and nonneg:
            raise ValueError("--nonneg goes with --gain-site drive")
        with jax.enable_x64(True):
            circuit = GainCircuit(found.drive, found.weights, gain_site=gain_site)
            cost = CodingCost(alpha, gamma, activity)
            method = "closed" if circuit.linear else "lbfgs"
            ensembles = np.stack([found.p0, found.p1])
            solved = optimal_gains(circuit, ensembles, cost, nonneg, method=method)
            gains = np.asarray(solved.g)
            R0, R1 = (np.asarray(circuit.responses(g)) for g in gains)
            losses = np.asarray(solved.loss)
        report = measure_adaptation(
            R0, R1, found.preferred, found.stimuli, found.p0, found.p1, adapter=adapter, period=period or None
        )
    frame = report.to_frame()
    frame.insert(0, "neuron", found.neurons)
    frame.insert(2, "gain0", gains[0])
    frame.insert(3, "gain1", gains[1])
    if picture is not None:
        from symplast.gain_control.own_figures import gains_figure

        _write_picture(picture, gains_figure(report.preferred, gains, report))
    _write_table(table, frame)
    summary = report.summary()
    record = {
        "neurons": len(frame), "stimuli": found.stimuli.size, "objective": losses.tolist(), "flag": solved.flag,
        "gains": {"control": gains[0].tolist(), "adapted": gains[1].tolist()}, "summary": summary,
        "reconstruction": True,
    }  # fmt: skip
    if as_json:
        print_json(record)
        return
    out.print(
        f"{len(frame)} neurons, {found.stimuli.size} stimuli (a reconstruction: the model is not the paper's own)"
    )
    out.print(
        f"gains {gains[0].min():.3g} to {gains[0].max():.3g} before, "
        f"{gains[1].min():.3g} to {gains[1].max():.3g} after",
        soft_wrap=True,
    )
    out.print(
        f"largest response, adapted over control: {summary['amp_at_adapter']:.3g} at the adapter, "
        f"{summary['amp_far']:.3g} far from it",
        soft_wrap=True,
    )
    low, high = (summary[f"repulsion_{end}"] + 0.0 for end in ("min", "max"))
    out.print(f"shift of the preferred stimulus away from the adapter: {low:.3g} to {high:.3g}")
    out.print(
        f"spread (cv) of mean responses: {summary['cv_unadapted']:.3f} without adaptation, {summary['cv_adapted']:.3f} "
        f"with it, {summary['cv_uniform']:.3f} before",
        soft_wrap=True,
    )
    out.print(
        f"distance of the covariance to that before: {summary['covdist_unadapted']:.3g} without adaptation, "
        f"{summary['covdist_adapted']:.3g} with it",
        soft_wrap=True,
    )


@app.command()
def measure(
    tuning: Annotated[Path, TUNING],
    adapter: Annotated[float, ADAPTER] = 0.0,
    probability: Annotated[float | None, PROBABILITY] = None,
    halfwidth: Annotated[float | None, HALFWIDTH] = None,
    period: Annotated[float, PERIOD] = 180.0,
    seed: Annotated[int, SEED] = 0,
    picture: Annotated[Path | None, PICTURE] = None,
    table: Annotated[Path | None, TABLE] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Measure what adaptation did to recorded tuning curves, with intervals over recordings or neurons."""
    from symplast.datasets.tables import counted
    from symplast.gain_control import measure_recordings

    _check_outputs(picture, table)
    check_least(("--seed", seed, 0))
    with computing(), naming(*NAMED):
        curves = _read(tuning, adapter, probability, halfwidth, period)
        found = measure_recordings(curves, seed=seed)
    if picture is not None:
        from symplast.gain_control.own_figures import adaptation_figure

        if len(found.reports) > 1:
            err.print(f"the figure shows recording {found.names[0]} of {len(found.names)}", soft_wrap=True)
        _write_picture(picture, adaptation_figure(found.reports[0]))
    _write_table(table, found.to_frame())
    estimates = {
        name: {"value": e.value, "interval": list(e.interval), "n": e.n} for name, e in found.estimates.items()
    }
    if as_json:
        by_recording = {n: r.summary() for n, r in zip(found.names, found.reports, strict=True)}
        print_json({"over": found.over, "estimates": estimates, "recordings": by_recording})
        return
    neurons = sum(report.preferred.size for report in found.reports)
    recordings = counted(len(found.names), "recording")
    out.print(f"{recordings}, {neurons} neurons; 95 % intervals over {found.over}")
    for name, e in found.estimates.items():
        out.print(f"{name.replace('_', ' ')}: {e.value:.4g} [{e.low:.4g}, {e.high:.4g}]")
    if found.over == "neurons":
        out.print(
            "one recording: intervals say how much depends on the neurons found, not on the animal", style="dim",
            soft_wrap=True,
        )  # fmt: skip


@app.command()
def fit(
    tuning: Annotated[Path, TUNING],
    adapter: Annotated[float, ADAPTER] = 0.0,
    probability: Annotated[float | None, PROBABILITY] = None,
    halfwidth: Annotated[float | None, HALFWIDTH] = None,
    period: Annotated[float, PERIOD] = 180.0,
    resamples: Annotated[int, typer.Option(help="Of the bootstrap.")] = 100,
    seed: Annotated[int, SEED] = 0,
    picture: Annotated[Path | None, PICTURE] = None,
    table: Annotated[Path | None, TABLE] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Fit the default population to recorded curves, with and without recurrence; say what is not identifiable."""
    import pandas as pd

    from symplast.gain_control import fit_population

    _check_outputs(picture, table)
    check_least(("--resamples", resamples, 2), ("--seed", seed, 0))
    with computing(), naming(*NAMED):
        curves = _read(tuning, adapter, probability, halfwidth, period)
        with err.status("fitting") as status:
            found = fit_population(
                curves, resamples=resamples, seed=seed,
                progress=lambda done, count: status.update(f"fitting: resample {done} of {count}"),
            )  # fmt: skip
    if picture is not None:
        _write_picture(picture, found.plot())
    rows = [
        {"parameter": name, "value": value, "low": found.intervals[name][0], "high": found.intervals[name][1],
         "identified": name not in found.not_identified}
        for name, value in found.params.items()
    ]  # fmt: skip
    _write_table(table, pd.DataFrame(rows))
    if as_json:
        gain = {"value": found.gain.value, "interval": list(found.gain.interval), "over": found.over}
        print_json(
            {
                "parameters": rows, "explained": found.explained, "explained_change": found.explained_change,
                "gain_over_no_recurrence": gain, "sloppiest": found.sloppiest, "says": list(found.says),
                "reconstruction": True,
            }
        )  # fmt: skip
        return
    out.print(f"{'model':20s} {'adapted curves':>15s} {'change':>8s}   (explained shares, on the fitted curves)")
    for name, share in found.explained.items():
        out.print(f"{name.replace('_', ' '):20s} {share:15.4f} {found.explained_change[name]:8.4f}")
    for row in rows:
        mark = "" if row["identified"] else "   not identified"
        out.print(f"{row['parameter']:8s} {row['value']:8.4g} [{row['low']:.4g}, {row['high']:.4g}]{mark}")
    for line in found.says:
        out.print(line, soft_wrap=True)


@app.command()
def whiten(
    signals: Annotated[Path, SIGNALS],
    how: Annotated[
        str, typer.Option(help="online (batch after batch), offline (on the covariance) or closed.")
    ] = "online",
    frame: Annotated[str, typer.Option(help="random, grassmannian, or a .npy of (channels, interneurons).")] = "random",
    interneurons: Annotated[int | None, typer.Option(help="Default: enough for any covariance, N (N + 1) / 2.")] = None,
    nonneg: Annotated[bool, typer.Option("--nonneg", help="Gains of at least 0: robust, not fully white.")] = False,
    leak: Annotated[float, typer.Option(help="Of the primary neurons.")] = 1.0,
    batch: Annotated[int, typer.Option(help="Samples an online update.")] = 64,
    epochs: Annotated[int, typer.Option(help="Online passes.")] = 1,
    eta: Annotated[float | None, typer.Option(help="Learning rate; default 0.005 online, 0.05 offline.")] = None,
    steps: Annotated[int, typer.Option(help="Offline updates.")] = 2000,
    to: Annotated[Path | None, typer.Option(help="Write the whitened signals (.npy, a chunk at a time).")] = None,
    gains: Annotated[Path | None, typer.Option(help="Write gains, frame, mean, scale, matrix (.npz).")] = None,
    seed: Annotated[int, SEED] = 0,
    header: Annotated[bool | None, HEADER] = None,
    index: Annotated[bool | None, INDEX] = None,
    picture: Annotated[Path | None, PICTURE] = None,
    table: Annotated[Path | None, typer.Option(help="Write the whitened signals as a table (.csv).")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Whiten signals by interneurons that only change their gains."""
    import jax
    import numpy as np

    from symplast.gain_control import FrameWhitener, frames
    from symplast.gain_control.signals import moments, open_signals, whiten_signals, write_whitened
    from symplast.lab.whole_files import whole_file

    _check_outputs(picture, table)
    check_least(("--batch", batch, 1), ("--epochs", epochs, 1), ("--steps", steps, 1), ("--seed", seed, 0),
                ("--interneurons", interneurons, 1))  # fmt: skip
    for path, option, ending in ((to, "--to", ".npy"), (gains, "--gains", ".npz")):
        if path is not None:
            check_output(path, option, ending)
            if path.resolve() == signals.resolve():
                raise ValueError(f"{option} must not be the signals themselves, which it would replace: {path}")
    if how not in ("online", "offline", "closed"):
        raise ValueError(f"--how must be online, offline or closed, got {how!r}")
    source = open_signals(signals, header=header, index=index)
    tell_reading(signals, len(source.values), source.decided)
    n = source.values.shape[1]
    with computing(), naming("leak", "eta", "frame"), jax.enable_x64(source.values.dtype != np.float32):
        W = _frame(frame, n, interneurons, seed)
        options: dict[str, Any] = {"how": how, "batch": batch, "epochs": epochs, "eta": eta, "steps": steps}
        found = whiten_signals(source, FrameWhitener(W, leak, nonneg), **options)
    if to is not None:
        write_whitened(source, found, to)
        tell(f"whitened signals written to {to}")
    if gains is not None:
        with whole_file(gains) as file:
            np.savez(file, gains=found.whitener.g, frame=found.whitener.frame, mean=found.mean, scale=found.scale,
                     matrix=found.whitener.response / found.scale)  # fmt: skip
        tell(f"gains written to {gains}")
    if table is not None:
        import pandas as pd

        rows = np.concatenate([found.transform(chunk) for _, chunk in source.chunks()])
        _write_table(table, pd.DataFrame(rows, columns=list(source.names)))
    if picture is not None:
        from symplast.gain_control.own_figures import whitening_figure

        _write_picture(picture, whitening_figure(moments(source)[1] / found.scale**2, found))
    g = np.asarray(found.whitener.g)
    record = {
        "samples": len(source.values), "channels": n, "interneurons": W.shape[1], "how": how,
        "coherence": frames.coherence(W), "flag": found.whitener.flag, "error_before": found.before,
        "error_after": found.after, "scale": found.scale, "gains": g.tolist(),
    }  # fmt: skip
    if as_json:
        print_json(record)
        return
    out.print(f"{record['samples']} samples, {n} channels, {W.shape[1]} interneurons; {how}", soft_wrap=True)
    out.print(f"error |C - I|^2 / N^2: {found.before:.3g} before (one scale for all), {found.after:.3g} after")
    out.print(f"gains {g.min():.3g} to {g.max():.3g}; signals less their mean, over {found.scale:.4g}")
    if found.whitener.flag:
        out.print(
            f"{W.shape[1]} interneurons are fewer than {n * (n + 1) // 2}: their projections reach variance 1, the "
            "signals are whitened in part",
            soft_wrap=True,
        )
    elif found.after > 0.1 * found.before and not nonneg:
        out.print("not white yet: more --epochs or --steps, or --how closed", style="dim")


def _frame(frame: str, n: int, interneurons: int | None, seed: int) -> Any:
    import jax

    from symplast.gain_control import frames

    if frame in ("random", "grassmannian"):
        make = frames.random_unit if frame == "random" else frames.grassmannian
        return make(n, interneurons, key=jax.random.key(seed))
    if not frame.endswith(".npy"):
        raise ValueError(f"--frame must be random, grassmannian or a .npy file, got {frame!r}")
    if interneurons is not None:
        raise ValueError("--interneurons goes with random and grassmannian frames")
    from symplast.datasets.arrays import read_npy

    found = read_npy(Path(frame), "a frame (channels, interneurons)")
    if found.ndim != 2 or found.shape[0] != n:
        raise ValueError(f"--frame must have a row for each of the {n} channels, got shape {found.shape}")
    return found


def _read(path: Path, adapter: float, probability: float | None, halfwidth: float | None, period: float) -> "Tuning":
    from symplast.datasets.tables import counted
    from symplast.gain_control import read_tuning

    if period < 0:
        raise ValueError(f"--period must be above 0, or 0 where stimuli don't wrap; got {period:g}")
    found = read_tuning(path, adapter=adapter, probability=probability, halfwidth=halfwidth, period=period or None)
    neurons = sum(len(r.control) for r in found.recordings)
    counts = f"{counted(len(found.recordings), 'recording')}, {neurons} neurons, {found.stimuli.size} stimuli"
    tell("; ".join([f"{path.name}: {counts}", *found.decided]))
    return found


def _check_outputs(picture: Path | None, table: Path | None) -> None:
    if picture is not None:
        check_picture(picture, "--picture")
    if table is not None:
        check_output(table, "--table", ".csv")


def _write_picture(path: Path, figure: "Figure") -> None:
    write_file(path, figure)
    tell(f"figure written to {path}")


def _write_table(path: Path | None, frame: Any) -> None:
    if path is not None:
        write_file(path, frame)
        tell(f"table written to {path}")
