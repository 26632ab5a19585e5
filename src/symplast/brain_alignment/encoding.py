"""Brain scores: how well a model's image features predict measured responses, region by region."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from symplast.brain_alignment.ceiling import columnwise_r
from symplast.brain_alignment.regions import (
    RESAMPLES,
    RoiScore,
    check_ceiling,
    check_rois,
    resampling_weights,
    score_region,
    weighted_r,
)
from symplast.brain_alignment.result_files import write_all
from symplast.brain_alignment.ridge import (
    ALPHAS,
    CHUNK,
    contiguous_folds,
    factorise_all,
    factorise_folds,
    fit_and_predict,
    fold_r2,
)
from symplast.brain_alignment.splits import Given, KFold, Split
from symplast.stats.arguments import check_count

MANY_AT_END = 0.1
"""Share of voxels with a penalty at an end of the grid above which a warning is given."""


class PenaltyAtEnd(UserWarning):
    """The best penalty is an end of the grid: a wider grid may do better, or the voxel has nothing to predict."""


@dataclass(frozen=True, eq=False)
class EncodingResult:
    """What :meth:`BrainEncoder.fit_score` found.

    Attributes:
        voxel_r: (V,) correlation of prediction and response on test images; NaN where one is constant.
        alpha: (V,) penalty, the geometric mean over test parts.
        at_end: (V,) whether the best penalty was an end of the grid in some part.
        r_ceiling: (V,) ceiling in r units, None where none was given: the scores are raw.
        roi_table: the regions.
        overall: mean of the regions' scores.
        n_images: images used, and how many of them test in a part.
        notes: what a reader of the scores must know.
    """

    voxel_r: NDArray[np.float64]
    alpha: NDArray[np.float64]
    at_end: NDArray[np.bool_]
    r_ceiling: NDArray[np.float64] | None
    roi_table: tuple[RoiScore, ...]
    overall: float
    n_images: tuple[int, int]
    notes: tuple[str, ...] = field(default=())

    @property
    def kind(self) -> str:
        """``raw`` or ``with ceiling``."""
        return "raw" if self.r_ceiling is None else "with ceiling"

    def score(self, roi: str) -> float:
        """The raw score of a region."""
        return next(row.score for row in self.roi_table if row.roi == roi)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the voxels, as plain data."""
        rows = [dict(vars(row)) for row in self.roi_table]
        about = {"kind": self.kind, "overall": self.overall, "images": self.n_images[0]}
        shared = {"test_images": self.n_images[1], "voxels": int(self.voxel_r.size), "notes": list(self.notes)}
        return about | shared | {"rois": rows}

    def files(self) -> dict[str, bytes | str]:
        """The result as files: ``voxels.parquet``, ``rois.csv``, ``result.json`` (NaN is null) and ``rois.svg``."""
        import io

        import msgspec
        import pandas as pd

        from symplast.brain_alignment.pictures import roi_bars
        from symplast.lab.theme import render

        voxels = {"voxel": np.arange(self.voxel_r.size), "r": self.voxel_r, "alpha": self.alpha, "at_end": self.at_end}
        if self.r_ceiling is not None:
            voxels["r_ceiling"] = self.r_ceiling
        table = io.BytesIO()
        pd.DataFrame(voxels).to_parquet(table)
        return {
            "voxels.parquet": table.getvalue(),
            "rois.csv": pd.DataFrame([vars(row) for row in self.roi_table]).to_csv(index=False),
            "result.json": msgspec.json.format(msgspec.json.encode(self.to_dict()), indent=1),
            "rois.svg": render(roi_bars(self)),
        }

    def save(self, folder: str | Path) -> list[Path]:
        """Write :meth:`files` into a folder.

        Args:
            folder: made where it does not exist.

        Returns:
            The files.
        """
        return write_all(folder, self.files())


@dataclass(frozen=True)
class BrainEncoder:
    """Ridge regression from features to responses, scored on images that it was not fitted on.

    Attributes:
        alphas: grid of penalties.
        alpha: ``per_target``: each voxel its own; ``shared``: the one with the largest mean R² over voxels, as
            published.
        folds: of the inner cross-validation on training images: contiguous, not shuffled.
        standardize: divide features by their SD over training images.
        pca: keep so many principal components of the training features.
        nan: ``refuse``, or ``drop``: leave out images with a feature that is not finite or without any finite response,
            then voxels with a response that is not finite.
    """

    alphas: Sequence[float] = ALPHAS
    alpha: str = "per_target"
    folds: int = 5
    standardize: bool = True
    pca: int | None = None
    nan: str = "refuse"

    def __post_init__(self) -> None:
        grid = np.asarray(self.alphas, dtype=np.float64)
        if grid.ndim != 1 or grid.size == 0 or not (np.isfinite(grid) & (grid > 0)).all():
            raise ValueError(f"alphas must be positive penalties, got {self.alphas!r}")
        if self.alpha not in ("per_target", "shared"):
            raise ValueError(f"alpha must be 'per_target' or 'shared', got {self.alpha!r}")
        if self.nan not in ("refuse", "drop"):
            raise ValueError(f"nan must be 'refuse' or 'drop', got {self.nan!r}")
        check_count(self.folds, "folds", least=2)
        if self.pca is not None:
            check_count(self.pca, "pca")

    def fit_score(
        self,
        X: Any,
        Y: Any,
        rois: Mapping[str, Any] | None = None,
        *,
        ceiling: Any = None,
        test: Split | KFold | Given | None = None,
        groups: Any = None,
    ) -> EncodingResult:
        """Fit on training images and correlate predictions with responses on test images.

        Penalties are chosen by cross-validation inside the training images. Features are centred (and scaled, and
        projected) by training images only.

        Args:
            X: (N, P) features, one image a row.
            Y: (N, V) responses of the same images; a memory map is read in chunks of voxels.
            rois: region -> indices or mask of voxels; left out, one region of all.
            ceiling: (V,) in r units; or (images, repetitions, V) trials, from which it is estimated; or a
                :class:`NoiseCeiling`.
            test: which images test; by default 20 %, seed 42.
            groups: (N,) labels; images of one group (repeats, near-duplicates) are never in both parts, nor in both
                parts of the inner folds.

        Returns:
            Scores of voxels and regions. Voxels whose responses or predictions are constant are dropped and counted.

        Raises:
            ValueError: unequal numbers of images, values that are not finite, regions or ceilings that don't fit.

        Warns:
            PenaltyAtEnd: the best penalty is an end of the grid for more than a tenth of the voxels; the result's notes
                say for how many in any case.

        Example:
            >>> random = np.random.default_rng(0)
            >>> X = random.normal(size=(400, 20))
            >>> Y = X @ random.normal(size=(20, 30)) + 3 * random.normal(size=(400, 30))
            >>> found = BrainEncoder().fit_score(X, Y, {"V1": range(15), "V2": range(15, 30)})
            >>> found.kind, [row.n_voxels for row in found.roi_table], bool(0.6 < found.overall < 0.9)
            ('raw', [15, 15], True)
        """
        X, Y = np.asarray(X), np.asanyarray(Y)
        _check_tables(X, Y)
        notes: list[str] = []
        rows, columns = self._finite(X, Y, notes)
        V = Y.shape[1]
        regions = check_rois(rois, V)
        r_ceiling = check_ceiling(ceiling, V)
        labels = np.arange(len(X)) if groups is None else _check_groups(groups, len(X))
        X, labels = X[rows], labels[rows]
        if groups is None:
            labels = np.arange(len(X))
        precision = jnp.zeros(0).dtype  # float64 where it is enabled
        scores: list[Any] = []
        penalties: list[Any] = []
        ends: list[Any] = []
        spreads: list[Any] = []
        sizes: list[int] = []
        for part, out in enumerate((test or Split()).parts(labels)):
            if out.all() or not out.any():
                raise ValueError("test must leave images to train and to test: there are too few images or groups")
            found = self._one_part(X, Y, rows, columns, out, None if groups is None else labels, precision, part)
            for kept, value in zip((scores, penalties, ends, spreads), found, strict=True):
                kept.append(value)
            sizes.append(int(out.sum()))
        r = np.full(V, np.nan)
        alpha, at_end = np.full(V, np.nan), np.zeros(V, dtype=bool)
        r[columns] = np.mean(scores, axis=0)
        alpha[columns] = np.exp(np.mean(np.log(penalties), axis=0))
        at_end[columns] = np.any(ends, axis=0)
        at_end &= np.isfinite(r)  # no penalty is best for a constant
        resampled = np.full((RESAMPLES, V), np.nan)
        resampled[:, columns] = np.mean(spreads, axis=0)
        if at_end.any() and len(self.alphas) > 1:
            told = f"the best penalty is an end of the grid for {int(at_end.sum())} of {columns.size} voxels"
            notes.append(told)
            if at_end.sum() > MANY_AT_END * columns.size:
                warnings.warn(PenaltyAtEnd(told), stacklevel=2)
        if r_ceiling is None:
            notes.append("scores are raw: no noise ceiling was given")
        table = tuple(score_region(name, where, r, resampled, r_ceiling) for name, where in regions.items())
        notes += [f"{row.roi}: {row.skipped}" for row in table if row.skipped]
        scored = [row.score for row in table if not row.skipped]
        overall = float(np.mean(scored)) if scored else float("nan")
        return EncodingResult(r, alpha, at_end, r_ceiling, table, overall, (len(X), sizes[0]), tuple(notes))

    def _finite(self, X: Any, Y: Any, notes: list[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns that count."""
        good_rows, starts = np.isfinite(X).all(axis=1), range(0, Y.shape[1], CHUNK)
        some, every = np.zeros(len(Y), dtype=bool), np.ones(len(Y), dtype=bool)  # of an image's responses are wrong
        columns = 0
        for start in starts:
            wrong = ~np.isfinite(Y[:, start : start + CHUNK])
            some |= wrong.any(axis=1)
            every &= wrong.all(axis=1)
            columns += int(wrong.any(axis=0).sum())
        if self.nan == "refuse":
            problems = []
            if not good_rows.all():
                wrong = ~np.isfinite(X)
                problems.append(f"{wrong.any(axis=1).sum()} images and {wrong.any(axis=0).sum()} features")
            if columns:
                problems.append(f"the responses of {some.sum()} images and {columns} voxels")
            if problems:
                raise ValueError(
                    f"X and Y must be finite; NaN or infinite values are in {' and in '.join(problems)}; fill them in, "
                    "or leave these images and voxels out (nan='drop', --drop-nan)"
                )
        if not good_rows.all():
            notes.append(f"{int((~good_rows).sum())} images left out: a feature is not finite")
        if (good_rows & every).any():
            notes.append(f"{int((good_rows & every).sum())} images left out: none of their responses is finite")
        good_rows &= ~every
        bad = [start + np.flatnonzero(~np.isfinite(Y[good_rows, start : start + CHUNK]).all(axis=0)) for start in starts
               if some[good_rows].any()]  # fmt: skip
        kept = np.setdiff1d(np.arange(Y.shape[1]), np.concatenate(bad)) if bad else np.arange(Y.shape[1])
        if kept.size < Y.shape[1]:
            notes.append(f"{Y.shape[1] - kept.size} voxels left out: a response is not finite")
        if kept.size == 0 or good_rows.sum() < 4:
            raise ValueError("X and Y must leave at least 4 images and 1 voxel when what is not finite is dropped")
        return np.flatnonzero(good_rows), kept

    def _one_part(
        self, X: Any, Y: Any, rows: Any, columns: Any, out: Any, groups: Any, precision: Any, part: int
    ) -> tuple[Any, Any, Any, Any]:
        """Scores, penalties, whether these are ends of the grid, and resampled scores, of each voxel."""
        train = np.flatnonzero(~out)
        features = self._prepared(X, train)
        folds = contiguous_folds(train.size, self.folds, None if groups is None else groups[train])
        grid = np.asarray(self.alphas, dtype=np.float64)
        used = jnp.ones(train.size, precision)
        rows_, real = jnp.asarray(folds.rows), jnp.asarray(folds.real, precision)
        inner = factorise_folds(features[train], folds, precision)
        whole = factorise_all(features[train], features[out], precision)
        width = min(CHUNK, columns.size)

        def chunks() -> Iterator[tuple[slice, Any]]:
            for start in range(0, columns.size, width):
                at = columns[start : start + width]
                block = np.zeros((train.size + int(out.sum()), width), dtype=precision)
                block[: train.size, : at.size] = Y[np.ix_(rows[train], at)]
                block[train.size :, : at.size] = Y[np.ix_(rows[out], at)]
                yield slice(start, start + at.size), block

        r2 = np.empty((grid.size, columns.size))
        for place, block in chunks():
            found = fold_r2(inner, jnp.asarray(block[: train.size]), rows_, real, used, jnp.asarray(grid, precision))
            r2[:, place] = np.asarray(found)[:, : place.stop - place.start]
        best = np.full(columns.size, int(r2.mean(axis=1).argmax())) if self.alpha == "shared" else r2.argmax(axis=0)
        chosen = grid[best]
        weights = resampling_weights(int(out.sum()), None if groups is None else groups[out], part)
        r, spread = np.empty(columns.size), np.empty((RESAMPLES, columns.size))
        for place, block in chunks():
            n = place.stop - place.start
            padded = np.ones(width, dtype=precision)
            padded[:n] = chosen[place]
            predicted, _, _ = fit_and_predict(whole, jnp.asarray(block[: train.size]), used, jnp.asarray(padded))
            predicted, truth = np.asarray(predicted)[:, :n], block[train.size :, :n]
            r[place] = columnwise_r(predicted, truth)
            spread[:, place] = weighted_r(weights, predicted, truth)
        return r, chosen, (best == 0) | (best == grid.size - 1), spread

    def _prepared(self, X: NDArray[Any], train: NDArray[np.intp]) -> NDArray[Any]:
        """Features centred, scaled and projected by what the training rows say."""
        inside = X[train].astype(np.float64)
        mean, sd = inside.mean(axis=0), inside.std(axis=0)
        scale = np.where(sd > 1e-12 * np.maximum(1, np.abs(mean)), sd, np.inf) if self.standardize else 1.0
        prepared = (X - mean) / scale
        if self.pca is None:
            return prepared
        if self.pca > min(inside.shape):
            raise ValueError(
                f"pca must be at most {min(inside.shape)}, the training images or features, got {self.pca}"
            )
        _, _, axes = np.linalg.svd(prepared[train], full_matrices=False)
        return prepared @ axes[: self.pca].T


def _check_tables(X: Any, Y: Any) -> None:
    for name, values in (("X", X), ("Y", Y)):
        if values.ndim != 2 or values.dtype.kind not in "biuf":
            raise ValueError(
                f"{name} must be a table of numbers, one image a row, got {values.dtype}{list(values.shape)}"
            )
    if len(X) != len(Y):
        raise ValueError(
            f"X and Y must have equally many images, got shapes {X.shape} and {Y.shape}; match them by id: none is "
            "cut off in silence"
        )
    if 0 in X.shape or 0 in Y.shape:
        raise ValueError(f"X and Y must not be empty, got shapes {X.shape} and {Y.shape}")


def _check_groups(groups: Any, images: int) -> NDArray[Any]:
    labels = np.asarray(groups)
    if labels.shape != (images,):
        raise ValueError(f"groups must have one label an image, {images}, got shape {labels.shape}")
    return labels


def brain_scores(results: Sequence[EncodingResult]) -> dict[str, float]:
    """Scores of a model: mean over subjects and hemispheres, region by region, and ``overall``, the regions' mean.

    Args:
        results: one a subject and hemisphere.

    Returns:
        Region -> score; a region that is skipped in one result is left out there.
    """
    names = list(dict.fromkeys(row.roi for result in results for row in result.roi_table))
    found = {}
    for name in names:
        scores = [row.score for result in results for row in result.roi_table if row.roi == name and not row.skipped]
        if scores:
            found[name] = float(np.mean(scores))
    return found | {"overall": float(np.mean(list(found.values()))) if found else float("nan")}
