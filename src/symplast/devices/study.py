"""The experiments behind the claims: paired training runs of device designs on MNIST (a reconstruction)."""

from typing import Any

import numpy as np

from symplast import stats
from symplast.devices.device_model import DeviceModel
from symplast.devices.trials import QUANTILES, Design, Scores, cropped_bench, image_bench
from symplast.devices.variation import Variation
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.claims import Scale

study = Study("devices")

IMAGES: dict[Scale, tuple[str, ...]] = {"quick": ("mnist-5k",), "full": ("mnist",)}
SCHEMES = ("uni", "bi", "ref")
CLAIMED = ("64_2", "64_4", "256_3")
"""Points of claim C3; one that a scale leaves out stays empty."""


@study.experiment(quick={})
def device_curves(config: Config, key: Any) -> Evidence:
    """The device law: state after n LTP and LTD pulses, and the change by one pulse, for several nonlinearities."""
    N, nonlinearities = 64, [0.0, 1.0, 3.0, 5.0]
    n, g = np.arange(N + 1), np.linspace(0, 1, 101)
    devices = [DeviceModel(N, b_ltp=b) for b in nonlinearities]
    return evidence(
        ltp=(("b", "n"), [np.asarray(d.curve(n, "ltp")) for d in devices]),
        ltd=(("b", "n"), [np.asarray(d.curve(n, "ltd")) for d in devices]),
        step_up=(("b", "g"), [np.asarray(d.step(g, "ltp")) - g for d in devices]),
        step_down=(("b", "g"), [np.asarray(d.step(g, "ltd")) - g for d in devices]),
        label=(("b",), [d.neurosim_label()[0] for d in devices]),
        coords={"b": nonlinearities, "n": n.tolist(), "g": g.tolist()},
    )


@study.experiment(
    quick={"task": "mnist-5k", "seeds": 3, "samples": 3000, "epochs": 1, "levels": [256, 1024]},
    full={"task": "mnist", "samples": 60_000, "levels": [64, 256, 1024, 4096]},
    paper={"seeds": 10, "epochs": 10},
    data=IMAGES,
)
def linear_devices(config: Config, key: Any) -> Evidence:
    """Linear devices with 64 to 4096 levels against plain gradient descent, same seeds and samples."""
    bench = image_bench(config.task, key, config.seeds, config.samples, epochs=config.epochs)
    software = bench.run(Design(None))
    grid = {scheme: [bench.run(Design(scheme, DeviceModel(N))) for N in config.levels] for scheme in ("uni", "bi")}
    late = np.array([[scores.late for scores in row] for row in grid.values()])
    best = np.unravel_index(late.mean(axis=-1).argmax(), late.shape[:2])
    return evidence(
        gap=(("seed",), software.late - late[best]),
        gap_everywhere=(("scheme", "N", "seed"), software.late - late),
        software=(("seed",), software.late),
        accuracy=(("scheme", "N", "seed"), late),
        coords={"scheme": list(grid), "N": config.levels},
        units={"gap": "points", "gap_everywhere": "points", "software": "%", "accuracy": "%"},
        notes={"best": f"{list(grid)[best[0]]}, N = {config.levels[best[1]]}"},
    )


@study.experiment(
    quick={
        "task": "mnist-5k",
        "seeds": 3,
        "samples": 3000,
        "epochs": 1,
        "levels": [16, 32, 64, 128, 256],
        "schemes": ["uni"],
    },
    full={"task": "mnist", "samples": 60_000, "levels": [16, 32, 64, 128, 256, 1024, 4096], "schemes": list(SCHEMES)},
    paper={"epochs": 10},
    data=IMAGES,
)
def levels(config: Config, key: Any) -> Evidence:
    """Accuracy and cost against the number of levels of linear devices, next to plain gradient descent."""
    bench = image_bench(config.task, key, config.seeds, config.samples, epochs=config.epochs)
    software = bench.run(Design(None))
    runs = {scheme: [bench.run(Design(scheme, DeviceModel(N))) for N in config.levels] for scheme in config.schemes}
    late = np.array([[scores.late for scores in row] for row in runs.values()])
    few = {N: late[0, config.levels.index(N)] for N in (16, 32, 64, 128, 256)}
    steps = np.array([few[2 * N] - few[N] for N in (16, 32, 64, 128)])
    ends = [stats.mean_interval(step).high for step in steps]
    return evidence(
        gain=(("seed",), few[256] - few[16]),
        step=(("from_N", "seed"), steps),
        least_upper_end=_sure(min(ends), config.seeds),
        software=(("seed",), software.late),
        **_tables(runs, ("scheme", "N")),
        coords={"scheme": list(runs), "N": config.levels, "from_N": [16, 32, 64, 128], "quantile": list(QUANTILES)},
        units={"gain": "points", "step": "points", "least_upper_end": "points", "software": "%", "accuracy": "%"},
    )


@study.experiment(
    quick={"task": "mnist-5k", "seeds": 4, "points": [[64, 2, 3000], [64, 4, 3000]], "epochs": 1},
    full={"task": "mnist", "seeds": 10, "points": [[64, 2, 20_000], [64, 4, 20_000], [256, 3, 60_000]]},
    paper={"epochs": 10},
    data=IMAGES,
)
def nonlinear(config: Config, key: Any) -> Evidence:
    """Schemes on the same nonlinear device, and bi with twice the levels, which moves a weight as far as uni does."""
    designs = ("uni", "bi", "ref", "bi, 2N")
    runs: dict[str, list[Scores]] = {}
    for N, b, samples in config.points:
        bench = image_bench(config.task, key, config.seeds, samples, epochs=config.epochs)
        device, finer = DeviceModel(N, b_ltp=b), DeviceModel(2 * N, b_ltp=b)
        made = [*(Design(scheme, device) for scheme in SCHEMES), Design("bi", finer)]
        runs[f"{N}_{b}"] = [bench.run(design) for design in made]
    late = np.array([[scores.late for scores in row] for row in runs.values()])  # [point, design, seed]
    rivals = [max(row[1:3], key=lambda scores: scores.mean()) for row in late]
    differences: dict[str, Any] = {f"advantage_{at}": (("seed",), np.full(config.seeds, np.nan)) for at in CLAIMED}
    for at, row, rival in zip(runs, late, rivals, strict=True):
        differences[f"advantage_{at}"] = ("seed",), row[0] - rival
    matched = late[:, 0] - late[:, 3]
    return evidence(
        **differences,
        matched=_hull(matched),
        uni_minus=(("rival", "point", "seed"), late[:, :1].transpose(1, 0, 2) - late[:, 1:].transpose(1, 0, 2)),
        **_tables(runs, ("point", "design")),
        coords={
            "point": [f"N = {N}, b = {b}" for N, b, _ in config.points],
            "design": list(designs),
            "rival": list(designs[1:]),
            "quantile": list(QUANTILES),
        },
        units={**dict.fromkeys(differences, "points"), "matched": "points", "uni_minus": "points", "accuracy": "%"},
    )


CURVES = [[0, 0], [2, 2], [4, 4], [0, 4], [2, 6], [4, 0]]


@study.experiment(
    full={"task": "mnist", "seeds": 10, "samples": 20_000, "levels": [128], "curves": CURVES}, data=("mnist",)
)
def asymmetric(config: Config, key: Any) -> Evidence:
    """Symmetric and asymmetric curves: uni, its mirror image uni_ltd, ref, and bi, plain and at equal step."""
    bench = image_bench(config.task, key, config.seeds, config.samples)
    designs = ("uni", "uni_ltd", "bi", "ref", "bi, 2N")
    runs = {}
    for N in config.levels:
        for b_ltp, b_ltd in config.curves:
            device, finer = (DeviceModel(levels, b_ltp=b_ltp, b_ltd=b_ltd) for levels in (N, 2 * N))
            made = [*(Design(scheme, device) for scheme in designs[:4]), Design("bi", finer)]
            runs[f"N = {N}, b = {b_ltp} / {b_ltd}"] = [bench.run(design) for design in made]
    late = np.array([[scores.late for scores in row] for row in runs.values()])
    return evidence(
        uni_minus_bi=(("curve", "seed"), late[:, 0] - late[:, 2]),
        uni_minus_matched=(("curve", "seed"), late[:, 0] - late[:, 4]),
        best_minus_matched=(("curve", "seed"), _best_of(late[:, :2]) - late[:, 4]),
        **_tables(runs, ("curve", "design")),
        coords={"curve": list(runs), "design": list(designs), "quantile": list(QUANTILES)},
        units={"uni_minus_bi": "points", "uni_minus_matched": "points", "best_minus_matched": "points"},
    )


@study.experiment(
    full={"task": "mnist", "seeds": 5, "samples": 20_000, "levels": [64, 256], "nonlinearities": [0, 1, 2, 3, 4, 7]},
    data=("mnist",),
)
def nonlinearity(config: Config, key: Any) -> Evidence:
    """Accuracy against the nonlinearity of symmetric curves, for each scheme."""
    bench = image_bench(config.task, key, config.seeds, config.samples)
    late = [
        [
            [bench.run(Design(scheme, DeviceModel(N, b_ltp=b))).late for b in config.nonlinearities]
            for N in config.levels
        ]
        for scheme in SCHEMES
    ]
    return evidence(
        accuracy=(("scheme", "N", "b", "seed"), late),
        coords={"scheme": list(SCHEMES), "N": config.levels, "b": config.nonlinearities},
        units={"accuracy": "%"},
    )


@study.experiment(
    quick={"task": "mnist-5k", "seeds": 3, "samples": 3000, "epochs": 1, "spreads": [0.2], "all_ways": False},
    full={"task": "mnist", "samples": 60_000, "spreads": [0.1, 0.2, 0.5], "all_ways": True},
    paper={"epochs": 10},
    data=IMAGES,
)
def variation(config: Config, key: Any) -> Evidence:
    """What a spread of the devices' steps costs, and what exchanging the devices' roles at a refresh recovers."""
    bench = image_bench(config.task, key, config.seeds, config.samples, epochs=config.epochs)
    uni, bi = DeviceModel(256), DeviceModel(512)
    ways: dict[str, dict[str, Any]] = {"uni, pulses": {}, "uni, pulses, swap": {"swap": True}}
    if config.all_ways:
        ways |= {"uni, verify": {"refresh_write": "verify"}}
        ways |= {"uni, verify, swap": {"refresh_write": "verify", "swap": True}}
    clean = dict.fromkeys(ways, bench.run(Design("uni", uni)))
    runs = {
        way: [bench.run(Design("uni", uni, Variation(d2d_step=s), **how)) for s in config.spreads]
        for way, how in ways.items()
    }
    if config.all_ways:
        clean["bi"] = bench.run(Design("bi", bi))
        runs["bi"] = [bench.run(Design("bi", bi, Variation(d2d_step=s))) for s in config.spreads]
    late = {way: np.array([scores.late for scores in row]) for way, row in runs.items()}
    loss = np.array([clean[way].late - late[way] for way in runs])
    without = clean["uni, pulses"]
    plain, swapped = late["uni, pulses"], late["uni, pulses, swap"]
    beyond = (swapped - plain) - (without.late - plain) / 2
    decisive = config.spreads.index(0.2)
    fraction = (swapped.mean(axis=1) - plain.mean(axis=1)) / (without.late.mean() - plain.mean(axis=1))
    return evidence(
        loss=(("seed",), loss[0, decisive]),
        recovered_beyond_half=(("seed",), beyond[decisive]),
        losses=(("way", "spread", "seed"), loss),
        beyond_half=(("spread", "seed"), beyond),
        fraction_recovered=(("spread",), fraction),
        clean=(("seed",), without.late),
        **_tables(runs, ("way", "spread")),
        coords={"way": list(runs), "spread": config.spreads, "quantile": list(QUANTILES)},
        units={"loss": "points", "recovered_beyond_half": "points", "losses": "points", "clean": "%", "accuracy": "%"},
    )


@study.experiment(
    full={
        "task": "mnist",
        "seeds": 5,
        "samples": 60_000,
        "epochs": 1,
        "levels": [64, 128, 256],
        "nonlinearities": [0.0, 0.5, 1.0],
    },
    paper={"epochs": 10},
    data=("mnist",),
)
def near_linear(config: Config, key: Any) -> Evidence:
    """uni with near-linear devices: test accuracy, and accuracy of the final weights on the training images."""
    bench = image_bench(config.task, key, config.seeds, config.samples, epochs=config.epochs)
    cells = [
        [bench.run(Design("uni", DeviceModel(N, b_ltp=b)), train_accuracy=True) for N in config.levels]
        for b in config.nonlinearities
    ]
    late = np.array([[scores.late for scores in row] for row in cells])
    ends = np.array([[stats.mean_interval(scores.late / 100).interval for scores in row] for row in cells])
    away = np.maximum(np.maximum(ends[..., 0] - 0.945, 0.945 - ends[..., 1]), 0)
    dims = ("b", "N", "seed")
    return evidence(
        miss=_sure(float(away.min()), config.seeds),
        accuracy=(dims, late),
        final=(dims, [[scores.final for scores in row] for row in cells]),
        train=(dims, [[scores.train for scores in row] for row in cells]),
        coords={"b": config.nonlinearities, "N": config.levels},
        units={"accuracy": "%", "final": "%", "train": "%"},
    )


@study.experiment(
    full={"task": "mnist", "seeds": 5, "examples": 5000, "epochs": 10}, paper={"seeds": 10}, data=("mnist",)
)
def pcm_network(config: Config, key: Any) -> Evidence:
    """The 528-250-125-10 network of Burr et al.: strongly nonlinear uni, linear bi with many levels, software."""
    bench = cropped_bench(config.task, key, config.seeds, config.examples, config.epochs)
    theta = (0.02, 0.02, 0.1)
    designs = {
        "uni, N = 128, b = 5": Design("uni", DeviceModel(128, b_ltp=5.0), theta=theta),
        "bi, N = 1024, b = 0": Design("bi", DeviceModel(1024), theta=theta),
        "software": Design(None, theta=theta),
    }
    runs = {name: bench.run(design, train_accuracy=True) for name, design in designs.items()}
    return evidence(
        accuracy=(("design", "seed"), [scores.late for scores in runs.values()]),
        train=(("design", "seed"), [scores.train for scores in runs.values()]),
        published_test=82.9,
        published_train=82.2,
        coords={"design": list(runs)},
        units={"accuracy": "%", "train": "%", "published_test": "%", "published_train": "%"},
    )


@study.experiment(
    full={"task": "mnist", "seeds": 5, "samples": 60_000, "epochs": 1}, paper={"epochs": 10}, data=("mnist",)
)
def strong_nonlinearity(config: Config, key: Any) -> Evidence:
    """uni with b = 5 at 6 and 8 bits, with the errors gated and with every error that is not zero giving a pulse."""
    bench = image_bench(config.task, key, config.seeds, config.samples, epochs=config.epochs)
    gates = {"gated": (0.02, 0.1), "not gated": (0.0, 0.0)}
    late = np.array(
        [[bench.run(Design("uni", DeviceModel(N, b_ltp=5.0), theta=theta)).late for N in (64, 256)]
         for theta in gates.values()]
    )  # fmt: skip
    published = np.array([87.8, 94.8])
    return evidence(
        accuracy=(("gate", "N", "seed"), late),
        ratio=(("gate", "N", "seed"), late / published[:, None]),
        published=(("N",), published),
        coords={"gate": list(gates), "N": [64, 256]},
        units={"accuracy": "%", "published": "%"},
    )


@study.experiment(
    full={"task": "fashion-mnist", "seeds": 5, "samples": 20_000, "nonlinearities": [0, 3]}, data=("fashion-mnist",)
)
def fashion(config: Config, key: Any) -> Evidence:
    """The schemes on a second data set (Fashion-MNIST; quick: digits): 256 levels, linear and nonlinear."""
    bench = image_bench(config.task, key, config.seeds, config.samples)
    late = [
        [bench.run(Design(scheme, DeviceModel(256, b_ltp=b))).late for b in config.nonlinearities] for scheme in SCHEMES
    ]
    return evidence(
        accuracy=(("scheme", "b", "seed"), late),
        software=(("seed",), bench.run(Design(None)).late),
        coords={"scheme": list(SCHEMES), "b": config.nonlinearities},
        units={"accuracy": "%", "software": "%"},
    )


def _tables(runs: dict[str, list[Scores]], dims: tuple[str, str]) -> dict[str, Any]:
    """Accuracy and cost of a grid of designs."""
    grid = list(runs.values())
    names = {"accuracy": "late", "final": "final", "pulses_per_weight": "pulses", "refreshes_per_weight": "refreshes"}
    tables: dict[str, Any] = {
        name: ((*dims, "seed"), [[getattr(scores, source) for scores in row] for row in grid])
        for name, source in names.items()
    }
    quantiles = [[scores.quantiles for scores in row] for row in grid]
    return {**tables, "device_pulses": ((*dims, "seed", "quantile"), quantiles)}


def _best_of(late: np.ndarray) -> np.ndarray:
    """For each curve the seeds of the design with the higher mean."""
    return np.array([max(row, key=lambda scores: scores.mean()) for row in late])


def _sure(value: float, seeds: int) -> stats.Estimate:
    """A number made of interval ends: its rule has the intervals in it already."""
    return stats.Estimate(value, value, value, 0.95, seeds, "end of t intervals")


def _hull(samples: np.ndarray) -> stats.Estimate:
    """Mean over points, from the lowest to the highest end of their intervals over seeds."""
    each = [stats.mean_interval(row) for row in samples]
    low, high = min(e.low for e in each), max(e.high for e in each)
    return stats.Estimate(float(samples.mean()), low, high, 0.95, samples.shape[1], "hull of t intervals")
