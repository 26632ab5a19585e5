"""A network raised under light from above finds the odd shaded disc; what a search costs, and how asymmetric it is.

After Gupta, Zhang, Wu, Wolfe and Kreiman, "Visual Search Asymmetry: Deep Nets and Humans Share Similar Inherent Biases"
(NeurIPS 2021), arXiv:2106.02953. Here a small network and a world of lit objects in the place of VGG16 and ImageNet.
Run: python examples/visual_search.py
"""

import jax

from symplast import visual_search as vs

# The network that comes along has only ever seen bumps, dents, discs and squares under light from above.
model = vs.lit_model(vs.lit_backbone())

# Where do its eyes go? One display of 12 shaded discs, lit from above or from the side.
for condition in ("top_down", "left_right"):
    displays = vs.array_trials("lighting", condition, set_size=12, n=1, px_per_deg=15)
    found = model.search(displays.image[0], displays.target[0], displays.regions, int(displays.target_region[0]))
    print(f"{condition}: {found.n_saccades} saccades, {float(vs.rt(found.n_saccades)):.0f} ms, "
          f"places {found.visited_regions.tolist()}")  # fmt: skip

# A small experiment: slopes, and the index with its interval and its floor mark.
table = vs.run_experiment(model, "lighting", n_per_cell=5)
result = vs.asymmetry(table, harder="left_right", easier="top_down", boot=500)
for name, slope in result.slopes.items():
    print(f"{name}: {slope.value:.1f} [{slope.low:.1f}, {slope.high:.1f}] ms per item")
print(f"index {result.ai:.2f} [{result.ci[0]:.2f}, {result.ci[1]:.2f}], slope at floor: {result.floor}; "
      f"set size x condition p = {result.interaction.p:.2g}")  # fmt: skip

# How well does the first attention map point to the target? No search, no floor.
untrained = vs.lit_model(vs.Backbone.conv(key=jax.random.key(0)))
for name, one in (("light from above", model), ("untrained", untrained)):
    top, left = (
        vs.margins(one, vs.array_trials("lighting", c, 12, 8, seed=1, px_per_deg=15)).mean(axis=1)
        for c in ("top_down", "left_right")
    )
    print(f"{name}: margin top-down minus left-right {top[0] - left[0]:+.2f} (dot), {top[1] - left[1]:+.2f} (cosine)")
