"""The experiments behind the claims: ideal networks, the paper's set-ups and checkpoints, rules that compose."""

from itertools import combinations
from typing import Any

import jax
import numpy as np

from symplast.grokking import rules_compared
from symplast.grokking.checkpoints import authors_networks
from symplast.grokking.decoding import decode, frequency_census, phase_misalignment
from symplast.grokking.flow import blow_up_time, conserved, reduced_flow
from symplast.grokking.flow_check import blow_up_directly, final_misalignment
from symplast.grokking.ghosts import ghost_profile, peaks
from symplast.grokking.ideal import cosine_network, flawed_indicator, ideal_network, layout, mean_loss, right_share
from symplast.grokking.lottery import predict_winners
from symplast.grokking.measuring import NAMES, drawn, harmonics, off_frequency, orders, trained
from symplast.grokking.measuring import lottery as lottery_of
from symplast.grokking.network import TwoLayerNet
from symplast.grokking.phases import ORDERS, phase_order
from symplast.grokking.stages import grokking_stages, ipr_slopes
from symplast.grokking.training import SETUPS, Run, first_of, train
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.study import seed_keys

study = Study("grokking")

SPREADS = (0.4, 0.8, 1.2, 1.6, 2.0)
SUBSETS = (1, 2, 4, 8, 11)
EVEN = ("abs", "square", "quartic")
ODD = ("identity", "cube")
RULES = {"T": "T", "alpha": "alpha", "misalignment": "abs(D)"}
WATCHED = ("train_acc", "test_acc", "common_acc", "rare_acc", "mirrored_acc", "unseen_acc", "norm", "ipr_in", "sin_D")


@study.experiment(quick={})
def exact(config: Config, key: Any) -> Evidence:
    """Ideal networks against their closed form, and the reduced flow against its conserved quantities and Eq. 6."""
    error = max(np.abs(ideal_network(p, N).table() - flawed_indicator(p, 1.0, N)).max() for p, N in ((7, 8), (11, 5)))
    k, phi = layout(128, 23)
    per_frequency = np.array([cosine_network(23, k[k == f], phi[k == f]).table() for f in range(1, 12)])
    by_count = {
        count: float(
            np.mean([mean_loss(per_frequency[list(some)].sum(axis=0)) for some in combinations(range(11), count)])
        )
        for count in SUBSETS
    }
    by_spread = [mean_loss(cosine_network(23, *layout(128, 23, spread)).table()) for spread in SPREADS]
    ghosts = peaks(ideal_network(23, 64, activation="relu").table())
    starts = np.array([(0.02, 0.02, 0.0), (0.02, 0.02, 1.5), (0.02, 0.02, 2.8), (0.03, 0.01, 0.7), (0.01, 0.03, -2.2)])
    times = blow_up_time(starts[:, 0], starts[:, 1], starts[:, 2], 23)
    directly = np.array([blow_up_directly(alpha, beta, D, 23) for alpha, beta, D in starts])
    names: dict[str, Any] = {f"loss_{count}": by_count[count] for count in SUBSETS[:4]}
    names |= {f"loss_spread_{round(10 * spread):02d}": loss for spread, loss in zip(SPREADS, by_spread, strict=True)}
    return evidence(
        indicator_error=float(error),
        loss_by_frequencies=(("frequencies",), list(by_count.values())),
        loss_by_spread=(("spread",), by_spread),
        relu_ghosts=(("peak",), np.array([ghosts.ghost, ghosts.second, ghosts.diagonal]) / ghosts.main),
        blow_up=(("start",), times / 23),
        blow_up_error=float(np.abs(times / directly - 1).max()),
        conserved_drift=_drift(starts),
        final_misalignment=float(max(final_misalignment(alpha, beta, D, 23) for alpha, beta, D in starts)),
        opposed=float(blow_up_time(2.0, 1.0, np.pi, 3) / 3),
        **names,
        coords={
            "frequencies": list(SUBSETS),
            "spread": list(SPREADS),
            "peak": ["2x, 2y", "3x - y, 3y - x", "diagonal"],
        },
        units={"loss_by_frequencies": "nats", "loss_by_spread": "nats", "blow_up": "p steps"},
    )


def _drift(starts: np.ndarray) -> float:
    """Largest change of c0 over size^2 and of I over size^3 while beta grows tenfold, over the starts."""
    drift = 0.0
    for alpha, beta, D in starts:
        last = 0.999 * float(blow_up_time(alpha, beta, D, 23))
        flow = reduced_flow(alpha * np.exp(0.5j * D), beta + 0j, 23, np.linspace(0, last, 200))
        inside = np.abs(flow.B) < 10 * beta
        c0, invariant = conserved(flow.A[inside], flow.B[inside])
        size = np.hypot(alpha, beta)
        drift = max(drift, np.abs(c0 - c0[0]).max() / size**2, np.abs(invariant - invariant[0]).max() / size**3)
    return drift


FAST = {"seeds": 4, "speed": 4.0, "records": 25}
SLOW = {"seeds": 4, "speed": 1.0, "records": 100}


@study.experiment(quick={**FAST, "seeds": 3, "late": False}, full={**SLOW, "late": True})
def standard(config: Config, key: Any) -> Evidence:
    """ReLU, AdamW, all pairs: what neurons become; at full scale also after twice the steps."""
    first, runs = _train("standard", config, key)
    nothing = (("seed",), np.full(config.seeds, np.nan))  # judged at full scale only
    later: dict[str, Any] = dict.fromkeys([f"late_order_{name}" for name in NAMES.values()], nothing)
    if config.late:
        late = [_go_on(run, "standard", config) for run in runs]
        found = trained(late)
        later = {f"late_{name}": found[name] for name in ("ipr_in", "ipr_out", "energy_share", "sin_D", "ghost_ratio")}
        later |= orders(late, key, quadratic=False, prefix="late_order")
    swapped = {
        name: [right_share(TwoLayerNet(run.net.theta, run.net.xi, name).table()) for run in runs]
        for name in (*EVEN, *ODD, "softplus2", "exp")
    }
    of_figures, coords = drawn(runs[0])
    return evidence(
        **trained(runs),
        **orders(runs, key, quadratic=False),
        **later,
        **{f"lottery_{name}": value for name, value in lottery_of(first, runs).items() if value[0] == ("seed",)},
        swap_even=(("seed",), np.min([swapped[name] for name in EVEN], axis=0)),
        swap_odd=(("seed",), np.max([swapped[name] for name in ODD], axis=0)),
        swap=(("activation", "seed"), list(swapped.values())),
        **of_figures,
        coords={**coords, "activation": list(swapped), "k": list(range(1, 12))},
        units={"loss": "nats", "psi": "rad", "double_phi": "rad"},
    )


@study.experiment(quick=FAST, full=SLOW)
def quad(config: Config, key: Any) -> Evidence:
    """x^2, AdamW, all pairs: what neurons become, and the lottery."""
    first, runs = _train("quad_random", config, key)
    of_figures, coords = drawn(runs[0])
    return evidence(
        **trained(runs),
        **orders(runs, key, quadratic=True),
        **lottery_of(first, runs),
        **{name: value for name, value in of_figures.items() if name == "logits"},
        coords={"k": list(range(1, 12)), "j": coords["j"], "network": coords["network"], "pair": coords["pair"]},
        units={"loss": "nats", "first_time": "steps of rate 1", "second_time": "steps of rate 1"},
    )


@study.experiment(quick={**FAST, "speed": 10.0}, full=SLOW)
def lottery(config: Config, key: Any) -> Evidence:
    """x^2, plain gradient descent: the winners that the blow-up time predicts, against those of two simpler rules."""
    first, runs = _train("quad_sgd", config, key)
    hits = predict_winners(first[0].theta, first[0].xi).hits(runs[0].decoded)
    one_net: dict[str, Any] = {f"one_net_{name}": hits[rule] for name, rule in RULES.items()}
    return evidence(
        **trained(runs),
        **orders(runs, key, quadratic=True),
        **lottery_of(first, runs),
        **one_net,
        coords={"k": list(range(1, 12))},
        units={"loss": "nats", "first_time": "steps of rate 1", "second_time": "steps of rate 1"},
    )


@study.experiment(quick={"seeds": 2, "speed": 10.0, "records": 20}, full={"seeds": 3, "speed": 1.0, "records": 100})
def single(config: Config, key: Any) -> Evidence:
    """Networks that begin with one frequency a neuron: x^2 keeps it, ReLU leaks to its harmonics."""
    off, kept = [], []
    runs = []
    for of_seed in seed_keys(key, config.seeds):
        net, task = first_of(SETUPS["quad_single_freq"], of_seed)
        run, early = _until_loss_falls(net, task, config)
        off.append(off_frequency(net, early))
        then, now = decode(net.theta, net.xi), run.decoded
        kept.append(float(((then.frequency == now.frequency) & (then.winner == now.winner)).mean()))
        runs.append(run)
    _, leaking = _train("relu_single_freq", config, key)
    found = trained(runs)
    return evidence(
        kept=(("seed",), kept),
        off_energy=(("seed",), off),
        **{name: found[name] for name in ("accuracy", "loss", "ghost_ratio", "ghost_r_squared", "sin_D")},
        final_off_energy=(("seed",), 1 - np.asarray(found["energy_share"][1])),
        **harmonics(leaking),
        coords={"r": list(range(1, 8))},
        units={"loss": "nats"},
    )


def _until_loss_falls(net: TwoLayerNet, task: Any, config: Config) -> tuple[Run, TwoLayerNet]:
    """The whole run, and the network at the last record with a loss above 0.9 of the first one."""
    setup = SETUPS["quad_single_freq"]
    every = max(round(setup.steps / config.speed) // config.records, 1)
    run, early = None, net
    for _ in range(config.records):
        run = train(net, task, setup.optimizer.faster(config.speed), every, every, after=run)
        if run.history["train_loss"][-1] > 0.9 * np.log(net.p):
            early = run.net
    assert run is not None
    return run, early


@study.experiment(
    quick={"seeds": 3, "speed": 4.0, "steps": 4000, "records": 100},
    full={"seeds": 4, "speed": 1.0, "steps": 50_000, "records": 2500},
)
def grokking(config: Config, key: Any) -> Evidence:
    """ReLU, AdamW with weight decay, three quarters of the pairs: the stages, by kind of pair."""
    _, runs = _train("grokking", config, key, config.steps)
    speed = config.speed
    stages = [grokking_stages(run.history) for run in runs]

    def of_stages(name: str) -> np.ndarray:
        return np.array([getattr(each, name) for each in stages], dtype=float)  # NaN where never

    memorised, peak, generalised = (of_stages(name) for name in ("memorised", "norm_peak", "generalised"))
    slopes = [ipr_slopes(run.history, each) for run, each in zip(runs, stages, strict=True)]
    found = trained(runs)
    rare = [_when_first(run.history["common_acc"] > 0.9, run.history["rare_acc"]) for run in runs]
    share = np.array([run.task.mirrored_share for run in runs], dtype=float)
    columns: dict[str, Any] = {
        name: (("record", "seed"), np.stack([run.history[name] for run in runs], axis=1)) for name in WATCHED
    }
    return evidence(
        memorised=(("seed",), speed * memorised),
        norm_peak=(("seed",), speed * peak),
        norm_peak_after=(("seed",), speed * (peak - memorised)),
        norm_at_peak=(("seed",), [run.history["norm"].max() for run in runs]),
        generalised_step=(("seed",), speed * generalised),
        generalised_in_time=(("seed",), np.abs(speed * generalised / 9431 - 1) <= 0.25),
        plateau=(("seed",), of_stages("plateau")),
        mirrored_share=(("seed",), share),
        plateau_minus_share=(("seed",), of_stages("plateau") - share),
        unseen_at_plateau=(("seed",), of_stages("unseen_at_plateau")),
        final_test=(("seed",), of_stages("final_test_acc")),
        final_unseen=(("seed",), [run.history["unseen_acc"][-1] for run in runs]),
        rare_when_common=(("seed",), rare),
        steeper=(("seed",), [(each["II"] - each["I"]) / speed for each in slopes]),
        slope=(("stage", "seed"), [[each[name] / speed for each in slopes] for name in ("I", "II", "III")]),
        **{name: found[name] for name in ("ghost_ratio", "ghost_r_squared", "energy_share", "ipr_out", "counts_cv")},
        final_sin_D=found["sin_D"],
        **{name: value for name, value in columns.items() if name != "sin_D"},
        history_sin_D=columns["sin_D"],
        sin_D=found["sin_D"],
        coords={"record": (speed * runs[0].history["step"]).tolist(), "stage": ["I", "II", "III"]},
        units={"memorised": "steps", "norm_peak": "steps", "norm_peak_after": "steps", "slope": "per 1000 steps"},
    )


@study.experiment(full={"steps": 5000, "records": 20, "seeds": 1})
def p97(config: Config, key: Any) -> Evidence:
    """A larger modulus, p = 97 with 1024 neurons: reported, no claim rests on one network."""
    setup = SETUPS["p97"]
    runs = []
    for of_seed in seed_keys(key, config.seeds):
        net, task = first_of(setup, of_seed)
        runs.append(train(net, task, setup.optimizer, config.steps, max(config.steps // config.records, 1)))
    return evidence(**trained(runs), **orders(runs, key, quadratic=False), coords={"k": list(range(1, 49))})


@study.experiment(full={}, data={"full": ("modular-addition",)})
def checkpoints(config: Config, key: Any) -> Evidence:
    """The authors' weights: decoded, with swapped activations, and the lottery."""
    networks = authors_networks()
    final = {"ReLU, AdamW": networks["relu_adamw/final"], "x^2, SGD": networks["quad_sgd/final"]}
    final["grokking"] = networks["relu_grok/final"]
    decoded = [decode(net.theta, net.xi) for net in final.values()]
    lock = [phase_misalignment(each) for each in decoded]
    quadratic = [net.activation == "square" for net in final.values()]
    order = [
        phase_order(each, jax.random.fold_in(key, i), quadratic=q).mean_ratio
        for i, (each, q) in enumerate(zip(decoded, quadratic, strict=True))
    ]
    ghosts = [ghost_profile(net.table()) for net in final.values()]
    swapped = networks["relu_adamw/final"]
    swaps = (*EVEN, "eighth", "softplus2", "exp", *ODD)
    tables = {name: TwoLayerNet(swapped.theta, swapped.xi, name).table() for name in swaps}
    right = {name: right_share(table) for name, table in tables.items()}
    hits = predict_winners(networks["quad_sgd/0"].theta, networks["quad_sgd/0"].xi).hits(decoded[1])
    found: dict[str, Any] = {f"swap_{name}": mean_loss(table) for name, table in tables.items()}
    found |= {f"hit_{name}": hits[rule] for name, rule in RULES.items()}
    grown = {step: decode(networks[f"relu_grok/{step}"].theta).ipr_in for step in (0, 2200, 10400, 50000)}
    return evidence(
        accuracy_even=(("even",), [right[name] for name in swaps if name not in ODD]),
        accuracy_odd=(("odd",), [right[name] for name in ODD]),
        ipr=(("net", "layer"), [[each.ipr_in, each.ipr_out] for each in decoded]),
        energy_share=(("net",), [each.energy_share for each in decoded]),
        sin_D=(("net",), [each.sin for each in lock]),
        counts=(("net", "k"), [frequency_census(each).counts for each in decoded]),
        order=(("net", "angle"), [[each[angle] for angle in ORDERS] for each in order]),
        ghost_ratio=(("net",), [each.ratio for each in ghosts]),
        ghost_r_squared=(("net",), [each.r_squared for each in ghosts]),
        **found,
        ipr_growth=(("step",), list(grown.values())),
        coords={
            "net": list(final),
            "layer": ["input", "output"],
            "angle": list(NAMES),
            "k": list(range(1, 12)),
            "even": [name for name in swaps if name not in ODD],
            "odd": list(ODD),
            "step": list(grown),
        },
    )


@study.experiment(
    full={
        "seeds": 5,
        "p": 23,
        "hidden": 128,
        "updates": 4000,
        "rate": 1e-3,
        "decay": 1.0,
        "levels": 256,
        "flipped": 0.1,
    },
)
def rules(config: Config, key: Any) -> Evidence:
    """What rules of credit and plasticity do to the algorithm that is found: cosines, phase lock, generalisation."""
    return evidence(**rules_compared.measured(config, key), coords={"tried": list(rules_compared.TRIED)})


def _train(name: str, config: Config, key: Any, steps: int | None = None) -> tuple[list[TwoLayerNet], list[Run]]:
    """First networks and runs of a set-up, seed by seed, at the experiment's speed."""
    setup = SETUPS[name]
    count = round((setup.steps if steps is None else steps) / config.speed)
    first, runs = [], []
    for of_seed in seed_keys(key, config.seeds):
        net, task = first_of(setup, of_seed)
        first.append(net)
        runs.append(train(net, task, setup.optimizer.faster(config.speed), count, max(count // config.records, 1)))
    return first, runs


def _when_first(reached: np.ndarray, values: np.ndarray) -> float:
    """The value at the first record where something is reached; NaN where it never is."""
    return float(values[reached.argmax()]) if reached.any() else float("nan")


def _go_on(run: Run, name: str, config: Config) -> Run:
    """As many steps again."""
    setup = SETUPS[name]
    count = round(setup.steps / config.speed)
    return train(run.net, run.task, setup.optimizer.faster(config.speed), count, count, after=run)
