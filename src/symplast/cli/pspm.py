"""``symplast pspm``: fit a network to recorded spike trains, and say what its weights are worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import check_output, computing, err, out, print_json, warn

if TYPE_CHECKING:
    import numpy as np

app = typer.Typer(help="Fit a spiking network to recordings (reconstruction of PSPM).", no_args_is_help=True)

RECORDING = typer.Argument(
    help="numpy.savez file: spikes (steps, neurons) of 0 and 1, inhibitory (neurons,), and optionally drive (steps, "
    "neurons) and dt_ms."
)


@app.callback()
def group() -> None:
    """Fit a spiking network to recordings."""


@app.command()
def fit(
    recording: Annotated[Path, RECORDING],
    starts: Annotated[int, typer.Option(help="Fits from different random starts, at least 2.")] = 5,
    epochs: Annotated[int, typer.Option(help="Epochs of each fit.")] = 150,
    mode: Annotated[str, typer.Option(help="both, local, homeo, or the controls shuffled and none.")] = "both",
    tau_ms: Annotated[float, typer.Option(help="Membrane time constant.")] = 20.0,
    refractory_ms: Annotated[float, typer.Option(help="Silence after a spike, in whole steps.")] = 2.0,
    window_ms: Annotated[float, typer.Option(help="Largest distance of paired spikes.")] = 5.0,
    pool_ms: Annotated[float, typer.Option(help="How far back a neuron may have fired to be changed.")] = 10.0,
    p: Annotated[float, typer.Option(help="Probability that one of them is changed.")] = 0.5,
    eta: Annotated[float, typer.Option(help="Largest local change, for 40 neurons.")] = 0.005,
    eta_h: Annotated[float, typer.Option(help="Share of the homeostatic change.")] = 0.02,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    weights: Annotated[Path | None, typer.Option(help="Where to write the weights; default RECORDING-fit.npz.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Fit weights from several starts; say how far they agree and how much a fit recovers at all."""
    import warnings

    import jax
    import numpy as np

    from symplast.lab.whole_files import whole_file
    from symplast.pspm import PSPM, LIFParams, NotIdentifiable, Rule
    from symplast.spiking.arguments import count_steps

    target = weights or Path(f"{recording.name.removesuffix('.npz')}-fit.npz")
    check_output(target, "--weights", ".npz")
    if target.resolve() == recording.resolve():
        raise ValueError(f"--weights must not be the recording itself, which it would replace: {target}")
    spikes, inhibitory, drive, dt_ms = _read(recording)
    with computing(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotIdentifiable)  # told below
        params = LIFParams(tau_ms, dt_ms, n_ref=count_steps(refractory_ms, dt_ms, "--refractory-ms"))
        model = PSPM(inhibitory, Rule(window_ms, pool_ms, p=p, eta=eta, eta_h=eta_h), params, mode)
        for_fit, for_test = jax.random.split(jax.random.key(seed))
        found = model.fit_recording(spikes, drive, key=for_fit, starts=starts, epochs=epochs)
        best = int(np.argmin(found.fits.after))
        replaced = " (what it held is replaced)" if target.exists() else ""
        with whole_file(target) as file:
            np.savez(file, W=found.fits.W, drive=found.drive, best=best, distance=found.fits.after)
        err.print(f"written to {target}{replaced}", soft_wrap=True, highlight=False)
        check = model.recovery_test(found.fits.W[best], found.drive, key=for_test, starts=starts, epochs=epochs)
    agreement = float(np.mean([pair.excitatory for pair in found.agreement]))
    told: dict[str, Any] = {
        "distance_before": [float(d) for d in found.fits.before],
        "distance_after": [float(d) for d in found.fits.after],
        "drive_assumed": found.drive_assumed,
        "agreement": agreement if np.isfinite(agreement) else None,
    }
    of_fitted = check.of_fitted._asdict().items()
    told["recovered_of_fitted"] = {name: float(r) if np.isfinite(r) else None for name, r in of_fitted}
    told["recovered"] = {name: {"value": e.value, "interval": [e.low, e.high]} for name, e in check.recovered.items()}
    if as_json:
        print_json(told)
        return
    out.print(f"distance to the recording: {_range(found.fits.before)} before, {_range(found.fits.after)} after")
    if found.drive_assumed:
        out.print("no drive was recorded: a random one was assumed, and the weights depend on it")
    if told["agreement"] is not None:
        out.print(f"excitatory weights of {starts} starts correlate by {told['agreement']:.2f} with each other;")
        out.print("this is no error bar: starts that agree need not be right")
    for name in sorted({"excitatory", "inhibitory"} - check.recovered.keys()):
        out.print(f"{name} weights can't be compared: there are too few of them, or a fit made them all alike")
    for name, e in check.recovered.items():
        out.print(f"{name} weights of known networks of this kind are recovered with a correlation of {e}")
    upper = ", ".join(f"{name} {r:.2f}" for name, r in told["recovered_of_fitted"].items() if r is not None)
    if upper:
        out.print(f"of the fitted weights themselves, which share the rule's leaning: {upper}", style="dim")


def _read(path: Path) -> "tuple[np.ndarray, np.ndarray, np.ndarray | None, float]":
    import numpy as np

    from symplast.datasets.arrays import read_npz

    needs = {"spikes": "(steps, neurons) of 0 and 1", "inhibitory": "(neurons,) true or false"}
    arrays = read_npz(path, needs, may=("drive", "dt_ms"))
    if arrays.others:
        warn(f"{', '.join(sorted(arrays.others))} in {path}", "not used:")
    dt_ms = arrays.get("dt_ms", np.array(1.0))
    if dt_ms.size != 1 or dt_ms.dtype.kind not in "iuf":
        raise ValueError(f"dt_ms in {path} must be one number, it is {dt_ms.dtype}{dt_ms.shape}")
    return arrays["spikes"], arrays["inhibitory"], arrays.get("drive"), float(dt_ms.item())


def _range(values: "np.ndarray") -> str:
    return f"{values.min():.2f} to {values.max():.2f}"
