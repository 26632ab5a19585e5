"""How fast an update of a controller is, and a step of its arm, on one core; peers run next to it where they are given.

Work: one update of 64 trials of 50 steps (gradients through arm and muscles), CPU time a update, compile time apart:
``unilateral`` (loss D), ``bilateral`` (specialised, with corpus callosum, two losses routed). Targets: at most 5 and
8 ms; the published stack (TensorFlow 2.13, one thread, another day) took 140 and 304 ms. ``rollout``: 50 steps of 64
arms without gradients. The peer does the rollout and an unrouted gradient of the same loss on its own arm of the same
kind: MotorNet 0.3 (PyTorch; ``--motornet-python``, a Python that has it). feedbax 0.1.2 would be a second one, but
neither its wheel nor its source archive holds ``feedbax.mechanics``, so no arm can be built from it.
Run: python benchmarks/bilateral.py --motornet-python .venv-peers/bin/python  (writes benchmarks/results/bilateral.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measuring import RESULTS, against, write

from symplast.bilateral import learner_of, move, networks_of, reach
from symplast.lab.jax_setup import CompileClock
from symplast.learning import begin, train

TARGETS = {"unilateral": 5.0, "bilateral": 8.0}
STRETCH = {"unilateral": 3.0, "bilateral": 5.0}
PUBLISHED = {"unilateral": 140.0, "bilateral": 304.0}
MODELS = {"unilateral": "D", "bilateral": "specialised+CC"}
BATCH, STEPS, UPDATES = 64, 50, 50

PEER = """
import json, sys, time
import torch, motornet as mn
torch.set_num_threads(1)
batch, steps, repeats = json.loads(sys.argv[1])
effector = mn.effector.RigidTendonArm26(muscle=mn.muscle.RigidTendonHillMuscle(), timestep=0.01)
layers = [torch.nn.Linear(16, 10), torch.nn.Linear(10, 10), torch.nn.Linear(10, 6)]
optimiser = torch.optim.Adam([p for layer in layers for p in layer.parameters()], lr=3e-3)
def control(x):
    return torch.sigmoid(layers[2](torch.tanh(layers[1](torch.tanh(layers[0](x))))))
def roll():
    effector.reset(options={"batch_size": batch})
    goal = torch.zeros(batch, 2) + 0.3
    rows = []
    for _ in range(steps):
        state = effector.states
        hand = state["fingertip"][:, :2]
        x = torch.cat([state["muscle"][:, 1, :], state["muscle"][:, 2, :], hand, goal], dim=1)
        effector.step(control(x))
        rows.append(effector.states["fingertip"][:, :2])
    return (torch.stack(rows) - goal).abs().mean()
def timed(call):
    call()
    found = []
    for _ in range(repeats):
        begin = time.process_time(); call(); found.append(1e3 * (time.process_time() - begin))
    return sorted(found)
def update():
    loss = roll(); optimiser.zero_grad(); loss.backward(); optimiser.step()
with torch.no_grad():
    forward = timed(roll)
print(json.dumps({"motornet": getattr(mn, "__version__", "?"), "torch": torch.__version__,
                  "rollout": forward[len(forward) // 2], "unilateral": (u := timed(update))[len(u) // 2]}))
"""


def ours(name: str, repeats: int) -> dict[str, Any]:
    """Milliseconds of CPU an update (all of ``repeats`` runs, and their smallest), and seconds of compiling."""
    task = reach(UPDATES * BATCH, 256, key=jax.random.key(0))
    learner = learner_of(MODELS[name])
    with CompileClock() as clock:
        training, _ = train(learner, task, begin(learner, jax.random.key(1), 1), 1, BATCH)
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        training, _ = train(learner, task, training, 1, BATCH)
        taken.append(1e3 * (time.process_time() - start) / UPDATES)
    (network,) = networks_of(learner, training.states)
    move(network, task.inputs[:BATCH])
    forward = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(10):
            move(network, task.inputs[:BATCH])
        forward.append(100 * (time.process_time() - start))
    return {
        "what": f"{name}: update of {BATCH} trials of {STEPS} steps",
        "value": float(np.median(taken)),
        "unit": "ms",
        "fastest": min(taken),
        "repeats": taken,
        "target": TARGETS[name],
        "stretch": STRETCH[name],
        "met": float(np.median(taken)) <= TARGETS[name],
        "published_stack_ms": PUBLISHED[name],
        "rollout_ms": min(forward),
        "compile_seconds": clock.seconds,
    }


def peer(python: str, repeats: int) -> dict[str, Any]:
    """MotorNet's milliseconds."""
    arguments = [python, "-c", PEER, json.dumps([BATCH, STEPS, repeats])]
    done = subprocess.run(arguments, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise SystemExit(f"the peer failed: {done.stderr[-800:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--motornet-python", help="a Python with motornet 0.3")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS / "bilateral.json")
    options = parser.parse_args()
    found = peer(options.motornet_python, options.repeats) if options.motornet_python else {}
    rows = []
    for name in TARGETS:
        row = ours(name, options.repeats)
        if name in found:
            row |= {"motornet_ms": found[name]}
            row["motornet_rollout_ms"] = found["rollout"]
        rows.append(row)
        if name in found:
            rows.append(against(row["what"], "MotorNet", found[name] / row["value"]))
    peers = {name: found.get(name, "not measured") for name in ("motornet", "torch")}
    write("bilateral", rows, out=options.out, peers=peers)


if __name__ == "__main__":
    main()
