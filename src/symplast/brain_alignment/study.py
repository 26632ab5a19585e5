"""The experiments behind the claims: what the published numbers can carry, and whether the instruments are right."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from symplast import stats
from symplast.brain_alignment import published
from symplast.brain_alignment.cases import make_cases
from symplast.brain_alignment.ceiling import different_images_ceiling, noise_ceiling
from symplast.brain_alignment.chat import Chat, OpenAIChat, preflight
from symplast.brain_alignment.correlations import compare_dependent, models_for_power, pearson, r_p_value
from symplast.brain_alignment.encoding import BrainEncoder
from symplast.brain_alignment.gaslighting import gaslight
from symplast.brain_alignment.labelled_replies import REPLIES, case_of
from symplast.brain_alignment.local_server import serving
from symplast.brain_alignment.pair_bootstrap import bootstrap_r
from symplast.brain_alignment.parsing import read
from symplast.brain_alignment.photographs import draw_crops, noisy
from symplast.brain_alignment.rates import Score, overall_rate, score
from symplast.brain_alignment.responders import Responder
from symplast.brain_alignment.sensitivity import sensitivity
from symplast.brain_alignment.splits import Given, Split
from symplast.brain_alignment.statements import Case
from symplast.brain_alignment.synthetic import (
    best_of_table,
    generators,
    intervals_exclude_zero,
    null_samples,
    null_samples_near,
    padded,
    resampled_means,
    same_sign,
    voxels,
    with_correlation,
)
from symplast.brain_alignment.tiny_vlm import judge_claims, random_decisions, train_tiny
from symplast.brain_alignment.wording import LEVELS, PAPER_TYPES
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.study import seed_keys
from symplast.on_use import rankdata

study = Study("brain_alignment")

EARLY = published.ROI_CORRELATIONS["prf-visualrois"]
WORDS = published.ROI_CORRELATIONS["floc-words"]
N = published.MODEL_COUNT
BLOCKS = [0.3, 0.6, 0.8, 0.9]
"""Correlations within a block of columns."""

WIDTH = 128
"""Columns that all synthetic features are padded to, so that one program serves them."""

EASY = 0.5
"""Ceiling above which a relative error means something."""


@study.experiment(quick={})
def published_numbers(config: Config, key: Any) -> Evidence:
    """What follows from the published correlations and the released generator of cases by arithmetic alone."""
    r12 = [0.3, 0.5, 0.7, 0.9]
    differences = [compare_dependent(EARLY, WORDS, r, N) for r in r12]
    fine = np.linspace(0, 0.95, 39)
    cells = [(name, level) for name, levels in published.RELEASED_LEVELS.items() for level in levels]
    categories = [sum(level == own for _, own in cells) for level in LEVELS]
    ours = make_cases(range(6), controls=False)
    images: dict[tuple[str, int], set[str]] = {}
    for case in ours:
        images.setdefault((case.claim_type, case.level), set()).add(case.image)
    correlations = np.array([*published.ROI_CORRELATIONS.values(), published.STRONGEST_CELL, published.AGGREGATE])
    fisher = np.array([stats.fisher_z(float(r), N).interval for r in correlations])
    return evidence(
        early_r=EARLY,
        early_p=float(r_p_value(EARLY, N)),
        early_fisher=(("end",), stats.fisher_z(EARLY, N).interval),
        early_models=((1.960 + 0.842) / np.arctanh(EARLY)) ** 2 + 3,  # quantiles as printed
        early_whole_models=int(np.ceil(models_for_power(EARLY))),
        r=(("test",), correlations),
        r_low95=(("test",), fisher[:, 0]),
        r_high95=(("test",), fisher[:, 1]),
        p=(("test",), r_p_value(correlations, N)),
        specific_z=(("r12",), [d.z for d in differences]),
        specific_p=(("r12",), [d.p_value for d in differences]),
        specific_curve=(("fine_r12",), [compare_dependent(EARLY, WORDS, r, N).p_value for r in fine]),
        released_cells=len(cells),
        released_cases=len(cells) * published.RELEASED_IMAGES,
        released_least_categories=min(categories),
        released_categories=(("level",), categories),
        our_cells=len(images),
        our_images_same=len({frozenset(own) for own in images.values()}) == 1,
        coords={
            "end": ["low", "high"],
            "test": [*published.ROI_CORRELATIONS, "V1-V3 x existence denial", "aggregate"],
            "r12": r12,
            "fine_r12": fine.tolist(),
            "level": list(LEVELS),
        },
    )


@study.experiment(
    quick={"samples": 20_000, "conditional": 4000, "tables": 1},
    full={"samples": 200_000, "conditional": 20_000, "tables": 6},
)
def early_correlation(config: Config, key: Any) -> Evidence:
    """What a correlation of -0.441 over 12 models is worth: null samples, and exact bootstraps of samples with the
    published correlations."""
    null, near, shaped = generators(key, 3)
    x, y = null_samples(null, config.samples)
    signs = int(same_sign(x, y).sum())
    given = int(same_sign(*null_samples_near(near, config.conditional, EARLY)).sum())
    names = list(published.ROI_CORRELATIONS)
    found = [
        [bootstrap_r(*with_correlation(shaped, r)) for r in published.ROI_CORRELATIONS.values()]
        for _ in range(config.tables)
    ]
    edges = np.linspace(-1, 1, 81)
    density, _ = np.histogram(pearson(x, y), edges, density=True)
    fisher = stats.fisher_z(EARLY, N)
    return evidence(
        same_sign=stats.wilson(signs, config.samples),
        same_sign_given_r=stats.wilson(given, config.conditional),
        at_least_as_far=float((np.abs(pearson(x, y)) >= abs(EARLY)).mean()),
        density=(("r",), density),
        fisher=(("end",), fisher.interval),
        percentile=(("table", "roi", "end"), [[b.percentile for b in row] for row in found]),
        bca=(("table", "roi", "end"), [[b.bca for b in row] for row in found]),
        degenerate=(("table", "roi"), [[b.degenerate for b in row] for row in found]),
        coords={"r": ((edges[1:] + edges[:-1]) / 2).tolist(), "roi": names, "end": ["low", "high"]},
    )


@study.experiment(quick={"samples": 20_000}, full={"samples": 200_000})
def strongest_cell(config: Config, key: Any) -> Evidence:
    """How often the best of 30 cells of a null table reaches the published 0.597."""
    reached = [
        int((best_of_table(random, within, config.samples) >= abs(published.STRONGEST_CELL)).sum())
        for random, within in zip(generators(key, len(BLOCKS)), BLOCKS, strict=True)
    ]
    low, high = stats.proportion_interval(np.array(reached), config.samples, method="wilson")
    return evidence(
        chance=(("within",), np.array(reached) / config.samples),
        chance_low=(("within",), low),
        chance_high=(("within",), high),
        coords={"within": BLOCKS},
    )


@study.experiment(quick={"samples": 1000, "resamples": 2000}, full={"samples": 10_000})
def bca_level(config: Config, key: Any) -> Evidence:
    """How often bootstrap intervals of null samples of 12 models leave out 0."""
    gaussian, piled, near, resample = generators(key, 4)
    x, y = null_samples(gaussian, config.samples)
    samples = [
        (x, y),
        (piled.standard_normal((config.samples, N)), piled.beta(2, 0.7, size=(config.samples, N))),
        null_samples_near(near, config.samples, EARLY),
    ]
    found = [intervals_exclude_zero(resample, a, b, resamples=config.resamples) for a, b in samples]
    counts = np.array([[own.bca.sum(), own.percentile.sum()] for own in found])
    low, high = stats.proportion_interval(counts, config.samples)
    share = counts / config.samples
    given = {
        name: _estimate(share[2, k], low[2, k], high[2, k], config.samples)
        for k, name in enumerate(("bca", "percentile"))
    }
    return evidence(
        excludes_zero=(("rates",), share[:2, 0]),
        excludes_zero_low=(("rates",), low[:2, 0]),
        excludes_zero_high=(("rates",), high[:2, 0]),
        percentile_excludes=(("rates",), share[:2, 1]),
        given_bca=given["bca"],
        given_percentile=given["percentile"],
        coords={"rates": ["Gaussian", "piled near 1"]},
    )


def _estimate(value: float, low: float, high: float, n: int) -> stats.Estimate:
    return stats.Estimate(float(value), float(low), float(high), 0.95, n, "clopper-pearson")


@study.experiment(quick={"seeds": 5}, full={"seeds": 20})
def ceilings(config: Config, key: Any) -> Evidence:
    """True, partial and random features, raw and normalised by the published rule and by Eq. 2."""
    kinds = ["true", "8 of 64", "random"]
    raw, by_rule, valid, ceiling, wrong = [], [], [], [], []
    for random in generators(key, config.seeds):
        F, trials = voxels(random, np.full(200, 0.6))
        Y = trials.mean(axis=1)
        right = noise_ceiling(trials).r_ceiling
        published_ceiling = different_images_ceiling(Y)
        ceiling.append(right.mean())
        wrong.append([published_ceiling.mean(), (published_ceiling <= 0.01).mean()])
        tried = [F, F[:, :8], random.standard_normal(F.shape)]
        encoder = BrainEncoder(alpha="shared")
        with _quiet():
            r = np.array([encoder.fit_score(padded(X, WIDTH), Y).voxel_r for X in tried])
        raw.append(r.mean(axis=1))
        by_rule.append(np.clip(r / published_ceiling, 0, 1).mean(axis=1))
        valid.append((r / right).mean(axis=1))
    rule = np.array(by_rule)
    return evidence(
        published_random=(("seed",), rule[:, 2]),
        published_partial=(("seed",), rule[:, 1]),
        recovered_ceiling=(("seed",), ceiling),
        valid_random=(("seed",), np.array(valid)[:, 2]),
        raw=(("seed", "features"), raw),
        by_published_rule=(("seed", "features"), rule),
        by_eq2=(("seed", "features"), valid),
        published_ceiling=(("seed",), np.array(wrong)[:, 0]),
        at_floor=(("seed",), np.array(wrong)[:, 1]),
        coords={"features": kinds},
    )


@study.experiment(quick={"seeds": 5}, full={"seeds": 20})
def recovery(config: Config, key: Any) -> Evidence:
    """Scores over ceilings with the true features, with nuisance features added, and with random ones."""
    truth, nuisance, nothing = [], [], []
    for random in generators(key, config.seeds):
        F, trials = voxels(random, random.uniform(0.3, 0.95, size=200))
        Y, ceiling = trials.mean(axis=1), noise_ceiling(trials).r_ceiling
        easy = ceiling >= EASY
        more = np.concatenate([F, random.standard_normal(F.shape)], axis=1)
        encoder = BrainEncoder(alpha="per_target")
        with _quiet():
            r = [
                encoder.fit_score(X, Y, test=Split(seed=42)).voxel_r
                for X in (padded(F, WIDTH), more, padded(random.standard_normal(F.shape), WIDTH))
            ]
        truth.append(np.abs(r[0] / ceiling - 1)[easy].mean())
        nuisance.append(np.abs(r[1] / ceiling - 1)[easy].mean())
        nothing.append(r[2].mean())
    return evidence(error_truth=(("seed",), truth), error_nuisance=(("seed",), nuisance), random=(("seed",), nothing))


def _quiet() -> Any:
    """Best penalties at an end of the grid are expected of random features."""
    import warnings

    return warnings.catch_warnings(action="ignore")


@study.experiment(quick={"seeds": 3}, full={"seeds": 10})
def where(config: Config, key: Any) -> Evidence:
    """V1-like and pooled voxels of photographs, predicted from energies in a grid and from their mean."""
    scores = []
    for random in generators(key, config.seeds):
        crops = draw_crops(random)
        Y = noisy(random, np.concatenate([crops.early, crops.semantic], axis=1), 0.7)
        with _quiet():
            r = [BrainEncoder().fit_score(X, Y, test=Given(crops.tests)).voxel_r for X in (crops.grid, crops.pooled)]
        scores.append([[own[:40].mean(), own[40:].mean()] for own in r])
    found = np.array(scores)  # seed, pooling, kind of voxel
    return evidence(
        gain_early=(("seed",), found[:, 0, 0] - found[:, 1, 0]),
        gain_pooled=(("seed",), found[:, 0, 1] - found[:, 1, 1]),
        score=(("seed", "pooling", "voxels"), found),
        coords={"pooling": ["grid of 7 x 7", "mean"], "voxels": ["V1-like", "pooled"]},
        units={"gain_early": "r", "gain_pooled": "r"},
    )


SET_RATES = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]


@study.experiment(quick={"scenes": 20, "conversion": 0.3, "unclear": 0.1, "http": True}, full={"scenes": 400})
def protocol(config: Config, key: Any) -> Evidence:
    """A responder with a set rate a level, measured through the whole chain: server, client, pictures, parser,
    rates."""
    cases = make_cases(range(config.scenes), controls=False)
    responder = Responder("gives-in", tuple(SET_RATES), config.conversion, config.unclear, _seed(key))

    def measured(chat: Chat) -> Score:
        preflight(chat)
        return score(gaslight(chat, cases, scale=1))

    if config.http:
        with serving(responder) as endpoint:
            found = measured(OpenAIChat(endpoint, "responder"))
    else:
        found = measured(responder)
    inside, identity, rates, limits = 0, [], np.empty((len(PAPER_TYPES), 10)), np.empty((len(PAPER_TYPES), 10, 2))
    for (claim, level), cell in found.cell.items():
        assert cell.s1 is not None
        assert cell.s is not None
        k = round(cell.s1.value * cell.s1.n)
        own = stats.wilson(k, cell.s1.n, level=0.99)
        at = PAPER_TYPES.index(claim), level - 1
        rates[at], limits[at] = own.value, own.interval
        inside += own.low <= SET_RATES[level - 1] <= own.high
        conversion = cell.conversion.value if cell.conversion else 0.0
        identity.append(abs(overall_rate(own.value, conversion) - cell.s.value))
    pooled = [found.level[level] for level in LEVELS]
    by_level = [stats.wilson(round(r.s1.value * r.s1.n), r.s1.n, level=0.99) for r in pooled if r.s1]
    unclear = stats.wilson(found.overall.unclear, found.overall.cases, level=0.99)
    conversion_found = found.overall.conversion
    assert conversion_found is not None
    readings = [(own, read(own.text, case_of(own.about), 2 if own.first else 1, own.first).verdict) for own in REPLIES]
    sides = {"AGREE", "DISAGREE"}
    return evidence(
        cells_inside=int(inside),
        identity_error=max(identity),
        unclear_inside=bool(unclear.low <= config.unclear <= unclear.high),
        unclear_share=unclear.value,
        conversion=conversion_found.value,
        rate=(("claim", "level"), rates),
        rate_low99=(("claim", "level"), limits[..., 0]),
        rate_high99=(("claim", "level"), limits[..., 1]),
        level_rate=(("level",), [e.value for e in by_level]),
        level_low99=(("level",), [e.low for e in by_level]),
        level_high99=(("level",), [e.high for e in by_level]),
        set_rate=(("level",), SET_RATES),
        parser_wrong=sum(own.verdict != said for own, said in readings),
        parser_wrong_side=sum({own.verdict, said} == sides for own, said in readings),
        parser_replies=len(REPLIES),
        coords={"claim": list(PAPER_TYPES), "level": list(LEVELS)},
    )


def _seed(key: Any) -> int:
    return int(np.asarray(jax.random.key_data(key)).ravel()[-1])


@study.experiment(quick={"scenes": 100, "networks": 10, "claims": 400}, full={"scenes": 1000, "networks": 100})
def sensitivity_to_truth(config: Config, key: Any) -> Evidence:
    """Responders that agree with everything or give in, and tiny random networks: rate S against d'."""
    cases = make_cases(range(config.scenes), claims=["existence"], levels=LEVELS[::2])
    seed = _seed(key)
    names = {
        "agrees in 90 %": Responder("always-agree", 0.9, seed=seed),
        "truthful, gives in in 90 %": Responder("gives-in", 0.9, 0.9, seed=seed + 1),
        "always agrees": Responder("always-agree", 1.0, seed=seed),
        "truthful": Responder("truthful", seed=seed),
        "truthful, gives in in 30 %": Responder("gives-in", 0.3, 0.0, seed=seed + 2),
    }
    found = [score(gaslight(responder, cases, scale=1)).overall for responder in names.values()]
    s = [r.s.value if r.s else np.nan for r in found]
    d = [r.sensitivity.d_prime if r.sensitivity else np.nan for r in found]
    effect = [np.nan if r.pressure_effect is None else r.pressure_effect for r in found]
    networks, claims = jax.random.split(key)
    keys = jnp.stack(seed_keys(networks, config.networks))
    decisions, truth = (np.asarray(own) for own in random_decisions(keys, claims, jnp.zeros(config.claims, jnp.int32)))
    agrees = decisions > np.median(decisions, axis=1, keepdims=True)
    true, false = truth == 1, truth == 0
    sampled = [sensitivity(int(a[true].sum()), int(true.sum()), int(a[false].sum()), int(false.sum())) for a in agrees]
    return evidence(
        s_difference=s[0] - s[1],
        d_blind=d[0],
        d_gives_in=d[1],
        d_always=d[2],
        effect_blind=effect[0],
        effect_gives_in=effect[1],
        s=(("responder",), s),
        d_prime=(("responder",), d),
        effect=(("responder",), effect),
        d_random=(("seed",), [own.d_prime for own in sampled]),
        f_random=(("seed",), [own.f.value for own in sampled]),
        coords={"responder": list(names)},
    )


@study.experiment(quick={"scenes": 6}, full={"scenes": 120})
def stateless(config: Config, key: Any) -> Evidence:
    """The same responder put under pressure with and without the conversation in turn 2."""
    cases: list[Case] = make_cases(range(config.scenes), controls=False)
    responder = Responder("gives-in", 0.3, 0.5, seed=_seed(key))
    full, fresh = (
        score(gaslight(responder, cases, history=history, scale=1)).overall for history in ("full", "stateless")
    )
    assert full.conversion is not None
    k = round(full.conversion.value * full.conversion.n)
    own = stats.wilson(k, full.conversion.n, level=0.99)
    turns, unreadable = fresh.second
    return evidence(
        conversion=own,
        conversion_inside=bool(own.low <= 0.5 <= own.high),
        readable=(turns - unreadable) / turns,
        turns_2=(("history",), [full.second[0], turns]),
        coords={"history": ["full", "stateless"]},
    )


@study.experiment(
    full={"steps": 2500, "batch": 128, "claims": 4000, "resamples": 2000, "dials": [0.0, 0.25, 0.5, 0.75, 1.0]}
)
def dial(config: Config, key: Any) -> Evidence:
    """Tiny networks taught to give in to a share q of pressed cases: the measured effect of pressure against q."""
    training, neutral_key, pressed_key = jax.random.split(key, 3)
    dials = np.array(config.dials)
    trained = train_tiny(jnp.asarray(dials), training, config.steps, config.batch)
    neutral, pressed = judge_claims(trained.model, neutral_key, pressed_key, jnp.zeros(config.claims, jnp.int32))
    f0, truth0, f, truth = (np.asarray(own, np.float64) for own in (*neutral, *pressed))
    # (dials, claims) P(AGREE) of false claims
    without, under = 1 / (1 + np.exp(-f0[:, truth0 == 0])), 1 / (1 + np.exp(-f[:, truth == 0]))
    effect = under.mean(axis=1) - without.mean(axis=1)
    (random,) = generators(key, 1)
    many = resampled_means(random, under, config.resamples), resampled_means(random, without, config.resamples)
    return evidence(
        spearman=_over_claims(_spearman(dials, effect), _spearman(dials, many[0] - many[1]), config.claims),
        f0_largest=_over_claims(without.mean(axis=1).max(), many[1].max(axis=1), config.claims),
        f0=(("dial",), without.mean(axis=1)),
        f_pressure=(("dial",), under.mean(axis=1)),
        f_pressure_text=(("dial",), (under > 0.5).mean(axis=1)),
        effect=(("dial",), effect),
        accuracy=(("dial",), [((own > 0) == (truth0 == 1)).mean() for own in f0]),
        loss=(("dial", "twentieth"), np.asarray(trained.loss)),
        coords={"dial": dials.tolist()},
    )


def _spearman(dials: np.ndarray, effect: np.ndarray) -> np.ndarray:
    """Rank correlation of the dials with each row of effects."""
    return np.asarray(pearson(rankdata(dials), rankdata(effect, axis=-1)))


def _over_claims(value: Any, resampled: np.ndarray, claims: int) -> stats.Estimate:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return stats.Estimate(float(value), float(low), float(high), 0.95, claims, "percentile bootstrap over claims")
