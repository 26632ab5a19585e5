"""``symplast sym-stdp``: teach a spiking network labelled images by symmetric STDP, score it, look at its clusters."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import check_output, check_picture, computing, err, out, print_json, write_file
from symplast.cli.options import AS_JSON

if TYPE_CHECKING:
    import numpy as np

    from symplast.sym_stdp import SymSTDPConfig

app = typer.Typer(help="Symmetric STDP: teach a spiking network, score it, map its layers.", no_args_is_help=True)

BUILT_IN = ("mnist-5k", "digits-28")
NAMES = (*BUILT_IN, "mnist", "fashion-mnist")
DATA = typer.Argument(
    help=f"{', '.join(NAMES)}; or your own .npz with X (n, pixels), uint8 pixels or floating rates in Hz, and y (n,)."
)
NETWORK = typer.Argument(help="Network as .npz, from train.")
SAVE_EVERY = 1000
MANY_MUTE = 0.1
"""Share of images without a classifier spike from which a way out is named."""
BACKENDS = ("auto", "jax", "numba")


@app.command()
def train(
    data: Annotated[str, DATA] = BUILT_IN[0],
    *,
    to: Annotated[Path, typer.Option(help="File to save to, .npz; learning goes on from it where it exists.")],
    preset: Annotated[
        str | None, typer.Option(help="Constants; default mnist-400, or fashion-400 for fashion-mnist.")
    ] = None,
    hidden: Annotated[int | None, typer.Option(min=1, help="Hidden cells; default: those of the preset.")] = None,
    images: Annotated[float | None, typer.Option(help="Use the first so many images; default all.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over them.")] = 1,
    strategy: Annotated[
        str | None, typer.Option(help="simultaneous (default) or one-by-one; a saved network keeps its own.")
    ] = None,
    backend: Annotated[str, typer.Option(help="auto, jax or numba.")] = "auto",
    sum_in: Annotated[
        float | None, typer.Option(help="Sum of a hidden cell's weights; default 0.1 a pixel, 0.025 for Fashion.")
    ] = None,
    sum_out_per_cell: Annotated[
        float | None,
        typer.Option(help="Sum of a classifier cell's weights for each hidden cell; raise it where cells stay mute."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights and spikes; default 0.")] = None,
    as_json: bool = AS_JSON,
) -> None:
    """Learn labelled images in their order and save the network."""
    import time

    import jax

    from symplast.sym_stdp import SymSTDPClassifier, SymSTDPConfig
    from symplast.sym_stdp.config import PRESETS
    from symplast.sym_stdp.progress import STRATEGIES

    check_output(to, "--to", ".npz")
    name = preset or ("fashion-400" if data == "fashion-mnist" else "mnist-400")
    _check_choice("--preset", name, tuple(PRESETS))
    _check_choice("--strategy", strategy or STRATEGIES[0], STRATEGIES)
    _check_choice("--backend", backend, BACKENDS)
    for option, value in (("--sum-in", sum_in), ("--sum-out-per-cell", sum_out_per_cell)):
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{option} must be positive and finite, got {value:g}")
    config = SymSTDPConfig.preset(name)
    saved = 0
    with computing():
        X, y, classes = _examples(data, "train", images)
        config = config.for_pixels(X.shape[1]) if sum_in is None else config.replace(sum_in=sum_in)
        config = config if sum_out_per_cell is None else config.replace(sum_out_per_cell=sum_out_per_cell)
        key = jax.random.key(seed or 0)
        if to.exists():
            net = SymSTDPClassifier.load(to, backend=backend)
            for option, given, has, wants in (
                ("--preset", preset, _as_given(net.config, config), config),
                ("--sum-in", sum_in, net.config.sum_in, config.sum_in),
                ("--sum-out-per-cell", sum_out_per_cell, net.config.sum_out_per_cell, sum_out_per_cell),
                ("--hidden", hidden, net.n_hidden, hidden),
                ("--seed", seed, net.key_data, jax.random.key_data(key).tolist()),
                ("--strategy", net.strategy and strategy, net.strategy, strategy),
            ):
                if given is not None and has != wants:
                    raise ValueError(
                        f"{to} holds a network with another {option}, and learning goes on from it: "
                        f"leave {option} out, or save to another file"
                    )
            err.print(f"going on with {to} after {net.samples} images", soft_wrap=True, highlight=False)
        else:
            cells = int(name.rpartition("-")[2]) if hidden is None else hidden
            net = SymSTDPClassifier(X.shape[1], cells, classes, config, key, backend=backend)
        begin, before = time.perf_counter(), net.presentations

        def watch(net: Any) -> None:
            nonlocal saved
            saved = net.samples
            rate = (net.presentations - before) / (time.perf_counter() - begin)
            err.print(f"{net.samples} images, {rate:.0f} presentations/s", highlight=False)

        try:
            net.fit(X, y, epochs=epochs, strategy=strategy, save_to=to, save_every=SAVE_EVERY, watch=watch)
        except ValueError as error:
            raise ValueError(str(error).replace("X, y and epochs", "DATA and --epochs")) from error
        except KeyboardInterrupt:
            told = f"{to} holds the first {saved} images, the same command goes on" if saved else "nothing is saved yet"
            err.print(f"interrupted after {net.samples} images: {told}", soft_wrap=True, highlight=False)
            raise
    record = {"samples": net.samples, "presentations": net.presentations, "no_response": net.no_response}
    record |= {"guarded_spikes": net.guarded_spikes, "cells_with_class": int((net.assignments() >= 0).sum())}
    if as_json:
        print_json({"network": str(to), **record})
        return
    for name, value in record.items():
        out.print(f"{name.replace('_', ' ')}: {value}", highlight=False)
    out.print(f"written to {to}", soft_wrap=True, highlight=False)


@app.command()
def score(
    network: Annotated[Path, NETWORK],
    data: Annotated[str, DATA] = BUILT_IN[0],
    images: Annotated[float | None, typer.Option(help="Use the first so many test images; default all.")] = None,
    backend: Annotated[str, typer.Option(help="auto, jax or numba.")] = "auto",
    as_json: bool = AS_JSON,
) -> None:
    """Accuracy of both read-outs with exact intervals; weights are left as they are."""
    from symplast import stats
    from symplast.sym_stdp import SymSTDPClassifier
    from symplast.sym_stdp.encoding import check_labels

    _check_choice("--backend", backend, BACKENDS)
    with computing():
        X, y, _ = _examples(data, "test", images)
        net = SymSTDPClassifier.load(network, backend=backend)
        check_labels(y, len(y), net.n_classes)
        found = net.respond(X)
        right = {name: int((net.classes(found, name) == y).sum()) for name in ("classifier", "assignment")}
    accuracy = {name: stats.clopper_pearson(k, len(y)) for name, k in right.items()}
    silent, mute = int((~found.answered).sum()), int((found.classifier.sum(axis=1) == 0).sum())
    if as_json:
        rows = {name: {"value": e.value, "interval": list(e.interval)} for name, e in accuracy.items()}
        print_json({"images": len(y), "no_response": silent, "no_classifier_spike": mute, "accuracy": rows})
        return
    for name, e in accuracy.items():
        told = f"{100 * e.value:.2f} % [{100 * e.low:.2f}, {100 * e.high:.2f}]"
        out.print(f"{name}: {told} of {len(y)} images", highlight=False, markup=False)
    out.print(f"no response: {silent}; no classifier spike: {mute}", highlight=False)
    if mute > MANY_MUTE * len(y):
        err.print("many images make no classifier cell fire: train with a larger --sum-out-per-cell", highlight=False)


@app.command()
def clusters(
    network: Annotated[Path, NETWORK],
    data: Annotated[str, DATA] = BUILT_IN[0],
    images: Annotated[float, typer.Option(help="Use the first so many test images.")] = 1000,
    plot: Annotated[Path | None, typer.Option(help="Picture of the maps (.svg or .png).")] = None,
    backend: Annotated[str, typer.Option(help="auto, jax or numba.")] = "auto",
    as_json: bool = AS_JSON,
) -> None:
    """How well classes cluster in the input, the hidden and the classifier layer, and t-SNE maps of them."""
    if plot is not None:
        check_picture(plot, "--plot")
    _check_choice("--backend", backend, BACKENDS)
    from symplast.sym_stdp import SymSTDPClassifier, cluster_report, embedding
    from symplast.sym_stdp.clusters import has_a_map

    with computing():
        X, y, _ = _examples(data, "test", images)
        found = SymSTDPClassifier.load(network, backend=backend).respond(X)
        layers = {"input": found.input, "hidden": found.hidden, "classifier": found.classifier}
        maps = {name: embedding(counts) for name, counts in layers.items() if has_a_map(counts)}
        report = cluster_report(layers, y, maps=maps)
    if plot is not None:
        from symplast.sym_stdp.figures import draw_maps

        write_file(plot, draw_maps(maps, y))
        err.print(f"written to {plot}", soft_wrap=True, highlight=False)
    if as_json:
        print_json({"images": len(y), "layers": report.to_dict("records")})
        return
    for name in layers.keys() - maps.keys():
        out.print(f"{name}: the same for every image, so there is no map of it", highlight=False)
    for row in report.itertuples():
        where = f"{row.layer}, {row.space} ({row.metric})"
        out.print(f"{where:34} purity {row.purity:.3f}  silhouette {row.silhouette:.3f}", highlight=False)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{option} must be one of {', '.join(choices)}; got {value!r}")


def _as_given(saved: "SymSTDPConfig", wanted: "SymSTDPConfig") -> "SymSTDPConfig":
    """A network's constants but for those that have options of their own."""
    return saved.replace(sum_in=wanted.sum_in, sum_out_per_cell=wanted.sum_out_per_cell)


def _examples(data: str, part: str, images: float | None) -> tuple["np.ndarray", "np.ndarray", int]:
    """Images, labels and number of classes of a data set's part or of a file."""
    from symplast.datasets import DatasetUnavailable
    from symplast.sym_stdp.encoding import check_labels
    from symplast.sym_stdp.network_files import read_examples
    from symplast.sym_stdp.trials import pictures

    if images is not None and not (images >= 1 and images == int(images)):
        raise ValueError(f"--images must be a whole number of at least 1, got {images:g}")
    if data in NAMES:
        try:
            shown = pictures(data)
        except DatasetUnavailable as missing:
            raise DatasetUnavailable(data, f"{missing.way_out}; {' and '.join(BUILT_IN)} are built in") from missing
        X, y = (shown.X, shown.y) if part == "train" else (shown.X_test, shown.y_test)
    elif data.endswith(".npz"):
        X, y = read_examples(Path(data))
        y = check_labels(y, len(X), 1000)
        if X.dtype.kind == "f" and X.max(initial=0) <= 1:
            raise ValueError(
                f"{data}: X holds floats of at most {X.max():g}; as rates in Hz they make hardly a spike. Give uint8 "
                "pixels, or rates of tens of Hz (X * 63.75 for pixels in [0, 1])"
            )
    else:
        raise ValueError(f"DATA must be one of {', '.join(NAMES)} or an .npz file, got {data!r}")
    last = len(X) if images is None else int(images)
    return X[:last], y[:last], int(y.max()) + 1
