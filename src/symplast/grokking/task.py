"""Modular arithmetic as a task: all p^2 pairs, which are learned, and what the others have in common with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast, get_args

import numpy as np
from jaxtyping import Bool, Float, Int, Key

from symplast.grokking.arguments import check_modulus
from symplast.stats.arguments import Real, plain

Op = Literal["add", "x2xyy2", "sub"]

GROUPS = ("train", "test", "common", "rare", "mirrored", "unseen")
"""Subsets of the ordered pairs (:class:`ModularTask`)."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Pairs as they are computed, each with how often it counts in a group.

    Attributes:
        x, y: the two numbers.
        label: the answer.
        counts: group -> how many ordered pairs of it each row stands for. Empty groups are absent.
    """

    x: Int[np.ndarray, " rows"]
    y: Int[np.ndarray, " rows"]
    label: Int[np.ndarray, " rows"]
    counts: Mapping[str, Int[np.ndarray, " rows"]]

    def mean(self, group: str, values: Float[np.ndarray, " rows"]) -> float:
        """Mean of the rows' values over the ordered pairs of a group; exact for whole numbers."""
        return float(self.counts[group] @ values / self.counts[group].sum())


class ModularTask:
    """``label(x, y)`` mod p for all ordered pairs, divided at random into training and test pairs.

    A network whose two inputs share their weights answers (x, y) and (y, x) alike. So a test pair whose mirror image is
    learned is not really unseen:

    ============ ====================================================
    ``common``   training pairs learned in both orders, or with x = y
    ``rare``     training pairs learned in one order only
    ``mirrored`` test pairs whose mirror image is learned
    ``unseen``   all other test pairs
    ============ ====================================================

    Attributes:
        p: the modulus, odd; composite moduli are allowed (a frequency k and p may then share a factor).
        op: ``add`` (x + y), ``x2xyy2`` (x^2 + xy + y^2) or ``sub`` (x - y, which needs untied inputs).
        train: [x, y] whether a pair is learned.

    Example:
        >>> import jax
        >>> task = ModularTask(23, frac_train=0.75, key=jax.random.key(0))
        >>> len(task.train_pairs), len(task.test_pairs), task.labels[20, 5]
        (396, 133, np.int64(2))
        >>> 0.5 < task.mirrored_share < 0.9  # 0.717 expected
        True
    """

    p: int
    op: Op
    train: Bool[np.ndarray, "p p"]

    def __init__(
        self,
        p: Real,
        op: str = "add",
        frac_train: Real = 1.0,
        key: Key[Any, ""] | None = None,
        train_pairs: Any = None,
    ):
        """Divide the pairs.

        Args:
            p: odd modulus, at least 3.
            op: the operation.
            frac_train: share of the ordered pairs to learn, in (0, 1]; with 1 there is no test.
            key: random key of the division.
            train_pairs: (n, 2) the pairs to learn, instead of ``frac_train`` and ``key``.

        Raises:
            ValueError: an even or small p, an unknown operation, a fraction outside (0, 1] or one that leaves no pair
                to learn, a division without key, or pairs that repeat or are not numbers mod p.
        """
        self.p = check_modulus(p)
        if op not in get_args(Op):
            raise ValueError(f"op must be one of {', '.join(get_args(Op))}; got {op!r}")
        self.op = cast(Op, op)
        self.train = np.zeros((self.p, self.p), dtype=bool)
        pairs = self._drawn(frac_train, key) if train_pairs is None else self._checked(train_pairs)
        self.train[tuple(pairs.T)] = True

    def _drawn(self, frac_train: Any, key: Any) -> np.ndarray:
        fraction = np.asarray(plain(frac_train, "frac_train"))
        if fraction.ndim or fraction.dtype.kind not in "iuf" or not 0 < fraction <= 1:
            raise ValueError(f"frac_train must be a number in (0, 1], got {frac_train!r}")
        count = int(float(fraction) * self.p**2)
        if count < 1:
            raise ValueError(f"frac_train must leave a pair to learn: {frac_train} of {self.p**2} pairs is less than 1")
        order = np.arange(self.p**2)
        if count < self.p**2:
            if key is None:
                raise ValueError("key must be given: a frac_train below 1 divides the pairs at random")
            import jax

            order = np.asarray(jax.random.permutation(key, self.p**2))
        return np.stack(np.divmod(order[:count], self.p), axis=1)

    def _checked(self, train_pairs: Any) -> np.ndarray:
        pairs = np.asarray(plain(train_pairs, "train_pairs"))
        if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu" or not len(pairs):
            raise ValueError(f"train_pairs must be (n, 2) whole numbers, got {pairs.dtype}{list(pairs.shape)}")
        if pairs.min() < 0 or pairs.max() >= self.p:
            raise ValueError(f"train_pairs must lie in [0, p - 1 = {self.p - 1}], got {pairs.min()} to {pairs.max()}")
        if len(np.unique(pairs, axis=0)) < len(pairs):
            raise ValueError("train_pairs must not hold a pair twice")
        return pairs.astype(int)

    @cached_property
    def labels(self) -> Int[np.ndarray, "p p"]:
        """The answers, [x, y]."""
        x, y = np.mgrid[: self.p, : self.p]
        values = {"add": x + y, "sub": x - y, "x2xyy2": x * x + x * y + y * y}
        return values[self.op] % self.p

    @property
    def symmetric(self) -> bool:
        """Whether (x, y) and (y, x) have the same answer."""
        return self.op != "sub"

    def mask(self, group: str) -> Bool[np.ndarray, "p p"]:
        """Which ordered pairs belong to a group.

        Raises:
            ValueError: no such group.

        Example:
            >>> ModularTask(3).mask("common").all(), ModularTask(3).mask("test").any()
            (np.True_, np.False_)
        """
        if group not in GROUPS:
            raise ValueError(f"group must be one of {', '.join(GROUPS)}; got {group!r}")
        train, mirror = self.train, self.train.T
        masks = {"train": train, "common": train & mirror, "rare": train & ~mirror}
        return masks[group] if group in masks else ~train & {"test": True, "mirrored": mirror, "unseen": ~mirror}[group]

    @property
    def train_pairs(self) -> Int[np.ndarray, "n 2"]:
        """The pairs to learn."""
        return np.argwhere(self.train)

    @property
    def test_pairs(self) -> Int[np.ndarray, "n 2"]:
        """All others; may be empty."""
        return np.argwhere(~self.train)

    @property
    def mirrored_share(self) -> float | None:
        """Share of the test pairs whose mirror image is learned; None without test pairs.

        Its expectation over divisions is ``frac_train (1 - 1/p)``.
        """
        tests = self.mask("test").sum()
        return float(self.mask("mirrored").sum() / tests) if tests else None

    def rows(self, tied: bool = True) -> Rows:
        """The pairs to compute: p (p + 1) / 2 unordered ones for a network with tied inputs, else all p^2.

        Raises:
            ValueError: tied inputs for an operation that is not symmetric.
        """
        if tied and not self.symmetric:
            raise ValueError(
                "op 'sub' needs untied inputs: a network with tied inputs answers (x, y) and (y, x) alike, so at most "
                f"{(self.p + 1) / (2 * self.p):.3g} of its answers can be right; use init_random(..., tied=False)"
            )
        x, y = np.nonzero(np.triu(np.ones_like(self.train)) if tied else np.ones_like(self.train))
        counts = {}
        for group in GROUPS:
            orders = self.mask(group).astype(int)
            if orders.any():
                counts[group] = orders[x, y] + (orders[y, x] * (x != y) if tied else 0)
        return Rows(x, y, self.labels[x, y], counts)
