"""Compose learning rules: credit by equilibrium propagation, flipped by curl plasticity, held by memory devices.

Every rule with every transform on 600 of the built-in digits, three paired seeds; prints scores with 95 % intervals.
"""

import tempfile

from symplast.learning.combination import Combination
from symplast.learning.comparison import compare

shared = Combination(
    "backprop",
    task="digits:train=600,test=300",
    hidden=(32,),
    epochs=4,
    batch_size=20,
    tests_per_epoch=1,
    optimiser="adam:learning_rate=0.005",
)

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as store:
        found = compare(
            ["backprop", "ep:homeostasis=1"],
            ["curl:fraction=0.1+norm", "device:levels=64,nonlinearity=2"],
            shared,
            seeds=3,
            store=store,
        )
    for row in found.table.to_dict("records"):
        half = row["score_high"] - row["score"]
        gap = f"{row['difference']:+.3f} [{row['difference_low']:+.3f}, {row['difference_high']:+.3f}]"
        print(f"{row['rule']:17} {row['transform']:32} {row['score']:.3f} ± {half:.3f}  to the first: {gap}")
