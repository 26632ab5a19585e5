"""The catalogue as files: pages, feeds, JSON, badges, and the search of the browser. They work from any file server.

A site is written aside and renamed into place, so a reader sees the old one or the new one.
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from symplast.catalogue.badges import claim_badge, system_badge
from symplast.catalogue.cards import Card
from symplast.catalogue.catalogue import Catalogue, EventFilter
from symplast.catalogue.client_index import client_index
from symplast.catalogue.feeds import feed, page_count
from symplast.catalogue.pages import Pages
from symplast.catalogue.twins import events_json, papers_json, system_json
from symplast.lab.events import Event

MARKER = ".symplast-site"
"""A file that says that a folder was written by us, so that it may be replaced."""
OWN_NAMES = frozenset(
    {"index", "verdicts", "about", "search", "subscribe", "message", "papers", "events", "u", "confirm"}
)
"""Names of pages and files of the site, which no system may have."""
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def checked_url(url: str) -> str:
    """The address of a site, ending in ``/``.

    Args:
        url: where it will be; empty where it is not known.

    Raises:
        ValueError: it is no address of a site, or neither https nor of this machine.
    """
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"url must be the address of a site such as https://verdicts.example.org, got {url[:80]!r}")
    if any(sign <= " " or sign in "<>\"'\\" or ord(sign) > 126 for sign in url):
        raise ValueError(f"url must consist of the plain signs of an address, got {url[:80]!r}")
    if parts.scheme != "https" and parts.hostname not in LOCAL:
        raise ValueError(f"url must begin with https:// (one click unsubscribes over https only), got {url[:80]!r}")
    return url if url.endswith("/") else f"{url}/"


def site_files(
    catalogue: Catalogue,
    base_url: str = "",
    *,
    served: bool = False,
    compared: bool = True,
    figures: Path | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Every file of the site: its path and its content.

    Args:
        catalogue: what it shows.
        base_url: where it will be; feeds have relative links where it is empty.
        served: whether a server answers search and subscription.
        compared: whether verdicts whose code has changed are marked; else the pages say that they aren't yet.
        figures: folder where drawn figures of the reader's own runs are kept; None draws none.

    Yields:
        Path, with ``/``, and content. The same data give the same bytes.

    Raises:
        ValueError: a system has the name of a page.
    """
    url = checked_url(base_url)
    pages = Pages(catalogue, url, served=served, compared=compared, figures=figures)
    if taken := sorted(OWN_NAMES & pages.by_slug.keys()):
        raise ValueError(f"system {taken[0]!r} has the name of a page of the catalogue; it must take another")
    yield "index.html", pages.index().encode()
    yield "verdicts.html", pages.verdicts().encode()
    yield "about.html", pages.about().encode()
    yield "papers.json", papers_json(pages.cards)
    yield "events.json", events_json(pages.events)
    yield "search-index.js", client_index(pages.cards)
    yield "catalogue.js", Path(__file__).with_name("templates").joinpath("catalogue.js").read_bytes()
    yield from feed_files("feed.atom", pages.events, url, pages.by_slug)
    for card in pages.cards:
        yield from card_files(card, pages, url)


def card_files(card: Card, pages: Pages, url: str) -> Iterator[tuple[str, bytes]]:
    """The files of one system."""
    yield f"{card.slug}.html", pages.paper(card).encode()
    yield f"{card.slug}.json", system_json(card)
    yield f"{card.slug}/badge.svg", system_badge(card).encode()
    for row in card.rows:
        yield f"{card.slug}/{row.claim.id}.svg", claim_badge(card, row).encode()
    own = pages.catalogue.events(EventFilter(systems=[card.slug]))
    title = f"symplast: {card.slug}"
    yield from feed_files(f"{card.slug}/feed.atom", own, url, pages.by_slug, title)


def feed_files(
    path: str, events: list[Event], url: str, cards: Mapping[str, Card], title: str = "symplast: what changed"
) -> Iterator[tuple[str, bytes]]:
    """A feed and its older pages."""
    for number in range(1, page_count(len(events)) + 1):
        name = path if number == 1 else f"{path.removesuffix('.atom')}-{number}.atom"
        base = url or "../" * path.count("/")
        self_url = f"{url}{path}" if url else path.rpartition("/")[2]
        yield name, feed(events, self_url, base, cards, title=title, page=number)


def write_site(catalogue: Catalogue, out: Path, base_url: str = "", *, figures: Path | None = None) -> Path:
    """Write the static site.

    Args:
        catalogue: what it shows.
        out: folder that it becomes; one that is there is replaced where symplast wrote it, or where it is empty.
        base_url: where it will be, for feeds and badges.
        figures: folder where drawn figures of the reader's own runs are kept; None draws none.

    Returns:
        Path of ``index.html``.

    Raises:
        ValueError: the folder holds something else, or the address is none.
    """
    out = Path(os.path.realpath(out))
    if out.exists() and not (out / MARKER).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"to must be a new folder, an empty one, or a site that symplast wrote, got {out}")
    out.parent.mkdir(parents=True, exist_ok=True)
    for left in out.parent.glob(f".{out.name}.*.part"):
        if (left / MARKER).is_file():
            shutil.rmtree(left, ignore_errors=True)  # of a build that was killed
    aside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.part")
    old = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        aside.mkdir()
        (aside / MARKER).write_text("Written by symplast site build, which replaces this folder as a whole.\n")
        for name, content in site_files(catalogue, base_url, figures=figures):
            path = aside / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        if out.exists():
            out.rename(old)
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return out / "index.html"
