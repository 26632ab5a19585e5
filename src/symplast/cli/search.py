"""``symplast search`` and ``feed``: find a system by what it is about, and what changed of it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from symplast.cli.console import err, out, print_json, styled, tell_refused, warn, write_text
from symplast.cli.naming import naming
from symplast.cli.options import Systems, check_least

if TYPE_CHECKING:
    from symplast.catalogue import Catalogue

RESULTS = typer.Option(
    None, "--results", help="Folder of the published verdicts. Default: those that came with symplast.", file_okay=False
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(search)
    app.command()(feed)


def opened(results: Path | None, **options: Any) -> "Catalogue":
    """The catalogue of all systems.

    Raises:
        ValueError: no such folder, or a damaged file in it.
    """
    from symplast.catalogue import Catalogue
    from symplast.lab.published import results_folder
    from symplast.lab.registry import rooms

    if results is not None and not results.is_dir():
        raise ValueError(f"--results must be a folder that exists, got {results}")
    tell_refused()
    catalogue = Catalogue(rooms(), results or results_folder(), **options)
    for name, reason in catalogue.left_out.items():
        warn(f"{name}: {reason}", "left out:")
    for problem in catalogue.problems:
        warn(problem)
    return catalogue


def search(
    query: Annotated[
        str, typer.Argument(help="Words, an arXiv number, a claim such as curl.C4, or an author; '' lists all.")
    ],
    topic: Annotated[str | None, typer.Option(help="Only systems with this topic.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only systems with such a verdict, e.g. refuted.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only systems with a claim of this kind, e.g. data.")] = None,
    scale: Annotated[str | None, typer.Option(help="Only verdicts of this scale: quick, full or paper.")] = None,
    year: Annotated[int | None, typer.Option(help="Only papers of this year.")] = None,
    data: Annotated[str | None, typer.Option(help="Only systems that read this data set.")] = None,
    k: Annotated[int, typer.Option(help="At most so many.")] = 10,
    embed: Annotated[
        Path | None,
        typer.Option(envvar="SYMPLAST_EMBED", help="Folder of a sentence-embedding model, as third ranker."),
    ] = None,
    results: Path | None = RESULTS,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """Find systems by what their papers and claims are about."""
    from symplast.catalogue.filters import Filter
    from symplast.catalogue.search import LONGEST

    check_least(("--k", k, 1))
    with naming("topic", "verdict", "kind", "scale", "year", "data", "embed"):
        wanted = Filter(topic=topic, verdict=verdict, kind=kind, scale=scale, year=year, data=data)
        catalogue = opened(results, check_code=False, embed=embed)
        if len(query) > LONGEST:
            warn(f"the query is cut after {LONGEST} characters")
        hits = catalogue.search(query, k, wanted)
    if as_json:
        rankers = list(catalogue.index.rankers) if query.strip() else []
        rows = [
            {
                "system": hit.slug,
                "score": hit.score if hit.score != float("inf") else None,
                "why": hit.why,
                "claims": [_claim(catalogue, hit.slug, claim) for claim in hit.claims],
                "rankers": hit.rankers,
            }
            for hit in hits
        ]
        print_json({"version": 1, "query": query[:LONGEST], "rankers": rankers, "hits": rows})
        return
    if not hits:
        err.print("nothing found; try fewer or other words")
    for hit in hits:
        card = catalogue.card(hit.slug)
        out.print(
            styled((hit.slug, "bold"), f"  {card.paper.title if not card.ours else card.system.title}"), soft_wrap=True
        )
        out.print(styled((f"  {card.headline}", "dim")), soft_wrap=True)
        if hit.why:
            out.print(f"  found by {'; '.join(hit.why)}", soft_wrap=True)
        for claim in hit.claims:
            about = _claim(catalogue, hit.slug, claim)
            out.print(f"  {claim}: {about['says']} ({about['verdict']})", soft_wrap=True)


def feed(
    systems: Systems = None,
    since: Annotated[str | None, typer.Option(help="Only events of this day and later, e.g. 2026-11-28.")] = None,
    query: Annotated[str | None, typer.Option(help="Only systems that a search finds.")] = None,
    atom: Annotated[bool, typer.Option("--atom", help="Print as an Atom feed.")] = False,
    results: Path | None = RESULTS,
    as_json: bool = typer.Option(False, "--json", help="Print as JSON."),
) -> None:
    """What changed in the published verdicts, newest first."""
    from symplast.catalogue.catalogue import EventFilter
    from symplast.catalogue.feeds import feed as as_atom
    from symplast.catalogue.feeds import headline

    if atom and as_json:
        raise ValueError("give either --atom or --json")
    first = _day(since)
    catalogue = opened(results, check_code=False)
    slugs = [catalogue.card(name).slug for name in dict.fromkeys(systems or [])]
    if query is not None:
        found = [hit.slug for hit in catalogue.search(query)]
        slugs = [slug for slug in found if not slugs or slug in slugs]
        if not slugs:
            raise ValueError(f"--query must find a system, {query[:60]!r} finds none")
    events = [e for e in catalogue.events(EventFilter(systems=slugs)) if first is None or e.time >= first]
    if atom:
        cards = {card.slug: card for card in catalogue.cards()}
        write_text(as_atom(events, "feed.atom", "", cards).decode().rstrip())
    elif as_json:
        print_json({"version": 1, "events": list(reversed(events))})
    elif events:
        write_text("\n".join(f"{event.at[:16].replace('T', ' ')}  {headline(event)}" for event in reversed(events)))
    else:
        err.print("nothing has changed" + (f" since {since}" if since else ""))


def _claim(catalogue: "Catalogue", slug: str, claim: str) -> dict[str, str]:
    row = catalogue.card(slug).row(claim)
    return (
        {"id": claim, "says": row.claim.says, "verdict": row.outcome}
        if row
        else {"id": claim, "says": "", "verdict": ""}
    )


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--since must be a day such as 2026-11-28, got {text!r}") from None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
