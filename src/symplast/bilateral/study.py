"""The experiments behind the claims: specialists, hemispheres, released losses, other sizes, what it composes with."""

from typing import Any

import jax
import numpy as np

from symplast.bilateral import released_losses
from symplast.bilateral.composing import COMBINED, combined
from symplast.bilateral.measuring import metrics_of, move
from symplast.bilateral.metrics import METRICS
from symplast.bilateral.models import learner_of
from symplast.bilateral.trials import PRIMARY, Run, Sizes, run_of, table_of, trained
from symplast.lab import Config, Evidence, Study, evidence

study = Study("bilateral")

BOTH = ["reach", "hold"]
BILATERAL = ["neutral", "specialised", "neutral+CC", "specialised+CC"]
CUTS = ("intact", "lowleft", "lowright", "cc")
SHOWN = 8
"""Test trials whose paths are drawn."""

Column = tuple[tuple[str, ...], np.ndarray]


@study.experiment(
    quick={"seeds": 3, "updates": 300, "batch": 32, "tasks": ["reach"]},
    full={"seeds": 10, "updates": 1500, "batch": 64, "tasks": BOTH},
)
def specialists(config: Config, key: Any) -> Evidence:
    """Controllers of one half, one trained with the dominant loss D, one with the non-dominant loss N."""
    runs = table_of(("D", "N"), config.tasks, key, config.seeds, Sizes(config.updates, config.batch))

    def of(task: str, model: str, metric: str) -> np.ndarray:
        return _column(runs, task, model, metric, config.seeds)

    found: dict[str, Any] = {
        "reach_gap": of("reach", "N", "dist_end") - of("reach", "D", "dist_end"),
        "hold_gap": of("hold", "D", "dist_mean") - of("hold", "N", "dist_mean"),
        "hold_speed_gap": of("hold", "D", "end_speed") - of("hold", "N", "end_speed"),
        "hold_jerk_gap": of("hold", "D", "jerk") - of("hold", "N", "jerk"),
        "hold_effort_gap": of("hold", "D", "effort") - of("hold", "N", "effort"),
    }
    for task in BOTH:
        found[f"{task}_effort_ratio"] = of(task, "D", "effort") / of(task, "N", "effort")
    units = {"reach_gap": "m", "hold_gap": "m", "hold_speed_gap": "m/s", "hold_jerk_gap": "m/s³"}
    return _evidence(found, runs, config, units)


@study.experiment(
    quick={"seeds": 3, "updates": 200, "batch": 32, "tasks": ["reach"], "models": ["specialised+CC"]},
    full={"seeds": 10, "updates": 1500, "batch": 64, "tasks": BOTH, "models": ["D", "N", *BILATERAL]},
)
def hemispheres(config: Config, key: Any) -> Evidence:
    """Controllers of two halves, specialised and neutral, with and without corpus callosum, and the specialists."""
    runs = table_of(config.models, config.tasks, key, config.seeds, Sizes(config.updates, config.batch))
    favoured, other = {"reach": "D", "hold": "N"}, {"reach": "N", "hold": "D"}
    found: dict[str, Any] = {}
    for task in BOTH:

        def of(model: str, task: str = task) -> np.ndarray:
            return _column(runs, task, model, PRIMARY[task], config.seeds)

        for ending, name in (("", ""), ("+CC", "_cc")):
            special, neutral = of(f"specialised{ending}"), of(f"neutral{ending}")
            found[f"{task}_gain{name}"] = of(other[task]) - special
            found[f"{task}_loss{name}"] = (special - of(favoured[task])) / of(favoured[task]).mean()
            found[f"{task}_cost{name}"] = special - neutral
        found[f"{task}_callosum"] = of("specialised") - of("specialised+CC")
        found[f"{task}_callosum_neutral"] = of("neutral") - of("neutral+CC")
    cut = {(task, model): [_cut(run) for run in each] for (task, model), each in runs.items() if model in BILATERAL}
    for task in BOTH:
        found[f"{task}_cut"] = np.full(config.seeds, np.nan)
        if (task, "specialised+CC") in cut:
            rows = np.array(cut[task, "specialised+CC"])
            found[f"{task}_cut"] = rows[:, 1:3].min(axis=1) / rows[:, 0]
    units = {name: "m" for name in found if not name.endswith(("_cut", "_loss", "_loss_cc"))}
    shown = runs["reach", "specialised+CC"][0]
    trials = shown.task.test_inputs[:SHOWN]
    paths = [np.asarray(move(shown.network, trials, name).hand) for name in CUTS]
    more: dict[str, Any] = {
        "end_error": (("pair", "lesion", "seed"), np.moveaxis(np.array(list(cut.values())), 1, 2)),
        "path": (("lesion", "step", "xy", "trial"), np.array(paths)),
        "begin": (("xy", "trial"), np.asarray(move(shown.network, trials).start)),
        "goal": (("trial", "xy"), np.asarray(shown.task.test_targets[:SHOWN])),
    }
    units |= {"end_error": "m", "path": "m", "begin": "m", "goal": "m"}
    coords = {"lesion": list(CUTS), "pair": [f"{task}, {model}" for task, model in cut]}
    return _evidence(found, runs, config, units, more, coords)


@study.experiment(quick={})
def loss_list(config: Config, key: Any) -> Evidence:
    """What the released loss list comes to, on a network given by a formula: the terms of loss D in both variants."""
    terms = released_losses.terms()
    published = terms["as_published"]
    names = list(dict.fromkeys(name for parts in terms.values() for name in parts))
    return evidence(
        as_published=float(sum(published.values())),
        intended=float(sum(terms["intended"].values())),
        muscle_share=float(published["muscle"] / sum(published.values())),
        term=(("variant", "part"), [[parts.get(name, np.nan) for name in names] for parts in terms.values()]),
        coords={"variant": list(terms), "part": names},
    )


@study.experiment(full={"seeds": 3, "updates": 1500, "batch": 64, "every": 300, "tasks": BOTH})
def released(config: Config, key: Any) -> Evidence:
    """Training with the released loss list, next to the non-dominant specialist, which it leaves as it is."""
    sizes = Sizes(config.updates, config.batch, config.every)
    models = {"dominant": "D", "bilateral": "specialised+CC"}
    found: dict[str, Any] = {}
    curves, labels = [], []
    for task in config.tasks:
        reference = [run_of("N", task, key, seed, Sizes(config.updates, config.batch)) for seed in range(config.seeds)]
        for name, model in models.items():
            runs = [run_of(model, task, key, seed, sizes, "as_published") for seed in range(config.seeds)]
            ends = [np.array([run.means["dist_end"] for run in each]) for each in (runs, reference)]
            found[f"{task}_{name}"] = (("seed",), ends[0] / ends[1])
            found[f"{task}_{name}_effort"] = (("seed",), [run.means["effort"] for run in runs])
            curves.append(np.stack([run.curve for run in runs], axis=1))
            labels.append(f"{task}, {name}")
        found[f"{task}_reference"] = (("seed",), [run.means[PRIMARY[task]] for run in reference])
    return evidence(
        **found,
        curve=(("trained", "update", "seed"), np.array(curves)),
        coords={
            "trained": labels,
            "update": [config.every * (i + 1) for i in range(curves[0].shape[0])],
        },
        units={"curve": "m"},
    )


@study.experiment(
    full={"seeds": 5, "updates": 600, "batch": 64, "units": [10, 50], "layers": [1, 3], "rates": [1e-3, 3e-3]},
    paper={
        "seeds": 10,
        "updates": 10_000,
        "units": [10, 20, 50],
        "layers": [1, 2, 3],
        "rates": [3e-4, 1e-3, 3e-3],
    },
)
def other_sizes(config: Config, key: Any) -> Evidence:
    """The two specialists reaching, in controllers of other sizes and at other learning rates."""
    length, grid = Sizes(config.updates, config.batch), (config.units, config.layers, config.rates)
    found = np.empty((2, *map(len, grid), config.seeds, len(METRICS)))
    for m, u, n, r, seed in np.ndindex(found.shape[:-1]):
        size = {"units": grid[0][u], "layers": grid[1][n], "rate": grid[2][r]}
        run = trained(learner_of("DN"[m], **size), "reach", key, seed, length)
        found[m, u, n, r, seed] = [run.means[metric] for metric in METRICS]
    (d_end, n_end), (d_effort, n_effort) = (found[..., list(METRICS).index(name)] for name in ("dist_end", "effort"))
    cells = ("units", "layers", "rate", "seed")
    return evidence(
        reach_gap=(cells, n_end - d_end),
        effort_ratio=(cells, d_effort / n_effort),
        mean=(("loss", *cells, "metric"), found),
        coords={
            "loss": ["D", "N"],
            "units": config.units,
            "layers": config.layers,
            "rate": config.rates,
            "metric": list(METRICS),
        },
        units={"reach_gap": "m"},
    )


@study.experiment(full={"seeds": 5, "updates": 600, "batch": 64, "flipped": 0.2, "levels": 256})
def composition(config: Config, key: Any) -> Evidence:
    """The specialised controller with reversed plasticity, with weights in memory devices, without credit by senses."""
    sizes = Sizes(config.updates, config.batch)
    ends = combined(jax.random.fold_in(key, 77), config.seeds, sizes, config.flipped, config.levels)
    plain = ends["gradient"]
    ratios: dict[str, Any] = {name: (("seed",), ends[name] / plain) for name in COMBINED if name != "gradient"}
    return evidence(
        **ratios,
        dist_end=(("tried", "seed"), [ends[name] for name in COMBINED]),
        coords={"tried": list(COMBINED)},
        units={"dist_end": "m"},
    )


def _column(runs: dict[tuple[str, str], list[Run]], task: str, model: str, metric: str, seeds: int) -> np.ndarray:
    """A metric of every seed; NaN where the model is not trained on the task at this scale."""
    found = runs.get((task, model))
    return np.full(seeds, np.nan) if found is None else np.array([run.means[metric] for run in found])


def _cut(run: Run) -> list[float]:
    """The end error with each of the cuts."""
    return [metrics_of(run.network, run.task, name)["dist_end"] for name in CUTS]


def _evidence(
    found: dict[str, Any],
    runs: dict[tuple[str, str], list[Run]],
    config: Config,
    units: dict[str, str],
    more: dict[str, Any] | None = None,
    coords: dict[str, Any] | None = None,
) -> Evidence:
    """Quantities by seed, with the table of all metrics that they come from."""
    table = np.array([[[run.means[metric] for run in each] for metric in METRICS] for each in runs.values()])
    by_seed: dict[str, Any] = {name: (("seed",), values) for name, values in found.items()}
    return evidence(
        **by_seed,
        mean=(("run", "metric", "seed"), table),
        **(more or {}),
        coords={"run": [f"{task}, {model}" for task, model in runs], "metric": list(METRICS), **(coords or {})},
        units=units,
    )
