"""Design a segment for a million patterns, test it by sampling, and look at real vectors.

Ahmad and Hawkins, "How do neurons operate on sparse distributed representations?" (2016), arXiv:1601.00720.
Run: python examples/dendrites.py
"""

import jax
import numpy as np

from symplast.dendrites import DendriticSegment, SegmentBank, design, estimate_from_data, simulate, union_fp

# A code of 2048 cells, 40 of them active; 1000 patterns; a fifth of the active cells may be wrong.
choice = design(n=2048, a=40, patterns=1000, fp_max=1e-4, noise=0.2, fn_max=1e-4)
print(f"design: s = {choice.s} synapses, threshold {choice.theta}; verified exactly: {choice.certificate.holds}")
print(f"  false positives over all patterns {choice.fp:.2g}, misses {choice.fn:.2g}")
print(f"  other good designs:\n{choice.pareto.head(4).to_string(index=False)}")

# Does the formula hold? Sample segments where errors are common enough to see.
loose = DendriticSegment(n=2048, a=40, s=choice.s, theta=2)
print(f"sampled, threshold 2: {simulate(loose, 'fp', trials=1_000_000, key=jax.random.key(0))}")
print(f"sampled misses:       {simulate(loose, 'fn', trials=1_000_000, key=jax.random.key(1), v=32)}")

# Real vectors: store 1000 patterns, show corrupted copies and strangers.
generator = np.random.default_rng(0)
patterns = generator.random((1000, 2048)).argsort(axis=1) < 40
bank = SegmentBank.from_patterns(patterns, s=choice.s, key=jax.random.key(2))
corrupted = patterns.copy()
for row in corrupted:
    lost, gained = (generator.permutation(np.flatnonzero(cells))[:8] for cells in (row, ~row))
    row[lost], row[gained] = False, True
strangers = generator.random((1000, 2048)).argsort(axis=1) < 40
recognised = np.diag(np.asarray(bank.fires(corrupted, choice.theta))).mean()
print(f"corrupted copies recognised: {recognised:.1%}; strangers taken for one of the patterns: ", end="")
print(f"{np.asarray(bank.fires(strangers, choice.theta)).any(axis=1).mean():.1%}")

# Several patterns on one segment, and is the code random enough for the theory?
segment = DendriticSegment(n=2048, a=40, s=choice.s, theta=choice.theta)
print("false positives with 1, 2, 4 patterns on a segment:", [f"{p:.1e}" for p in union_fp(segment, M=[1, 2, 4])])
print(f"correlated code: {estimate_from_data(patterns).correlated}")
