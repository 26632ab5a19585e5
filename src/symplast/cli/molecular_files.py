"""What the commands of ``symplast molecular`` read: networks, expression and groups of a user's own."""

import re
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from symplast.cli.console import err, tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from symplast.molecular.expression import Expression, Matched
    from symplast.molecular.network import InteractionNetwork

AS_OPTIONS = {
    r"drop_self_loops=True": "--drop-self-loops",
    r"\(ids\)": "(--ids)",
    r"\bX must": "--expression must",
    r"\blog='(\w+)'": r"--log \1",
    r"\bupdate '(\w+)'": r"--update \1",
    r"\bmin_genes = ": "--min-genes ",
    r"^fixed must": "--hold must",
    r"count fewer nodes as hubs": "give a lower --hubs",
}
"""Words of the library -> those of the command line."""


@contextmanager
def as_options() -> "Iterator[None]":
    """Errors and warnings name options, not arguments of Python."""

    def spelled(message: object) -> str:
        text = str(message)
        for words, option in AS_OPTIONS.items():
            text = re.sub(words, option, text)
        return text

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            yield
        except ValueError as error:
            raise ValueError(spelled(error)) from error
    for warning in said:
        warnings.warn(spelled(warning.message), warning.category, stacklevel=2)


def network_of(name: str, weight: str | None, min_score: float | None, drop_self_loops: bool) -> "InteractionNetwork":
    """The human network, or one from a file; what was decided is said."""
    if name == "human":
        from symplast.molecular.cohorts import human_network

        return human_network()
    from symplast.molecular.network_files import read_network

    found = read_network(Path(name), weight=weight, min_score=min_score, drop_self_loops=drop_self_loops)
    tell("; ".join([f"{Path(name).name}: {found.network.n} nodes, {found.network.n_edges} edges", *found.decided]))
    return found.network


def matched_of(
    network: str,
    expression: Path,
    log: str,
    ids: Path | None,
    weight: str | None,
    min_score: float | None,
    drop_self_loops: bool,
    layer: str | None,
    min_genes: int,
) -> "tuple[Matched, Expression]":
    """Expression on a network, and the table that it comes from; what was decided is said."""
    from symplast.molecular.expression import LOGS, match
    from symplast.molecular.expression_files import read_expression, read_ids, with_ids

    if log not in LOGS:
        raise ValueError(f"--log must be one of {', '.join(LOGS)}, got {log!r}")
    whole = network_of(network, weight, min_score, drop_self_loops)
    table = read_expression(expression, layer=layer)
    if ids is not None:
        table = with_ids(table, read_ids(ids))
    shape = f"{len(table.genes)} genes, {len(table.samples)} samples"
    tell("; ".join([f"{expression.name}: {shape}", *table.decided]))
    return match(whole, table, log=log, min_genes=min_genes), table


def labels_of(groups: str, table: "Expression", expression: Path) -> "np.ndarray":
    """A label for each sample, from a file or from a column of the table's own."""
    import numpy as np

    from symplast.molecular.expression_files import read_groups

    if groups in table.groups:
        return np.asarray(table.groups[groups]).astype(str)
    file, colon, column = groups.rpartition(":")
    if not colon or not file:
        known = ", ".join(table.groups) or "none"
        raise ValueError(
            f"--groups must read FILE:COLUMN, or be a column of {expression.name} ({known}); got {groups!r}"
        )
    return read_groups(Path(file), column, table.samples)


def first_group(labels: "np.ndarray", high: str | None) -> "np.ndarray":
    """Which samples belong to the group that is expected higher."""
    import numpy as np

    names = [str(name) for name in np.unique(labels)]
    shown = ", ".join(names[:8])
    if high is None and len(names) != 2:
        raise ValueError(f"--high must name the first group, since there are {len(names)} labels: {shown}")
    if high is not None and high not in names:
        raise ValueError(f"--high must be one of the labels ({shown}), got {high!r}")
    if high is None:
        err.print(f"{names[1]!r} is taken as the first group; --high {names[0]} turns that round", soft_wrap=True)
    first: np.ndarray = labels == (names[1] if high is None else high)
    if min(first.sum(), (~first).sum()) < 2:
        raise ValueError(
            f"--groups must leave at least 2 samples in each group, got {first.sum()} and {(~first).sum()}"
        )
    return first
