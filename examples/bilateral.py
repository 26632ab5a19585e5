"""Two hemispheres with a loss each control an arm: what does specialisation pay, and what does cutting a part cost?

Rinaldo, Kuhlmann, Friedman and Kowadlo, "Left/Right Brain, human motor control" (2024), arXiv:2401.14057.
Run: python examples/bilateral.py  (a minute)
"""

import jax

from symplast.bilateral import MODELS, learner_of, lesions, metrics_of, networks_of, reach
from symplast.learning import begin, train

task = reach(1600, 64, key=jax.random.key(0))
print("after 150 updates of 32 random reaches:")
trained = {}
for name in ("D", "N", "neutral+CC", "specialised+CC"):
    learner = learner_of(name)
    training, history = train(learner, task, begin(learner, jax.random.key(1), 1), epochs=3, batch_size=32)
    (network,) = networks_of(learner, training.states)
    found = metrics_of(network, task)
    told = ", ".join(f"{loss} to {part or 'shared'}" for part, route in MODELS[name].routes.items() for loss in route)
    print(f"  {name:15s} end error {1000 * found['dist_end']:5.0f} mm, effort {found['effort']:.4f}  ({told})")
    trained[name] = learner, training

print("the specialised one with parts cut:")
learner, training = trained["specialised+CC"]
table = lesions(learner, training.states, task)
for row in table[table.metric == "dist_end"].itertuples():
    print(f"  {row.lesion:10s} {1000 * row.mean:5.0f} mm, {row.ratio:.1f} times the intact one's")
