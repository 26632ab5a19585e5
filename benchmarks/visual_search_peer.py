"""The reference's way of a saccade in TensorFlow, run by another Python: VGG16 on the whole window, rings by masks.

Usage: PYTHON benchmarks/visual_search_peer.py. The last line printed is JSON. Imports nothing of symplast. Written
from the description of github.com/kreimanlab/VisualSearchAsymmetry (TensorFlow 2.3): each eccentric pool averages the
whole map once a ring, multiplies by the ring's mask and adds. Random weights.
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import json
import time

import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

SIDE = 352
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
DEGREES = (30, 15, 8, 4, 2)
GROWTH = (0.0, 0.0, 0.07, 0.16, 0.32)


def rings(side, d, growth):
    """(window, mask) of each ring."""
    o = (side + 1) // 2
    at = np.arange(o) - o // 2
    squared = at[:, None] ** 2 + at**2
    first, width = round(2 * d), round(d / 2)
    if first > o / 2 or growth == 0:
        return [(2, np.ones((o, o), bool))]
    found, radius = [(2, squared < first**2)], first + width
    while radius < o / 2:
        window = 2 + round(growth * (2 * radius - 4 * d))
        found.append((window, ((radius - width) ** 2 <= squared) & (squared < radius**2)))
        radius += width
    window = 2 + round(growth * (2 * radius - 4 * d))
    return [*found, (window, squared >= (radius - width) ** 2)]


def model():
    """A function from a window to the features of the last three blocks, and the target's features."""
    draw, weights, before = np.random.default_rng(0), [], 3
    for width, convs in BLOCKS:
        block = []
        for _ in range(convs):
            kernel = draw.standard_normal((3, 3, before, width)) * np.sqrt(2 / (9 * before))
            block.append((tf.constant(kernel, tf.float32), tf.zeros(width)))
            before = width
        weights.append(block)

    def features(x):
        found = []
        for number, (block, d, growth) in enumerate(zip(weights, DEGREES, GROWTH, strict=True), 1):
            for kernel, bias in block:
                x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
            if number > 2:
                found.append(x)
            if number < 5:
                pooled = 0.0
                for window, mask in rings(x.shape[1], d, growth):
                    pooled += tf.nn.avg_pool2d(x, window, 2, "SAME") * mask[None, ..., None].astype(np.float32)
                x = pooled
        return found

    return tf.function(features)


def main():
    """Time saccades."""
    features = model()
    x = tf.constant(np.random.default_rng(1).uniform(-100, 100, (1, SIDE, SIDE, 3)), tf.float32)
    features(x)
    taken = []
    for _ in range(5):
        begin = time.process_time()
        [part.numpy() for part in features(x)]
        taken.append(time.process_time() - begin)
    print(json.dumps({"tensorflow": tf.__version__, "seconds": taken}))


if __name__ == "__main__":
    main()
