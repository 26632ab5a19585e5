"""The authors' networks, from the data set ``modular-addition``."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from symplast.grokking.network import TwoLayerNet

ACTIVATION = {"quad_sgd": "square", "relu_adamw": "relu", "relu_grok": "relu"}
"""Runs and their activations."""


def authors_arrays() -> Mapping[str, Float[np.ndarray, "..."]]:
    """All arrays of the data set, by the names of its file.

    Raises:
        DatasetUnavailable: it is not here; says how to get it.
    """
    from symplast import datasets

    return datasets.load("modular-addition")


def authors_networks() -> dict[str, TwoLayerNet]:
    """``run/step`` -> network, such as ``relu_grok/10400``; weights (512, 23), ``relu_grok/50000`` is its final one.

    Raises:
        DatasetUnavailable: the data set is not here; says how to get it.
    """
    arrays = authors_arrays()
    networks = {}
    for name in arrays:
        if name.endswith("/theta"):
            place = name.removesuffix("/theta")
            run = place.split("/")[0]
            networks[place] = TwoLayerNet(arrays[name], arrays[f"{place}/xi"].T, ACTIVATION[run])
    networks["relu_grok/50000"] = networks["relu_grok/final"]
    return networks
