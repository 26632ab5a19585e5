"""The real data behind the claims: a human interaction network, stem cells, three tumours, eight Boolean models."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from symplast import datasets
from symplast.molecular.boolean import BooleanNetwork
from symplast.molecular.expression import Expression, Matched, match
from symplast.molecular.network import InteractionNetwork

DATA = "molecular-networks"
TISSUES = ("chol", "kich", "read")
SETS = ("chu", *TISSUES)
FILES = {"chu": "chu_hesc_ec.npz", **{name: f"tcga_{name}.npz" for name in TISSUES}}
PATIENT = 12
"""Letters of a barcode that name the patient."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Samples of two groups with their expression on the network.

    Attributes:
        name: chu, chol, kich or read.
        matched: expression and the network that it measures.
        high: (C,) the samples that are expected more plastic: stem cells, tumours.
        patient: (C,) whose sample it is; empty for cells.
        published: (C,) entropy rates of the released package, NaN where there is none; empty for tumours.
    """

    name: str
    matched: Matched
    high: np.ndarray
    patient: np.ndarray
    published: np.ndarray


@cache
def human_network() -> InteractionNetwork:
    """Pathway Commons of June 2012: 8434 proteins, 303 600 interactions."""
    return InteractionNetwork.from_npz(datasets.folder(DATA) / "ppi_pathwaycommons_2012.npz")


@cache
def cohort(name: str) -> Cohort:
    """One of the four data sets, on the largest measured component of the human network."""
    from symplast.datasets.arrays import EVERY, read_npz

    arrays = read_npz(datasets.folder(DATA) / FILES[name], {"entrez": "names", "log2expr": "(genes, samples)"}, EVERY)
    genes = [str(gene) for gene in arrays["entrez"]]
    high = arrays["is_tumour"] if name in TISSUES else arrays["label"] == "hESC"
    patients: Any = [str(code)[:PATIENT] for code in arrays.get("barcode", ())]
    names = [str(code) for code in arrays["barcode"]] if patients else [f"cell {i}" for i in range(len(high))]
    table = Expression.of(arrays["log2expr"], genes, names)
    published = arrays.get("sr_published", np.empty(0))
    return Cohort(name, match(human_network(), table, log="none"), high, np.array(patients), published)


MODELS = {
    "cell cycle": "faure_cellcycle",
    "WNT5A": "xiao_wnt5a",
    "apoptosis": "tournier_apoptosis",
    "cell fate": "calzone_cellfate",
    "MAPK": "grieco_mapk",
    "bladder cancer": "remy_tumorigenesis",
    "EMT": "selvaggio_emt",
    "T-LGL": "zhang_tlgl_v2",
}
"""What a Boolean model is of -> its file without .bnet."""


def boolean_model(name: str) -> BooleanNetwork:
    """One of :data:`MODELS`."""
    return BooleanNetwork.from_bnet(datasets.folder(DATA) / f"{MODELS[name]}.bnet")
