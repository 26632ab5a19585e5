"""How fast a saccade is, on one core.

Work: one saccade of a VGG16 (random weights) with a window of 352 px around an image of 112 px, whole and with the
footprint; one eccentric pool of 340 px and 256 channels; whole lighting searches with the small network (15 px per
degree).
Peers: the reference's way in TensorFlow (benchmarks/visual_search_peer.py, run by another Python with --peer): the
whole window, a pool a ring, masked and added, features only; and the same pool in JAX. Each is timed several times;
medians of CPU time count, compile time apart.
Targets: at least 2x the TensorFlow peer per saccade; the pool at least 10x the masks; at most 60 ms a saccade of the
small search.
Run: python benchmarks/visual_search.py --peer PYTHON_WITH_TENSORFLOW  (writes benchmarks/results/visual_search.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from measuring import RESULTS, against, write

from symplast.lab.jax_setup import CompileClock
from symplast.visual_search import Backbone, EccPool, SearchModel, array_trials, lit_backbone, lit_model
from symplast.visual_search.pooling import _regions
from symplast.visual_search.saccades import blank_window, features_of_target, window_attention

REPEATS = 5
VGG_PX, IMAGE_PX = 352, 112
LIMIT_MS = 60


def timed(call: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, float]:
    """Median CPU seconds of a call, and of compiling before."""
    with CompileClock() as clock:
        jax.block_until_ready(call())
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        jax.block_until_ready(call())
        taken.append(time.process_time() - begin)
    return float(np.median(taken)), clock.seconds


def vgg_rows(peer: str | None) -> list[dict[str, Any]]:
    """One saccade of a VGG16 at a window of 352 px."""
    net = Backbone.conv((64, 128, 256, 512, 512), 2, in_channels=3, key=jax.random.key(0))
    draw = np.random.default_rng(0)
    third = []
    for c in (256, 512, 512):
        kernel = draw.standard_normal((3, 3, c, c)) * np.sqrt(2 / (9 * c))
        third.append((jnp.asarray(kernel, jnp.float32), jnp.zeros(c)))
    blocks = tuple((*block, third[i - 2]) if i > 1 else block for i, block in enumerate(net.blocks))
    net = Backbone(blocks, None, net.preprocessing)
    R = VGG_PX // 2
    model = SearchModel(net, background=27)  # its margin of 64 px makes the window
    image = draw.uniform(0, 255, (IMAGE_PX, IMAGE_PX, 1))
    canvas = jnp.asarray(np.pad(image, ((R, R), (R, R), (0, 0)), constant_values=27), jnp.float32)
    targets = features_of_target(model, jnp.asarray(draw.uniform(0, 255, (31, 31, 1)), jnp.float32))
    blank = blank_window(model, R)
    gaze = jnp.array([56, 56], jnp.int32)
    step = jax.jit(lambda gaze, blank: window_attention(model, R, canvas, gaze, targets, blank, (IMAGE_PX, IMAGE_PX)))
    whole, compile_whole = timed(lambda: step(gaze, None))
    fast, compile_fast = timed(lambda: step(gaze, blank))
    off = float(jnp.abs(step(gaze, None) - step(gaze, blank)).max() / step(gaze, None).max())
    rows = [
        against(
            "saccade of VGG16, by its footprint",
            "the whole window",
            whole / fast,
            seconds=fast,
            whole_seconds=whole,
            compile_seconds=compile_whole + compile_fast,
            difference=off,
        )
    ]
    if peer is not None:
        script = Path(__file__).with_name("visual_search_peer.py")
        said = subprocess.run([peer, str(script)], capture_output=True, text=True, check=True).stdout
        found = json.loads(said.strip().splitlines()[-1])
        other = float(np.median(found["seconds"]))
        name = f"the reference's way in TensorFlow {found['tensorflow']}"
        rows.append(against("saccade of VGG16", name, other / fast, target=2, seconds=fast, peer_seconds=other))
    return rows


def pool_row() -> dict[str, Any]:
    """An eccentric pool by distinct windows, over one pool a ring."""
    side, channels, pool = 340, 256, EccPool(8, 0.07)
    x = jnp.asarray(np.random.default_rng(0).standard_normal((side, side, channels)), jnp.float32)
    regions = [(window, jnp.asarray(inside)) for _, window, inside in _regions(pool._setting(), side)]

    def add(x: Any, r: int) -> Any:
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, (r, r, 1), (2, 2, 1), "SAME")

    def masks(x: Any, ones: Any) -> Any:
        total = 0.0
        for window, inside in regions:
            total = total + add(x, window) / add(ones, window) * inside[..., None]
        return total

    ones = jnp.ones((side, side, 1))  # an argument: counting it while compiling would take half a minute
    ours, theirs = jax.jit(pool.__call__), jax.jit(masks)
    assert float(jnp.abs(ours(x) - theirs(x, ones)).max()) < 1e-5
    own, compiling = timed(lambda: ours(x))
    other, _ = timed(lambda: theirs(x, ones), 2)
    times = {"seconds": own, "peer_seconds": other, "compile_seconds": compiling}
    return against("eccentric pool", "a pool a ring", other / own, target=10, rings=len(regions), **times)


def small_row() -> dict[str, Any]:
    """Whole lighting searches with the network of the lit world."""
    model = lit_model(lit_backbone())
    displays = array_trials("lighting", "left_right", 12, 20, 0, 15)
    given = (list(displays.image), list(displays.target), displays.regions, displays.target_region.tolist())
    with CompileClock() as clock:
        made = sum(found.n_saccades for found in model.search_batch(*given))
    begin = time.process_time()
    model.search_batch(*given)
    value = 1000 * (time.process_time() - begin) / made
    return {"what": "saccade of the lighting search, small network", "value": value, "unit": "ms", "saccades": made,
            "compile_seconds": clock.seconds, "target": LIMIT_MS, "met": value <= LIMIT_MS}  # fmt: skip


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Time saccades of the visual search.")
    parser.add_argument("--peer", help="Python with TensorFlow; without it that row is left out")
    parser.add_argument("--out", type=Path, default=RESULTS / "visual_search.json")
    given = parser.parse_args()
    rows = [small_row(), pool_row(), *vgg_rows(given.peer)]
    write("visual_search", rows, out=given.out, clock="CPU time", note="a busy machine: read ratios")


if __name__ == "__main__":
    main()
