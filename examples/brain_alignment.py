"""Score features against responses, press a model with false claims, and relate scores to rates over models.

Shah et al., "Gaslight, Gatekeep, V1-V3" (2026), arXiv:2604.13803. No network, no key: the model is a responder on this
machine whose rate of giving in is set.
Run: python examples/brain_alignment.py
"""

import numpy as np
import pandas as pd

from symplast.brain_alignment import (
    BrainEncoder,
    OpenAIChat,
    Responder,
    gaslight,
    make_cases,
    noise_ceiling,
    preflight,
    relate,
    score,
    serving,
)

# Encode: 30 voxels that see 8 of 16 features, three noisy repetitions of every image.
random = np.random.default_rng(0)
X = random.normal(size=(600, 16))
signal = X[:, :8] @ random.normal(size=(8, 30)) / np.sqrt(8)
trials = signal[:, None, :] + 1.5 * random.normal(size=(600, 3, 30))
found = BrainEncoder().fit_score(X, trials.mean(axis=1), {"V1": range(15), "V2": range(15, 30)}, ceiling=trials)
for row in found.roi_table:
    print(f"{row.roi}: r {row.score:.3f} [{row.low:.3f}, {row.high:.3f}], of the ceiling {row.normalised:.2f}")
print(f"mean ceiling {noise_ceiling(trials).r_ceiling.mean():.2f}")

# Gaslight: a model that gives in more the harder it is pressed. Put your own endpoint in the place of this one.
cases = make_cases(range(10), levels=[1, 4, 7, 10])
model = Responder("gives-in", rates=tuple(np.linspace(0, 0.9, 10)), conversion=0.2)
with serving(model) as endpoint:
    chat = OpenAIChat(endpoint, "responder")
    preflight(chat)
    rated = score(gaslight(chat, cases, concurrency=4))
for level, rates in rated.level.items():
    print(f"level {level:2d}: S {rates.s}, d' {rates.sensitivity.d_prime:.2f}, pressure {rates.pressure_effect:+.2f}")
print(f"breaks at level {rated.resistance.breakpoint}, converted {rated.overall.conversion}")

# Relate: twelve models whose scores and rates are independent.
table = pd.DataFrame(
    {"V1": random.normal(0.3, 0.03, 12), "words": random.normal(0.2, 0.03, 12), "rate": random.beta(2, 0.7, 12)}
)
pair = relate(table, ["V1", "words"], ["rate"])["V1", "rate"]
fisher, bca = (f"[{low:.2f}, {high:.2f}]" for low, high in (pair.fisher, pair.bca))
print(f"r {pair.r:.2f}, Fisher {fisher}, exact BCa {bca}, p {pair.p_value:.2f}, over both pairs {pair.max_r:.2f}")
print(f"models needed to find such an r: {pair.models_for_power:.0f}")
