"""Experiments of the toy system; environment variables make them fail, die or wait."""

import os
import signal
import time

import numpy as np

from symplast.lab import Config, Evidence, Study, evidence

study = Study("toy")


@study.experiment(quick={"last": 10})
def arithmetic(config: Config, key) -> Evidence:
    """Adds and squares whole numbers."""
    if os.environ.get("TOY_FAIL"):
        raise RuntimeError("the abacus is broken")
    numbers = np.arange(1, config.last + 1)
    return evidence(total=float(numbers.sum()), squares=(("k",), numbers[:3] ** 2.0), ascending=True)


@study.experiment(quick={"seeds": 8, "tosses": 40}, full={"seeds": 32})
def coin(config: Config, key) -> Evidence:
    """Tosses a coin, a row of tosses a seed."""
    import jax

    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(np.arange(config.seeds))
    heads = jax.vmap(lambda k: jax.random.bernoulli(k, 0.5, (config.tosses,)).mean())(keys)
    return evidence(heads=(("seed",), np.asarray(heads)), zero=0.0, units={"heads": ""})


@study.experiment(quick={"seeds": 3, "seconds": 0.0})
def slow(config: Config, key) -> Evidence:
    """Waits a while, and dies once if told to."""
    mark = os.environ.get("TOY_DIE_ONCE")
    if mark and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("TOY_DIE"):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(config.seconds)
    return evidence(mean=(("seed",), np.arange(config.seeds) + 1.0))
