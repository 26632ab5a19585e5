"""What the pages say, as JSON: the rows are those of ``symplast reproduce --json``."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

import symplast
from symplast.catalogue.cards import Card, Row
from symplast.lab.events import Event
from symplast.lab.provenance import code_commit


def papers_json(cards: Sequence[Card]) -> bytes:
    """All systems, each with its headline and the verdict on every claim."""
    return _encoded({"version": 1, **_made_by(), "papers": [paper_row(card) for card in cards]})


def paper_row(card: Card) -> dict[str, Any]:
    """A system as ``papers.json`` lists it."""
    paper = card.paper
    about = {
        "title": paper.title,
        "authors": len(paper.authors),
        "date": paper.day,
        "arxiv": paper.arxiv,
        "url": paper.url,
        "citation": paper.citation,
    }
    return {
        "system": card.slug,
        "title": card.system.title + card.system.qualifier,
        "summary": card.system.summary,
        "topics": card.system.topics,
        "data": card.system.data,
        "reconstruction": card.system.reconstruction,
        "paper": about,
        "scale": card.scale,
        "published": card.date or None,
        "counts": card.counts,
        "stale": card.stale,
        "stand_ins": card.stand_ins,
        "claims": [{"id": row.id, "verdict": row.outcome, "stale": row.stale} for row in card.rows],
    }


def system_json(card: Card) -> bytes:
    """A system's claims as ``symplast reproduce --json`` has them, with the runs behind them."""
    runs = card.published.runs if card.published else []
    about = {
        "version": 1,
        **_made_by(),
        "scale": card.scale,
        "published": card.date or None,
        "systems": [card.slug],
        "paper": card.paper,
        "runs": [
            {
                "id": f"{card.slug}.{run.experiment}",
                "experiment": run.experiment,
                "seeds": run.config.get("seeds"),
                "compile_s": run.compile_s,
                "run_s": run.run_s,
                "cpu_s": run.cpu_s,
                "status": "done",
                "provenance": run.provenance,
            }
            for run in runs
        ],
        "claims": [claim_json(row) for row in card.rows],
    }
    return _encoded(about)


def claim_json(row: Row) -> Mapping[str, Any]:
    """The published row of a claim; ``stale`` where it is."""
    return {**row.row, "stale": True} if row.stale else row.row


def events_json(events: Sequence[Event]) -> bytes:
    """All events, newest first."""
    return _encoded({"version": 1, **_made_by(), "events": list(reversed(events))})


def _made_by() -> dict[str, Any]:
    commit, dirty = code_commit()
    return {"symplast": symplast.__version__, "commit": commit, "uncommitted_changes": dirty}


def _encoded(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
