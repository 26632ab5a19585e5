"""Networks that several files of tests look at, trained once."""

import jax
import pytest

from symplast import datasets
from symplast.grokking import ModularTask, Optimizer, init_random, train


@pytest.fixture(scope="session")
def small_run():
    """x^2 at p = 7, all pairs, trained until all are right."""
    net = init_random(7, 64, jax.random.key(3), "square")
    return train(net, ModularTask(7), Optimizer("adamw", 1e-3), 300, 50)


@pytest.fixture(scope="session")
def checkpoints():
    """The authors' networks, where the data set is there."""
    if not datasets.available("modular-addition"):
        pytest.skip("needs the data set modular-addition")
    from symplast.grokking.checkpoints import authors_networks

    return authors_networks()


@pytest.fixture(scope="session")
def curves():
    """The authors' arrays."""
    if not datasets.available("modular-addition"):
        pytest.skip("needs the data set modular-addition")
    from symplast.grokking.checkpoints import authors_arrays

    return authors_arrays()
