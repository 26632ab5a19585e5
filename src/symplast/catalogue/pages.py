"""The pages of the catalogue, in the look of the report."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import symplast
from symplast.catalogue.cards import Card, Row, plural
from symplast.catalogue.catalogue import Catalogue
from symplast.catalogue.feeds import clean, headline
from symplast.catalogue.filters import KINDS as KIND_NAMES
from symplast.catalogue.filters import SORTS
from symplast.catalogue.history import history
from symplast.lab import report
from symplast.lab.claims import SCALES
from symplast.lab.events import EVENT_KINDS, Event
from symplast.lab.numbers import shown
from symplast.lab.provenance import code_commit
from symplast.lab.report.figures import pictures
from symplast.lab.report.site import KINDS, MEANINGS
from symplast.lab.verdicts import MARKS, OUTCOMES, Outcome

EVENTS_SHOWN = 8
"""Events on the first page."""


class Pages:
    """Renders pages of one catalogue.

    Args:
        catalogue: what they show.
        base_url: where the site will be, ending in ``/``; empty where it is not known.
        served: whether a server answers search and subscription; else the first page searches by script.
        compared: whether verdicts whose code has changed are marked; else the pages say that they aren't yet.
        figures: folder where drawn figures of the reader's own runs are kept; None draws none.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        base_url: str = "",
        *,
        served: bool = False,
        compared: bool = True,
        figures: Path | None = None,
    ):
        self.catalogue = catalogue
        self.cards = catalogue.cards()
        self.by_slug = {card.slug: card for card in self.cards}
        self.events = catalogue.events()
        self._figures = figures
        commit, dirty = code_commit()
        self._common = {
            "base_url": base_url,
            "served": served,
            "compared": compared,
            "root": "",
            "style": _style(),
            "marks": MARKS,
            "meanings": MEANINGS,
            "kinds": KINDS,
            "outcomes": OUTCOMES,
            "version": symplast.__version__,
            "commit": commit,
            "dirty": dirty,
        }

    def index(self) -> str:
        """The first page: every system as a card."""
        return self._render(
            "index.html",
            papers=[card for card in self.cards if not card.ours],
            ours=[card for card in self.cards if card.ours],
            totals=totals(self.cards),
            recent=list(reversed(self.events))[:EVENTS_SHOWN],
            choices=choices(self.cards),
            damages=[*self.catalogue.store.damages] if self.catalogue.store else [],
            left_out=self.catalogue.left_out,
            problems=self.catalogue.problems,
            about=ld_of_site(self.cards, str(self._common["base_url"])),
        )

    def paper(self, card: Card) -> str:
        """A system's page: its claims with gauges, events, provenance and citation."""
        drawn = []
        if card.audit is not None and self.catalogue.store is not None and self._figures is not None:
            drawn = pictures(card.audit, self.catalogue.store, self._figures)
        return self._render(
            "paper.html",
            card=card,
            figures=drawn,
            events=[event for event in reversed(self.events) if event.system == card.slug],
            about=ld_of_paper(card, str(self._common["base_url"])),
        )

    def verdicts(self) -> str:
        """Every claim of every system, as an atlas and as a table, and the history of verdicts."""
        return self._render("verdicts.html", cards=self.cards, history=Markup(history(self.by_slug, self.events)))

    def about(self) -> str:
        """How to read all this, and how to follow it."""
        return self._render("about.html", cards=self.cards)

    def search(
        self, query: str, hits: Sequence[Any], rankers: Sequence[str], *, cut: bool, form: Mapping[str, str]
    ) -> str:
        """What a query found."""
        found = [(hit, self.by_slug[hit.slug]) for hit in hits]
        return self._render(
            "search.html", query=query, hits=found, rankers=rankers, cut=cut, form=form, choices=choices(self.cards)
        )

    def subscribe(self, *, mail: bool, said: str = "") -> str:
        """The form of a subscription."""
        return self._render("subscribe.html", cards=self.cards, mail=mail, said=said, event_kinds=EVENT_KINDS)

    def message(self, title: str, *paragraphs: str, root: str = "", button: str = "", again: bool = False) -> str:
        """A page that says one thing, maybe with one button that posts to the page's own address."""
        return self._render("message.html", heading=title, paragraphs=paragraphs, root=root, button=button, again=again)

    def _render(self, name: str, **about: Any) -> str:
        return _environment().get_template(name).render(**{**self._common, "page": name, **about})


def totals(cards: Sequence[Card]) -> dict[str, int]:
    """What the first page says of all systems together."""
    return {
        "papers": sum(not card.ours for card in cards),
        "claims": sum(len(card.rows) for card in cards),
        "measured": sum(row.measured for card in cards for row in card.rows),
    }


def choices(cards: Sequence[Card]) -> dict[str, list[str]]:
    """What can be chosen by, and the words that occur."""
    return {
        "topic": sorted({topic for card in cards for topic in card.system.topics}),
        "verdict": [*OUTCOMES, "stale"],
        "kind": list(KIND_NAMES),
        "scale": [scale for scale in SCALES if any(card.scale == scale for card in cards)],
        "year": sorted({str(card.paper.year) for card in cards}, reverse=True),
        "data": sorted({name for card in cards for name in card.system.data}),
        "sort": list(SORTS),
    }


def ld_of_paper(card: Card, base_url: str) -> dict[str, Any]:
    """The paper and the verdicts on its claims, in the words of schema.org."""
    page = f"{base_url}{card.slug}.html"
    paper: dict[str, Any] = {
        "@type": "ScholarlyArticle",
        "name": card.paper.title,
        "author": [{"@type": "Person", "name": name} for name in card.paper.authors],
        "datePublished": card.paper.day,
    }
    if card.paper.url:
        paper |= {"@id": card.paper.url, "sameAs": card.paper.url}
    reviews = [_ld_review(card, row, page, paper) for row in card.rows if row.measured and not row.stale]
    return {"@context": "https://schema.org", "@graph": [paper, *reviews]}


def _ld_review(card: Card, row: Row, page: str, paper: Mapping[str, Any]) -> dict[str, Any]:
    rating = {"@type": "Rating", "alternateName": row.outcome + card.system.qualifier}
    where = paper.get("@id") or paper["name"]
    return {
        "@type": "ClaimReview",
        "url": f"{page}#{row.claim.id}",
        "claimReviewed": row.claim.says,
        "datePublished": card.date,
        "author": {"@type": "Organization", "name": "symplast"},
        "reviewRating": rating,
        "itemReviewed": {"@type": "Claim", "appearance": {"@type": "CreativeWork", "name": str(where)}},
    }


def ld_of_site(cards: Sequence[Card], base_url: str) -> dict[str, Any]:
    """The list of systems, in the words of schema.org."""
    items = [
        {"@type": "ListItem", "position": n, "url": f"{base_url}{card.slug}.html", "name": card.paper.title}
        for n, card in enumerate(cards, 1)
    ]
    return {"@context": "https://schema.org", "@type": "ItemList", "name": "symplast: papers", "itemListElement": items}


def outcome_class(outcome: Outcome | str | None) -> str:
    """An outcome as the name of a style class."""
    return (outcome or "").replace(" ", "-")


def day(card: Card) -> str:
    """The day of a paper as one reads it.

    Example:
        >>> from symplast.lab.registry import room
        >>> day(Card(room("curl"), None))
        '3 October 2025'
    """
    from datetime import date

    if not card.paper.date:
        return str(card.paper.year)
    when = date.fromisoformat(card.paper.date)
    return f"{when.day} {when:%B} {when.year}"


def moment(event: Event) -> str:
    """When an event happened, to the minute."""
    return event.at[:16].replace("T", " ") + " UTC"


@cache
def _environment() -> jinja2.Environment:
    own = jinja2.PackageLoader("symplast.catalogue")
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([own, jinja2.PackageLoader(report.__name__)]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalised,
    )
    environment.filters |= {
        "shown": lambda row, digits=4: shown(row["measured"], row["interval"], row["unit"], digits),
        "said": headline,
        "plural": plural,
        "look": outcome_class,
        "day": day,
        "moment": moment,
        "ld": _ld,
    }
    return environment


def _finalised(value: Any) -> Any:
    """No character that XML forbids reaches a page."""
    if isinstance(value, Markup):
        return Markup(clean(value))
    return clean(value) if isinstance(value, str) else value


def _ld(value: Any) -> Markup:
    """JSON that can't end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


@cache
def _style() -> str:
    """The report's style sheet, and what the catalogue adds."""
    shared = Path(report.__file__).with_name("templates") / "style.css"
    own = Path(__file__).with_name("templates") / "catalogue.css"
    return shared.read_text(encoding="utf-8") + own.read_text(encoding="utf-8")
