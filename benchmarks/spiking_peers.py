"""The work of benchmarks/spiking.py done by the packages that people use; run by each peer's own Python, one thread.

Usage: PYTHON benchmarks/spiking_peers.py NAME, with NAME one of brian2, snntorch, norse, spikingjelly, bindsnet,
elephant, pyspike. The last line printed is a JSON list of rows. Imports nothing of symplast.
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import importlib.metadata
import json
import statistics
import sys
import tempfile
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")


def seconds(call, repeats=5):
    """Median wall time of a call."""
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def row(work, who, package, value, unit, **more):
    """One measurement."""
    return {"work": work, "who": f"{who} {importlib.metadata.version(package)}", "value": value, "unit": unit, **more}


def brian2():
    """CUBA, one model second: run-time Cython, and the C++ standalone program with its own time of the loop."""
    import brian2 as b2

    def build():
        b2.start_scope()
        b2.seed(0)
        cells = b2.NeuronGroup(
            4000,
            """dv/dt = (ge + gi - (v - El)) / (20*ms) : volt (unless refractory)
            dge/dt = -ge / (5*ms) : volt
            dgi/dt = -gi / (10*ms) : volt""",
            threshold="v > -50*mV",
            reset="v = -60*mV",
            refractory=5 * b2.ms,
            method="exact",
            namespace={"El": -49 * b2.mV},
        )
        cells.v = "-60*mV + rand() * 10*mV"
        excitatory = b2.Synapses(cells[:3200], cells, on_pre="ge += 1.62*mV")
        inhibitory = b2.Synapses(cells[3200:], cells, on_pre="gi += -9*mV")
        for synapses in (excitatory, inhibitory):
            synapses.connect(p=0.02)
        return b2.Network(cells, excitatory, inhibitory, monitor := b2.SpikeMonitor(cells)), monitor

    rows = []
    b2.prefs.codegen.target = "cython"
    b2.defaultclock.dt = 0.1 * b2.ms
    network, monitor = build()
    begin = time.perf_counter()
    network.run(1 * b2.ms)
    prepared = time.perf_counter() - begin
    before = monitor.num_spikes
    taken = seconds(lambda: network.run(1 * b2.second), 3)
    rate = (monitor.num_spikes - before) / 4000 / 3
    unit = "s per model second"
    rows.append(
        row(
            "network",
            "Brian2, Cython",
            "brian2",
            taken,
            unit,
            compile_seconds=prepared - taken / 1000,
            mean_rate_hz=rate,
        )
    )
    b2.set_device("cpp_standalone", build_on_run=False)
    with tempfile.TemporaryDirectory() as folder:
        b2.defaultclock.dt = 0.1 * b2.ms
        network, monitor = build()
        network.run(1 * b2.second)
        begin = time.perf_counter()
        b2.device.build(directory=folder, compile=True, run=False)
        compiling = time.perf_counter() - begin
        loops = []
        for _ in range(3):
            b2.device.run(folder, with_output=False, run_args=[])
            loops.append(b2.device._last_run_time)
        rate = monitor.num_spikes / 4000
    taken = statistics.median(loops)
    rows.append(row("network", "Brian2, C++", "brian2", taken, unit, compile_seconds=compiling, mean_rate_hz=rate))
    return rows


def torch_training(who, package, make):
    """One Adam step of a model that maps (steps, batch, 784) to logits, plain and through torch.compile."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    inputs = (torch.rand(25, 128, 784) < 0.2).float()
    labels = torch.randint(0, 10, (128,))
    rows = []
    for compiled in (False, True):
        model = make(torch)
        optimiser = torch.optim.Adam(model.parameters(), lr=5e-4)
        forward = torch.compile(model) if compiled else model

        def once(forward=forward, optimiser=optimiser):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(forward(inputs), labels)
            loss.backward()
            optimiser.step()
            return float(loss)

        name = f"{who}, torch.compile" if compiled else who
        try:
            begin = time.perf_counter()
            once()
            first = time.perf_counter() - begin
            taken = seconds(once, 5)
        except Exception as failure:
            if not compiled:
                raise
            print(f"{name}: {type(failure).__name__}: {failure}"[:500], file=sys.stderr)
            continue
        rows.append(row("training", name, package, taken, "s per step", compile_seconds=max(first - taken, 0.0)))
    return rows


def snntorch():
    """Leaky cells stepped in Python."""
    import snntorch as snn
    from snntorch import surrogate

    def make(torch):
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                spike = surrogate.fast_sigmoid(slope=25)
                self.fc1, self.fc2 = torch.nn.Linear(784, 1000), torch.nn.Linear(1000, 10)
                self.lif1 = snn.Leaky(beta=0.95, spike_grad=spike)
                self.lif2 = snn.Leaky(beta=0.95, spike_grad=spike)

            def forward(self, inputs):
                mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
                total = 0
                for x in inputs:
                    spikes, mem1 = self.lif1(self.fc1(x), mem1)
                    spikes, mem2 = self.lif2(self.fc2(spikes), mem2)
                    total = total + spikes
                return total

        return Net()

    return torch_training("snnTorch", "snntorch", make)


def norse():
    """LIFBox cells stepped in Python; inputs scaled so that they count in full."""
    import norse.torch as nt
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract

    def make(torch):
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                p = LIFBoxParameters(
                    tau_mem_inv=torch.tensor(50.0),
                    v_leak=torch.tensor(0.0),
                    v_th=torch.tensor(1.0),
                    v_reset=torch.tensor(0.0),
                    method="super",
                    alpha=25.0,
                    reset_method=reset_subtract,
                )
                self.fc1, self.fc2 = torch.nn.Linear(784, 1000), torch.nn.Linear(1000, 10)
                self.lif1, self.lif2 = nt.LIFBoxCell(p, dt=0.001), nt.LIFBoxCell(p, dt=0.001)

            def forward(self, inputs):
                one = two = None
                total = 0
                for x in inputs:
                    spikes, one = self.lif1(20 * self.fc1(x), one)
                    spikes, two = self.lif2(20 * self.fc2(spikes), two)
                    total = total + spikes
                return total

        return Net()

    return torch_training("Norse", "norse", make)


def spikingjelly():
    """Multi-step mode: each layer over all steps at once."""
    from spikingjelly.activation_based import functional as sj
    from spikingjelly.activation_based import layer, neuron, surrogate

    def make(torch):
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                settings = {
                    "tau": 20.0,
                    "decay_input": False,
                    "v_reset": None,
                    "detach_reset": True,
                    "surrogate_function": surrogate.ATan(),
                    "step_mode": "m",
                }
                self.layers = torch.nn.Sequential(
                    layer.Linear(784, 1000, step_mode="m"),
                    neuron.LIFNode(**settings),
                    layer.Linear(1000, 10, step_mode="m"),
                    neuron.LIFNode(**settings),
                )

            def forward(self, inputs):
                sj.reset_net(self)
                return self.layers(inputs).sum(0)

        return Net()

    return torch_training("SpikingJelly", "spikingjelly", make)


def bindsnet():
    """Diehl & Cook's network of 400 cells at dt 0.5 ms: 350 ms of the image of benchmarks/spiking.py, then a reset.

    One projection learns and there is no rest between images, so it has less to do than symplast.
    """
    import torch
    from bindsnet.encoding import poisson
    from bindsnet.models import DiehlAndCook2015

    torch.set_num_threads(1)
    torch.manual_seed(0)
    pixels = np.random.default_rng(0)
    image = torch.tensor(np.where(pixels.random(784) < 0.19, 63.75 * pixels.random(784), 0), dtype=torch.float32)
    dt, time_ms = 0.5, 350
    rows = []
    for work, unit, learning in (("plasticity", "presentations/s", True), ("prediction", "images/s", False)):
        network = DiehlAndCook2015(n_inpt=784, n_neurons=400, dt=dt, norm=78.4, inpt_shape=(1, 28, 28))
        network.train(learning)

        def present(network=network):
            spikes = poisson(image, time=time_ms, dt=dt).view(-1, 1, 1, 28, 28)
            network.run(inputs={"X": spikes}, time=time_ms)
            network.reset_state_variables()

        present()
        rows.append(row(work, "BindsNET", "bindsnet", 1 / seconds(present), unit, torch=torch.__version__))
    return rows


def trains():
    """The trains of benchmarks/spiking.py."""
    generator = np.random.default_rng(0)
    return [np.unique(generator.uniform(0, 1000, 60).round(3)) for _ in range(40)]


def elephant():
    """Distance matrices by elephant."""
    import neo
    import quantities as pq
    from elephant.spike_train_dissimilarity import van_rossum_distance, victor_purpura_distance

    some = [neo.SpikeTrain(train, units="ms", t_stop=1000.0) for train in trains()]
    works = {
        "van Rossum": lambda: van_rossum_distance(some, time_constant=10 * pq.ms),
        "Victor-Purpura": lambda: victor_purpura_distance(some, cost_factor=0.1 / pq.ms),
    }
    return [row(work, "elephant", "elephant", seconds(call, 3), "s for 780 pairs") for work, call in works.items()]


def pyspike():
    """Distance matrices by PySpike, with its compiled backend where it has one."""
    import pyspike as spk

    some = [spk.SpikeTrain(train, [0.0, 1000.0]) for train in trains()]
    works = {"ISI distance": spk.isi_distance_matrix, "SPIKE distance": spk.spike_distance_matrix}
    return [
        row(work, "PySpike", "pyspike", seconds(lambda m=matrix: m(some), 3), "s for 780 pairs")
        for work, matrix in works.items()
    ]


PEERS = {p.__name__: p for p in (brian2, snntorch, norse, spikingjelly, bindsnet, elephant, pyspike)}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PEERS:
        raise SystemExit(f"usage: spiking_peers.py {'|'.join(PEERS)}")
    print(json.dumps(PEERS[sys.argv[1]]()))
