"""Events as Atom (RFC 4287): ids that never change, 50 entries a page (RFC 5005), the same bytes for the same data."""

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import UTC

from symplast.catalogue.cards import Card
from symplast.lab.events import Event
from symplast.lab.verdicts import MARKS

PAGE = 50
"""Entries on one page of a feed."""
ATOM = "http://www.w3.org/2005/Atom"
FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""Characters that XML 1.0 does not allow, in whatever disguise."""
EPOCH = "1970-01-01T00:00:00+00:00"


def feed(
    events: Sequence[Event],
    self_url: str,
    base_url: str,
    cards: Mapping[str, Card] | None = None,
    *,
    title: str = "symplast: what changed",
    page: int = 1,
) -> bytes:
    """One page of a feed, newest entry first.

    Args:
        events: all of them, in any order.
        self_url: where the first page is; page 2 of ``feed.atom`` is ``feed-2.atom``, and of an address with ``?`` has
            ``&page=2``.
        base_url: of the site, ending in ``/``; empty where it is not known, then links are relative.
        cards: system -> card, for titles, claims and papers.
        title: of the feed.
        page: from 1.

    Returns:
        The document, UTF-8.

    Raises:
        ValueError: no such page.
    """
    ordered = sorted(events, key=lambda event: (event.time, event.id), reverse=True)
    pages = page_count(len(ordered))
    if not 1 <= page <= pages:
        raise ValueError(f"page must be from 1 to {pages}, got {page}")
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _text(root, "id", f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'symplast:feed:{title}')}")
    _text(root, "title", title)
    _text(root, "updated", _utc(ordered[0]) if ordered else EPOCH)
    ET.SubElement(_element(root, "author"), "name").text = "symplast"
    _link(root, "self", page_url(self_url, page), "application/atom+xml")
    _link(root, "alternate", base_url or "./", "text/html")
    for rel, number in (("first", 1), ("previous", page - 1), ("next", page + 1), ("last", pages)):
        if pages > 1 and 1 <= number <= pages:
            _link(root, rel, page_url(self_url, number), "application/atom+xml")
    for event in ordered[(page - 1) * PAGE : page * PAGE]:
        _entry(root, event, base_url, (cards or {}).get(event.system))
    ET.indent(root, " ")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def page_count(events: int) -> int:
    """Pages of a feed; one at least."""
    return max(1, -(-events // PAGE))


def page_url(url: str, page: int) -> str:
    """Where a page of a feed is.

    Example:
        >>> page_url("https://a.org/feed.atom", 2), page_url("https://a.org/search.atom?q=x", 2)
        ('https://a.org/feed-2.atom', 'https://a.org/search.atom?q=x&page=2')
    """
    if page == 1:
        return url
    return f"{url}&page={page}" if "?" in url else f"{url.removesuffix('.atom')}-{page}.atom"


def headline(event: Event) -> str:
    """An event on one line.

    Example:
        >>> headline(Event(version=1, id="0", at="2026-01-01T00:00:00+00:00", kind="verdict_changed", system="curl",
        ...                claim="C4", old="inconclusive", new="refuted", scale="full", commit=""))
        'curl.C4: refuted, was inconclusive'
    """
    name = event.claim_id
    return {
        "published": f"{name}: verdicts published at {event.scale} scale",
        "claim_added": f"{name}: new claim, {event.new}",
        "claim_removed": f"{name}: claim withdrawn, was {event.old}",
        "verdict_changed": f"{name}: {event.new}, was {event.old}",
        "scale_changed": f"{name}: measured at {event.new} scale, was {event.old}",
    }[event.kind]


def mark(event: Event) -> str:
    """The sign of the new verdict; an arrow where the event has none."""
    return next((sign for outcome, sign in MARKS.items() if outcome == event.new), "→")


def clean(text: str) -> str:
    """Text without the characters that XML forbids."""
    return FORBIDDEN.sub("", text)


def _entry(root: ET.Element, event: Event, base_url: str, card: Card | None) -> None:
    entry = _element(root, "entry")
    _text(entry, "id", entry_id(event))
    _text(entry, "title", headline(event))
    _text(entry, "updated", _utc(event))
    page = f"{base_url}{event.system}.html" + (f"#{event.claim}" if event.claim else "")
    _link(entry, "alternate", page, "text/html")
    if card and card.paper.url:
        _link(entry, "related", card.paper.url, "text/html")
    ET.SubElement(entry, "category", {"term": event.kind})
    row = card.row(event.claim) if card and event.claim else None
    said = [card.system.title + card.system.qualifier] if card else []
    said += [row.claim.says] if row else [card.paper.citation] if card else []
    said.append(f"Measured at {event.scale} scale" + (f" by commit {event.commit[:10]}." if event.commit else "."))
    summary = _text(entry, "summary", "\n".join(said))
    summary.set("type", "text")


def entry_id(event: Event) -> str:
    """Of an entry, for ever: it needs no domain.

    Args:
        event: whose id it follows from.
    """
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'symplast:{event.id}')}"


def _utc(event: Event) -> str:
    return event.time.astimezone(UTC).isoformat(timespec="seconds")


def _element(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, name)


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = clean(text)
    return element


def _link(parent: ET.Element, rel: str, href: str, kind: str) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "type": kind, "href": clean(href)})
