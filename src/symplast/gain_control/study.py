"""The experiments behind the claims: effects of adaptation, what they need, the online rule, and whitening."""

from typing import Any

import jax
import numpy as np

from symplast.gain_control import frames as frames_of
from symplast.gain_control.adaptation import AdaptationReport
from symplast.gain_control.cost import CodingCost
from symplast.gain_control.ensembles import biased_box, uniform
from symplast.gain_control.measures import correlations, mean_and_covariance
from symplast.gain_control.measuring import (
    CHOSEN,
    EFFECTS,
    adapted_reports,
    draw_settings,
    effect_numbers,
    effects_hold,
    nonnegative_problems,
    reports_of_settings,
    steps_by_frame,
)
from symplast.gain_control.objective import objective
from symplast.gain_control.online import adapt_online
from symplast.gain_control.optimum import optimal_gains
from symplast.gain_control.population import PRESETS, OrientationPopulation, VonMisesKernel, preset, von_mises
from symplast.gain_control.separable import separable_gain_fit
from symplast.gain_control.whitening import FrameWhitener
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.study import seed_keys
from symplast.learning.host_random import generator

study = Study("gain_control")

PROBABILITIES = (0.30, 0.35, 0.40, 0.50)
HALFWIDTHS = (5.0, 12.9, 20.0, 30.0, 45.0, 60.0, 75.0)
KAPPAS = (0.1, 0.5, 2.0, 8.0, 32.0)
SITUATIONS = ("uniform", "biased, control gains", "biased, adapted gains")


@study.experiment(quick={"neurons": 91, "stimuli": 181})
def effects(config: Config, key: Any) -> Evidence:
    """Gains optimal before and after adaptation at four probabilities of the adapter, for both presets."""
    reports: dict[str, list[AdaptationReport]] = {}
    gains: dict[str, np.ndarray] = {}
    without: dict[str, AdaptationReport] = {}
    with jax.enable_x64(True):
        for name in PRESETS:
            population, cost = preset(name, config.neurons, config.stimuli)
            circuit = population.circuit()
            s, p0 = population.stimuli, uniform(config.stimuli)
            ensembles = np.array([p0, *(biased_box(s, pa) for pa in PROBABILITIES), *broad_and_narrow(np.asarray(s))])
            solved = optimal_gains(circuit, ensembles, cost)
            gains[name] = np.asarray(solved.g)
            reports[name] = adapted_reports(circuit, population, ensembles, gains[name])
            if name == "default":
                at = 1 + PROBABILITIES.index(CHOSEN)
                before = float(objective(circuit, gains[name][0], ensembles[at], cost).total)
                after, resting = float(solved.loss[at]), float(solved.loss[0])
                alone = OrientationPopulation(config.neurons, config.stimuli, kernel=VonMisesKernel(0.0)).circuit()
                for what, other, price in (("W = 0", alone, cost), ("gamma = 0", circuit, CodingCost(cost.alpha, 0.0))):
                    pair = np.asarray(optimal_gains(other, ensembles, price).g)
                    without[what] = adapted_reports(other, population, ensembles[[0, at]], pair[[0, at]])[0]
    default = reports["default"]
    boxes, bells = default[len(PROBABILITIES) : -len(KAPPAS)], default[-len(KAPPAS) :]
    default = default[: len(PROBABILITIES)]
    chosen = default[PROBABILITIES.index(CHOSEN)]
    both = [[reports[name][i] for i in range(len(PROBABILITIES))] for name in PRESETS]
    flanks = [[report.flank_correlation for report in row] for row in both]
    rows = ("preset", "probability")
    numbers: dict[str, Any] = dict(effect_numbers(chosen))
    return evidence(
        **numbers,
        loss_change=after - before,
        loss=(("situation",), [resting, before, after]),
        repulsion_steps=(("step",), np.diff([r.repulsion.max() for r in default])),
        amp_steps=(("step",), np.diff([r.amp_ratio[r.at_adapter] for r in default])),
        separable_explained=(("preset",), [_separable(row[1]) for row in both]),
        amp_ratio=((*rows, "neuron"), [[r.amp_ratio for r in row] for row in both]),
        min_ratio=((*rows, "neuron"), [[r.min_ratio for r in row] for row in both]),
        repulsion=((*rows, "neuron"), [[r.repulsion for r in row] for row in both]),
        cv=((*rows, "situation"), [[r.cv for r in row] for row in both]),
        covdist=((*rows, "situation"), [[r.covdist for r in row] for row in both]),
        flank_correlation=((*rows, "situation"), flanks),
        means=(("situation", "neuron"), chosen.means),
        width=(("neuron",), chosen.width0),
        amp_ratio_without=(("without", "neuron"), [r.amp_ratio for r in without.values()]),
        min_ratio_without=(("without", "neuron"), [r.min_ratio for r in without.values()]),
        repulsion_without=(("without", "neuron"), [r.repulsion for r in without.values()]),
        gains=(("preset", "ensemble", "neuron"), [found[: 1 + len(PROBABILITIES)] for found in gains.values()]),
        repulsion_by_box=(("end", "halfwidth"), _ends(boxes)),
        repulsion_by_bell=(("end", "kappa"), _ends(bells)),
        control=(("neuron", "stimulus"), chosen.curves[0]),
        adapted=(("neuron", "stimulus"), chosen.curves[1]),
        coords={
            "preset": list(PRESETS), "probability": list(PROBABILITIES), "situation": list(SITUATIONS),
            "without": list(without), "neuron": chosen.preferred, "stimulus": chosen.stimuli,
            "ensemble": ["uniform", *map(str, PROBABILITIES)], "end": ["smallest", "largest"],
            "halfwidth": list(HALFWIDTHS), "kappa": list(KAPPAS),
        },
        units={"repulsion_max": "deg", "repulsion_min": "deg", "cv_removed": "%", "repulsion_steps": "deg"},
    )  # fmt: skip


def broad_and_narrow(stimuli: np.ndarray) -> list[np.ndarray]:
    """Boxes and bells of many widths, all with the adapter over-represented as much as in the narrow box."""
    narrow = biased_box(stimuli, CHOSEN)
    excess = narrow.max() / narrow.min()
    inside = [np.where(np.abs(stimuli) <= half, excess, 1.0) for half in HALFWIDTHS]
    return [row / row.sum() for row in (*inside, *(von_mises(stimuli, kappa) for kappa in KAPPAS))]


def _ends(reports: Any) -> list[list[float]]:
    return [[float(end(report.repulsion)) for report in reports] for end in (np.min, np.max)]


def _separable(report: Any) -> float:
    return separable_gain_fit(*report.curves).explained


@study.experiment(quick={"neurons": 91, "stimuli": 181})
def exact(config: Config, key: Any) -> Evidence:
    """What gains do without recurrence, and the closed form against its gradient and an iterative optimum."""
    with jax.enable_x64(True):
        population, cost = preset("default", config.neurons, config.stimuli)
        ensembles = np.stack([uniform(config.stimuli), biased_box(population.stimuli, CHOSEN)])
        alone = OrientationPopulation(config.neurons, config.stimuli, kernel=VonMisesKernel(0.0))
        circuit = alone.circuit()
        gains = np.asarray(optimal_gains(circuit, ensembles, cost).g)
        report = adapted_reports(circuit, alone, ensembles, gains)[0]
        before, after = (correlations(mean_and_covariance(R, ensembles[1])[1]) for R in report.curves)
        circuit = population.circuit()
        solved = optimal_gains(circuit, ensembles[1], cost)
        h = np.asarray((circuit.drive * circuit.target) @ ensembles[1] + float(cost.gamma))  # D M = 1
        iterated = optimal_gains(circuit, ensembles[1], cost, method="lbfgs")
    return evidence(
        shift_without_recurrence=float(np.abs(report.repulsion).max()),
        ratio_difference=float(np.abs(report.amp_ratio - report.min_ratio).max()),
        correlation_difference=float(np.abs(before - after).max()),
        amp_without_recurrence=float(report.amp_ratio[report.at_adapter]),
        separable_without_recurrence=_separable(report),
        gradient=float(solved.grad_norm) / 2 / float(np.linalg.norm(h)),
        lbfgs_distance=float(np.linalg.norm(np.asarray(iterated.g) - np.asarray(solved.g))),
        units={"shift_without_recurrence": "deg"},
    )


@study.experiment(quick={"neurons": 91, "stimuli": 181})
def placement(config: Config, key: Any) -> Evidence:
    """The five effects with the gain on the total input, and without the pull of the gains to rest."""
    with jax.enable_x64(True):
        population, cost = preset("default", config.neurons, config.stimuli)
        ensembles = np.stack([uniform(config.stimuli), biased_box(population.stimuli, CHOSEN)])
        circuit = population.circuit(gain_site="total")
        solved = optimal_gains(circuit, ensembles, cost, method="lbfgs")
        total = adapted_reports(circuit, population, ensembles, np.asarray(solved.g))[0]
        circuit = population.circuit()
        gains = np.asarray(optimal_gains(circuit, ensembles, CodingCost(cost.alpha, 0.0)).g)
        free = adapted_reports(circuit, population, ensembles, gains)[0]
        gains = np.asarray(optimal_gains(circuit, ensembles, CodingCost(cost.alpha, cost.gamma, "l1")).g)
        l1 = effects_hold(adapted_reports(circuit, population, ensembles, gains)[0])
    angles = ("total_repulsion_max", "total_repulsion_min", "no_pull_repulsion_max", "no_pull_repulsion_min")
    numbers: dict[str, Any] = {f"total_{name}": value for name, value in effect_numbers(total).items()}
    numbers |= {f"no_pull_{name}": value for name, value in effect_numbers(free).items()}
    return evidence(
        **numbers,
        effects_with_l1_activity=sum(l1[name] for name in EFFECTS),
        gradient=float(np.asarray(solved.grad_norm).max()),
        units={**dict.fromkeys(angles, "deg"), "total_cv_removed": "%", "no_pull_cv_removed": "%"},
    )


@study.experiment(quick={"seeds": 100, "neurons": 45, "stimuli": 91}, full={"seeds": 1000})
def robustness(config: Config, key: Any) -> Evidence:
    """The five effects in random settings, always the same draws; the first preset's covariances to compare."""
    rows = draw_settings(config.seeds)
    with jax.enable_x64(True):
        kernel, cost = PRESETS["default"]
        chosen = np.array([[4.0, kernel.w_e, kernel.kappa_e, cost.alpha, cost.gamma]])
        first, *reports = reports_of_settings(np.concatenate([chosen, rows]), config.neurons, config.stimuli)
    holds = [effects_hold(report) for report in reports]
    names = (*EFFECTS, "all_five", "flank_nearer", "strictly_independent")
    truths: dict[str, Any] = {name: (("seed",), [each[name] for each in holds]) for name in names}
    return evidence(
        **truths,
        settings=(("seed", "setting"), rows),
        covariances=(("situation", "neuron", "other"), first.covariances),
        covdist=(("situation",), first.covdist),
        flanks=(("flank",), list(first.flanks)),
        flank_correlation=(("situation",), first.flank_correlation),
        coords={
            "situation": list(SITUATIONS), "setting": ["kappa_f", "w_e", "kappa_e", "alpha", "gamma"],
            "neuron": first.preferred, "other": first.preferred,
        },
    )  # fmt: skip


@study.experiment(
    quick={"seeds": 20, "each": 10_000, "lengths": [20_000, 60_000, 200_000], "etas": [0.02]},
    full={"seeds": 40, "lengths": [20_000, 60_000, 200_000, 600_000, 2_000_000], "etas": [0.02, 0.005]},
)
def online(config: Config, key: Any) -> Evidence:
    """The online rule from control to adapted gains, how its mean nears the optimum, and the way back."""
    steps, records = config.lengths[-1], config.lengths[-1] // config.each
    population, cost = preset("default")
    p0, p1 = uniform(181), biased_box(population.stimuli, CHOSEN)
    with jax.enable_x64(True):
        g0, g1 = np.asarray(optimal_gains(population.circuit(), np.stack([p0, p1]), cost).g)
    with jax.enable_x64(False):  # twice as fast; rounding is far below the wandering of the gains
        circuit = population.circuit()
        keys = jax.numpy.stack(seed_keys(key, config.seeds))
        there = [
            adapt_online(circuit, p1, cost, key=keys, steps=steps, eta=eta, g0=g0, records=records)
            for eta in config.etas
        ]
        back_keys = jax.numpy.stack(seed_keys(jax.random.fold_in(key, 99), config.seeds))
        back = adapt_online(circuit, p0, cost, key=back_keys, steps=steps, eta=config.etas[0], g0=g1, records=records)
    scale = np.linalg.norm(g1 - g0)
    distance = np.array([_distances(run, g1, config) for run in there]) / scale  # [eta, seed, length]
    logs = np.log(config.lengths)
    slopes = [np.polyfit(logs, row, 1)[0] for row in np.log(distance[0])]
    judged = config.lengths.index(200_000)
    returned = _distances(back, g0, config)[:, judged] / scale
    late = [np.asarray(run.g)[:, records // 2 :] - g1 for run in there]
    watched = np.linspace(0, 90, 5)
    shown = [int(np.abs(population.preferred - at).argmin()) for at in watched]
    return evidence(
        distance_at_200000=(("seed",), distance[0][:, judged]),
        slope=(("seed",), slopes),
        return_distance=(("seed",), returned),
        distance=(("eta", "seed", "length"), distance),
        wander=(("eta",), [float(np.linalg.norm(away, axis=-1).mean() / scale) for away in late]),
        course=(("run", "record", "shown"), np.asarray(there[0].mean)[:5, :, shown]),
        course_back=(("run", "record", "shown"), np.asarray(back.mean)[:5, :, shown]),
        optimum=(("end", "shown"), [g0[shown], g1[shown]]),
        coords={
            "length": config.lengths, "eta": config.etas, "record": there[0].stimuli,
            "shown": population.preferred[shown], "end": ["control", "adapted"],
        },
    )  # fmt: skip


def _distances(run: Any, target: np.ndarray, config: Config) -> np.ndarray:
    """(seeds, lengths) distance of the mean gains over the last half of each length."""
    mean = np.asarray(run.mean)
    ends = [length // config.each for length in config.lengths]
    return np.stack([np.linalg.norm(mean[:, e // 2 : e].mean(axis=1) - target, axis=-1) for e in ends], axis=1)


CONTEXTS = ([[2.0, 0.6], [0.6, 1.0]], [[1.0, -0.4], [-0.4, 2.0]])


@study.experiment(quick={"largest": 8, "each": 20, "steps": 6000}, full={"largest": 16})
def whitening(config: Config, key: Any) -> Evidence:
    """Whitening in closed form and by gradient, switching of contexts, and gains that can't be negative."""
    worst = []
    for n in range(2, config.largest + 1):
        errors = []
        for i in range(config.each):
            own = jax.random.fold_in(jax.random.fold_in(key, n), i)
            B = generator(own, 1).standard_normal((n, n))
            C = B @ B.T / n + 0.1 * np.eye(n)
            whitener = FrameWhitener(frames_of.random_unit(n, key=own)).closed_form(C)
            errors.append(np.abs(whitener.covariance(C) - np.eye(n)).max())
        worst.append(max(errors))
    with jax.enable_x64(True):
        first = FrameWhitener(frames_of.mercedes())
        stages = [first.fit(CONTEXTS[0])]
        stages += [stages[0].fit(CONTEXTS[1])]
        stages += [stages[1].fit(CONTEXTS[0])]
        problems = nonnegative_problems((2, 3, 4), config.each, jax.random.fold_in(key, 1), config.steps)
    steps = stages[0].steps_to(1e-7)
    contexts = np.array([CONTEXTS[0], CONTEXTS[1], CONTEXTS[0]])
    tolerance = 1e-9
    fixed = (problems["above"] <= 1e-6) & (problems["off"] <= 1e-6)
    return evidence(
        worst_error=float(max(worst)),
        worst_by_size=(("n",), worst),
        steps=float("nan") if steps is None else steps,
        recovered=float(np.abs(stages[2].g - stages[0].g).max()),
        trace_kept=float((problems["trace"] <= 1 + tolerance).mean()),
        eigenvalue_kept=float((problems["eigenvalue"] <= 1 + tolerance).mean()),
        fixed_point=float(fixed.mean()),
        projections_grown=float((problems["growth"] > 1 + tolerance).mean()),
        largest_growth=float(problems["growth"].max()),
        errors=(("context", "update"), [np.asarray(stage.errors) for stage in stages]),
        inputs=(("context", "row", "column"), contexts),
        begun=(("context", "row", "column"), [w.covariance(c) for w, c in zip([first, *stages], contexts)]),  # noqa: B905
        whitened=(("context", "row", "column"), [w.covariance(c) for w, c in zip(stages, contexts, strict=True)]),
        frame=(("row", "interneuron"), first.frame),
        gains=(("context", "interneuron"), [stage.g for stage in stages]),
        coords={"n": list(range(2, config.largest + 1)), "context": ["A", "B", "A again"]},
    )


@study.experiment(
    quick={"seeds": 20, "largest": 4, "eta": 0.05, "steps": 2000, "goal": 0.01}, full={"seeds": 40, "largest": 8}
)
def frames(config: Config, key: Any) -> Evidence:
    """Updates until a signal is white, with random and with Grassmannian frames on the same covariances."""
    sizes_ = list(range(2, config.largest + 1))
    with jax.enable_x64(True):
        steps = [steps_by_frame(n, config.seeds, key, config.eta, config.steps, config.goal) for n in sizes_]
    nothing = (("seed",), np.full(config.seeds, np.nan))  # larger frames are judged at full scale only
    ratios: dict[str, Any] = {f"log_ratio_{n}": nothing for n in range(2, 9)}
    ratios |= {
        f"log_ratio_{n}": (("seed",), np.log(np.maximum(each[0], 1) / np.maximum(each[1], 1)))
        for n, each in zip(sizes_, steps, strict=True)
    }
    return evidence(
        **ratios,
        updates=(("n", "frame", "seed"), steps),
        coords={"n": sizes_, "frame": ["random", "Grassmannian"]},
    )
