"""How fast online training with memory devices is, next to aihwkit and plain PyTorch, on one thread.

Work: 784-200-10 on MNIST, one sample at a time, device states of every synapse updated after each; compile time apart.
CPU time, since the loop is bound by the cache and other jobs on the machine slow it.
Peers, run with their own Python (``--peer-python``, torch 2.10.0 with aihwkit 1.1.0; another torch alone gives only the
PyTorch row): aihwkit's OneSidedUnitCell with refresh every 100 (our ``uni``), its ExpStepDevice, and eager SGD in
PyTorch.
Targets: per sample at least 30x faster than OneSided, 20x than ExpStep, 10x than eager PyTorch.
Run: python benchmarks/devices.py --peer-python .venv-aihwkit/bin/python  (writes benchmarks/results/devices.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from measuring import RESULTS, against, write

from symplast.devices import DeviceModel, SingleStepRule, Variation
from symplast.devices.network import FloatLayer
from symplast.devices.online import Problem, crossbars, first_layers, run_online
from symplast.lab.jax_setup import CompileClock
from symplast.learning import images

SIZES = (784, 200, 10)
TARGETS = {"aihwkit OneSidedUnitCell": 30, "aihwkit ExpStepDevice": 20, "PyTorch eager SGD": 10}

PEER = """
import json, sys, time
import numpy as np, torch
torch.set_num_threads(1)
data = np.load(sys.argv[1])
X, y = torch.tensor(data["X"]), torch.tensor(data["y"]).long()
found = {"torch": torch.__version__, "rows": {}}

def measure(name, model, optimiser):
    loss = torch.nn.NLLLoss()
    def some(first, last):
        for i in range(first, last):
            optimiser.zero_grad()
            loss(model(X[i:i + 1]), y[i:i + 1]).backward()
            optimiser.step()
    some(0, 100)
    begin = time.process_time()
    some(100, len(X))
    found["rows"][name] = (time.process_time() - begin) / (len(X) - 100)

def layers(linear):
    return [linear(784, 200), torch.nn.Hardtanh(0, 1), linear(200, 10), torch.nn.LogSoftmax(dim=1)]

plain = torch.nn.Sequential(*layers(lambda a, b: torch.nn.Linear(a, b, bias=False)))
measure("PyTorch eager SGD", plain, torch.optim.SGD(plain.parameters(), lr=0.01))
try:
    import aihwkit
    from aihwkit.nn import AnalogLinear, AnalogSequential
    from aihwkit.optim import AnalogSGD
    from aihwkit.simulator.configs import SingleRPUConfig, UnitCellRPUConfig
    from aihwkit.simulator.configs.devices import ExpStepDevice, OneSidedUnitCell, SoftBoundsDevice
    found["aihwkit"] = aihwkit.__version__
    pair = OneSidedUnitCell(refresh_every=100, unit_cell_devices=[SoftBoundsDevice()])
    configs = {
        "aihwkit ExpStepDevice": SingleRPUConfig(device=ExpStepDevice()),
        "aihwkit OneSidedUnitCell": UnitCellRPUConfig(device=pair),
    }
    for name, config in configs.items():
        model = AnalogSequential(*layers(lambda a, b: AnalogLinear(a, b, bias=False, rpu_config=config)))
        optimiser = AnalogSGD(model.parameters(), lr=0.01)
        optimiser.regroup_param_groups(model)
        measure(name, model, optimiser)
except Exception as error:
    found["aihwkit_error"] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


def our_rows(samples: int, repeats: int) -> list[dict[str, Any]]:
    """CPU seconds a sample of this room, compile time apart."""
    task = images("mnist", train=samples, test=1000)
    problem = Problem(task.inputs, task.targets, None, None)
    rule = SingleStepRule()
    cases: dict[str, tuple[str | None, DeviceModel, Variation | None]] = {
        "uni, b = 3, N = 256": ("uni", DeviceModel(256, b_ltp=3.0), None),
        "uni, linear, N = 256": ("uni", DeviceModel(256), None),
        "uni, step spread 0.2": ("uni", DeviceModel(256), Variation(d2d_step=0.2)),
        "uni, cycle-to-cycle noise 0.01": ("uni", DeviceModel(256), Variation(c2c=0.01)),
        "bi, b = 3, N = 256": ("bi", DeviceModel(256, b_ltp=3.0), None),
        "ref, b = 3, N = 256": ("ref", DeviceModel(256, b_ltp=3.0), None),
        "software, plain gradient descent": (None, DeviceModel(256), None),
    }
    rows = []
    for name, (scheme, device, variation) in cases.items():
        taken, compiling = [], 0.0
        for repeat in range(repeats + 1):
            key = jax.random.key(repeat)
            if scheme is None:
                layers: tuple[Any, ...] = tuple(
                    FloatLayer(W, jax.numpy.asarray(0.01)) for W in first_layers(SIZES, key)
                )
            else:
                layers = crossbars(SIZES, device, scheme, key, variation=variation)
            jax.block_until_ready(layers)
            with CompileClock() as clock:
                begin = time.process_time()
                jax.block_until_ready(run_online(layers, problem, rule, key).crossbars)
                spent = time.process_time() - begin
            if repeat == 0:
                compiling = clock.seconds
            else:
                taken.append(spent / samples)
        rows.append({"what": name, "seconds_per_sample": statistics.median(taken), "compile_seconds": compiling})
    return rows


def peer_rows(python: str | None, samples: int) -> dict[str, Any]:
    """CPU seconds a sample of the peers, measured by their own Python."""
    if python is None:
        return {"rows": {}, "note": "no --peer-python given: peers not measured"}
    task = images("mnist", train=samples, test=10)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        np.savez(data, X=np.asarray(task.inputs), y=np.asarray(task.targets))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        done = subprocess.run(
            [python, "-c", PEER, str(data)], capture_output=True, text=True, check=True, env=environment
        )
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Time the devices room next to aihwkit and PyTorch.")
    parser.add_argument("--peer-python", help="a Python with torch 2.10.0 and aihwkit 1.1.0")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--peer-samples", type=int, default=4000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS / "devices.json")
    given = parser.parse_args()
    rows = our_rows(given.samples, given.repeats)
    peers = peer_rows(given.peer_python, given.peer_samples)
    ours = rows[0]["seconds_per_sample"]
    for name, target in TARGETS.items():
        if name in peers["rows"]:
            taken = peers["rows"][name]
            ratio = taken / ours
            rows.append(against("online training, a sample", name, ratio, target=target, peer_seconds_per_sample=taken))
        else:
            note = peers.get("note", peers.get("aihwkit_error", "not installed"))
            rows.append({"what": f"times faster than {name}", "target": target, "note": f"not measured: {note}"})
    peer = {name: version for name, version in peers.items() if name != "rows"}
    write("devices", rows, out=given.out, peer=peer, clock="CPU time")


if __name__ == "__main__":
    main()
