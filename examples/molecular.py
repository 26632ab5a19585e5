"""How plastic cells are, by signalling entropy, and which drug strategy cures a learning network.

After Gyurko et al., "Adaptation and learning of molecular networks as a description of cancer development at the
systems-level" (2013), arXiv:1306.3371. Generated data stand for measured ones. Run: python examples/molecular.py
"""

import jax
import numpy as np

from symplast.molecular import (
    BooleanNetwork,
    InteractionNetwork,
    compare_groups,
    compare_strategies,
    differential_entropy,
    find_attractors,
    modular_scale_free,
    null_test,
    signalling_entropy,
)

# An interaction network and expression of 40 cells: put yours here (InteractionNetwork.from_edges, a DataFrame).
graph = modular_scale_free(480, key=jax.random.key(0))
network, _ = InteractionNetwork.from_adjacency(graph.adjacency).largest_component()
rng = np.random.default_rng(0)
x = 2 + rng.random((network.n, 40))
stem = np.arange(40) < 20
hubs = np.argsort(-network.degree)[:20]
x[np.ix_(hubs, np.flatnonzero(stem))] *= 2  # stem cells express hubs more

result = signalling_entropy(network, x, local=True, min_genes=0)
found = compare_groups(result.sr, stem)
print(f"entropy rate: {found.means[0]:.4f} against {found.means[1]:.4f}, AUC {found.auc:.2f}, {found.difference}")
test = null_test(network, x, stem, n=100, min_genes=0)
print(
    f"with the genes moved over the network: AUC {test.null_aucs.mean():.2f}; due to their places {test.network_share}"
)
table = differential_entropy(result, stem, n=1000)
print(f"{(table.fdr < 0.05).sum()} of {len(table)} genes differ; the first: {', '.join(table.gene[:5])}")

# A Boolean model: its attractors, and what a drug that holds a node does.
model = BooleanNetwork.from_text("growth, !arrest & growth\narrest, damage & !growth\ndamage, damage\n")
for name, each in (("as it is", model), ("growth held off", model.hold({"growth": 0}))):
    landscape = find_attractors(each)
    print(f"{name}: {len(landscape.attractors)} attractors, basin entropy {landscape.basin_entropy:.2f} nats")

# Hubs, their neighbours, or random nodes? At equal numbers of targets, rigid (T = 0.35) and plastic (T = 0.65).
strategies = compare_strategies(lambda key: modular_scale_free(key=key), [0.35, 0.65], [12, 36], draws=8)
for row in strategies.table().itertuples():
    print(f"  T = {row.T:g}, {row.drug:13s} targets: cures {row.cured} of {row.networks} networks")
