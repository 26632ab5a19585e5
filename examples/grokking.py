"""What a network learns of modular addition, when, and whether its first weights could have said so.

He, Wang, Chen and Yang, "On the Mechanism and Dynamics of Modular Addition" (2026), arXiv:2602.16849.
Run: python examples/grokking.py
"""

import jax

from symplast.grokking import (
    ModularTask,
    Optimizer,
    frequency_census,
    ghost_profile,
    grokking_stages,
    init_random,
    phase_misalignment,
    phase_order,
    predict_winners,
    train,
)

p, width = 17, 256

# All pairs: what do the neurons become?
first = init_random(p, width, jax.random.key(0), activation="square")
run = train(first, ModularTask(p), Optimizer("adamw", lr=4e-4), steps=600)
decoded = run.decoded
print(f"accuracy {run.history['train_acc'][-1]:.3f}; IPR {run.history['ipr_in'][0]:.2f} -> {decoded.ipr_in:.2f}")
print(f"phases: mean |sin(2 phi - psi)| {phase_misalignment(decoded).sin:.3f}, 0.64 for random ones")
print(f"neurons of each frequency: {frequency_census(decoded).counts.tolist()}")
order = phase_order(decoded, jax.random.key(1)).mean_ratio
print(f"phases cancel: order over chance {order['psi']:.2f} (psi), {order['2phi+psi']:.2f} (2 phi + psi)")
ghosts = ghost_profile(run.net.table())
print(f"ghosts at 2x and 2y: {ghosts.ratio:.2f} of the right answer's height (ideal 0.5)")

# Could the first weights have said which frequency each neuron takes?
for rule, share in predict_winners(first.theta, first.xi).hits(decoded).items():
    print(f"  winner predicted by {rule:7s} {share}")

# A quarter of the pairs held out, and weight decay: grokking.
task = ModularTask(p, frac_train=0.75, key=jax.random.key(2))
start = init_random(p, width, jax.random.key(3), activation="relu")
run = train(start, task, Optimizer("adamw", lr=1e-3, weight_decay=2.0), steps=3000, record_every=20)
stages = grokking_stages(run.history)
print(f"memorised at step {stages.memorised:g}; test accuracy then {stages.plateau:.3f},")
print(f"the share of mirrored pairs is {stages.mirrored_share:.3f}; unseen pairs: {stages.unseen_at_plateau:.3f}")
ended = "not by the end" if stages.generalised is None else f"at step {stages.generalised:g}"
print(f"generalised {ended}; unseen pairs at the end: {run.history['unseen_acc'][-1]:.3f}")
