"""Visual search: fixations without training, six search asymmetries, and what a network's diet does to them.

=========================================  ==================================================================
question                                   start with
=========================================  ==================================================================
where do the eyes go on my scene?          :class:`SearchModel`, :meth:`Backbone.vgg16`, :func:`lit_backbone`
displays of a classical asymmetry          :func:`array_trials`, :func:`array_trials_from_tiles`
a whole experiment with a model            :func:`run_experiment`
slopes and asymmetry of reaction times     :func:`asymmetry`, :func:`slopes`, :func:`rt`, :func:`fit_rt`
does the first map point to the target?    :func:`guidance_margin`, :func:`margins`
a network on a diet of my own              :meth:`Backbone.conv`, :func:`train_backbone`, ``diet``
a world with light from one side           :func:`lit_world`, :func:`train_lit`
scores of scanpaths                        :mod:`symplast.visual_search.scanpaths`
=========================================  ==================================================================
"""

from symplast.visual_search import diet, scanpaths
from symplast.visual_search.asymmetry import Asymmetry, Trials, asymmetry, slopes, trials_of
from symplast.visual_search.attention import enlarge, gaussian_taps, match_map, merge
from symplast.visual_search.backbone import SOURCES, Backbone, Preprocessing
from symplast.visual_search.displays import (
    EXPERIMENTS,
    ArrayExperiment,
    Displays,
    array_trials,
    array_trials_from_tiles,
    cell_labels,
)
from symplast.visual_search.experiments import (
    lit_backbone,
    lit_model,
    run_experiment,
    search_displays,
    train_lit,
    train_mirrored,
)
from symplast.visual_search.guidance import first_maps, guidance_margin, margins
from symplast.visual_search.images import grey_of, read_image
from symplast.visual_search.lit_world import lit_world, quadrant_world, sample_stream
from symplast.visual_search.pooling import EccPool, default_growth, plain_pool, stage_resolutions
from symplast.visual_search.reaction_times import Cells, FTest, RTFit, asymmetry_index, f_tests, fit_rt, rt
from symplast.visual_search.search import Rules, Search, SearchModel
from symplast.visual_search.training import Trained, accuracy, train_backbone
from symplast.visual_search.trial_files import read_regions, read_scanpaths, read_trials

__all__ = [
    "EXPERIMENTS",
    "SOURCES",
    "ArrayExperiment",
    "Asymmetry",
    "Backbone",
    "Cells",
    "Displays",
    "EccPool",
    "FTest",
    "Preprocessing",
    "RTFit",
    "Rules",
    "Search",
    "SearchModel",
    "Trained",
    "Trials",
    "accuracy",
    "array_trials",
    "array_trials_from_tiles",
    "asymmetry",
    "asymmetry_index",
    "cell_labels",
    "default_growth",
    "diet",
    "enlarge",
    "f_tests",
    "first_maps",
    "fit_rt",
    "gaussian_taps",
    "grey_of",
    "guidance_margin",
    "lit_backbone",
    "lit_model",
    "lit_world",
    "margins",
    "match_map",
    "merge",
    "plain_pool",
    "quadrant_world",
    "read_image",
    "read_regions",
    "read_scanpaths",
    "read_trials",
    "rt",
    "run_experiment",
    "sample_stream",
    "scanpaths",
    "search_displays",
    "slopes",
    "stage_resolutions",
    "train_backbone",
    "train_lit",
    "train_mirrored",
    "trials_of",
]
