"""The toy system's figure."""

import xarray as xr
from matplotlib.figure import Figure

from symplast.lab.theme import mark_published, new_figure

from .study import study


@study.figure("coin", caption="Share of heads, seed by seed.", alt="Dots scattered about one half.")
def heads(ds: xr.Dataset) -> Figure:
    figure, axes = new_figure(width=5, height=2.6)
    axes.plot(ds.seed if "seed" in ds.coords else range(ds.sizes["seed"]), ds.heads, "o")
    mark_published(axes, y=0.5)
    axes.set(xlabel="seed", ylabel="share of heads")
    axes.legend()
    return figure
