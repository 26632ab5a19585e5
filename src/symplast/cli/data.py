"""``symplast data``: which data sets there are, where they are, and fetching them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import err, out, print_json, styled, warn
from symplast.cli.options import AS_JSON

if TYPE_CHECKING:
    from types import TracebackType

app = typer.Typer(help="Data sets: what there is, where it is, fetch it.", no_args_is_help=True)


@app.command("list")
def list_datasets(as_json: bool = AS_JSON) -> None:
    """List the data sets: where each would come from, its size and licence, and whether it is whole."""
    from symplast import datasets

    rows = [_record(name) for name in datasets.names()]
    if as_json:
        print_json(rows)
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in ("name", "what it is", "from", "size", "state", "licence"):
        table.add_column(column, overflow="fold", no_wrap=column != "what it is")
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB" if row["bytes"] else "-"
        table.add_row(row["name"], row["title"], row["source"], size, row["state"], row["licence"])
    out.print(table)
    for row in rows:
        if row["state"] == "damaged":
            warn(row["problem"], f"{row['name']}:")


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Data sets, see 'symplast data list'.")],
    as_json: bool = AS_JSON,
) -> None:
    """Download data sets into the cache, unless they are here already.

    Exit code 1 when one of them could not be fetched; the others are fetched all the same.
    """
    from symplast import datasets

    for name in names:
        datasets.describe(name)  # a wrong name stops before the first download
    rows, failed = [], False
    for name in names:
        try:
            with _DownloadBar(name) as progress:
                place = datasets.folder(name, progress=progress, ask_again=True)
        except (datasets.DatasetUnavailable, datasets.DataError) as error:
            failed = True
            err.print(styled(("error:", "bold red"), f" {error}"), soft_wrap=True)
        else:
            if not as_json:
                out.print(f"{name}: {place}", markup=False, soft_wrap=True, highlight=False)
        rows.append(_record(name))
    if as_json:
        print_json(rows)
    if failed:
        raise typer.Exit(1)


@app.command()
def where(
    name: Annotated[str, typer.Argument(help="A data set, see 'symplast data list'.")], as_json: bool = AS_JSON
) -> None:
    """Print the folder of a data set whose files are here and whole."""
    from symplast import datasets

    place = datasets.folder(name, download=False)
    if as_json:
        print_json(_record(name))
    else:
        out.print(str(place), markup=False, soft_wrap=True, highlight=False)


def _record(name: str) -> dict[str, Any]:
    """What ``--json`` prints of a data set."""
    from symplast import datasets

    info, place = datasets.describe(name), datasets.locate(name)
    state, problem = datasets.check(name)
    return {
        "name": name,
        "title": info.title,
        "source": place.source,
        "folder": str(place.folder or ""),
        "bytes": info.size,
        "files": [{"name": file.name, "bytes": file.size, "sha256": file.sha256} for file in info.files],
        "licence": info.licence,
        "terms": info.terms,
        "citation": info.citation,
        "home": info.home,
        "state": state,
        "problem": problem,
    }


class _DownloadBar:
    """A rich progress bar with the methods that pooch calls; one bar for one file after another."""

    def __init__(self, name: str):
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn(name),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task = self._bar.add_task(name, total=None)

    def __enter__(self) -> "_DownloadBar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: "type[BaseException] | None", error: "BaseException | None", at: "TracebackType | None"
    ) -> None:
        self._bar.stop()

    @property
    def total(self) -> float:
        return self._bar.tasks[0].total or 0.0

    @total.setter
    def total(self, size: float) -> None:
        self._bar.update(self._task, total=size, completed=0)

    def update(self, done: int) -> None:
        self._bar.update(self._task, advance=done)

    def reset(self) -> None:
        self._bar.update(self._task, completed=0)

    def close(self) -> None:
        pass
