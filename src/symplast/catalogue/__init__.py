"""The catalogue of implemented papers: what of each holds, searchable, as pages, feeds and a digest by e-mail."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symplast.catalogue.cards import Card, Row
    from symplast.catalogue.catalogue import Catalogue, EventFilter
    from symplast.catalogue.digests import DigestRun
    from symplast.catalogue.feeds import feed
    from symplast.catalogue.filters import Filter
    from symplast.catalogue.mail import Mailer, MailError, SMTPMailer
    from symplast.catalogue.ranking import BM25, bm25, fuse
    from symplast.catalogue.search import Hit, Index
    from symplast.catalogue.site import write_site
    from symplast.catalogue.subscriptions import Subscriptions

_HOMES = {
    "ranking": ("BM25", "bm25", "fuse"),
    "cards": ("Card", "Row"),
    "catalogue": ("Catalogue", "EventFilter"),
    "digests": ("DigestRun",),
    "feeds": ("feed",),
    "filters": ("Filter",),
    "mail": ("Mailer", "MailError", "SMTPMailer"),
    "search": ("Hit", "Index"),
    "site": ("write_site",),
    "subscriptions": ("Subscriptions",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BM25",
    "Card",
    "Catalogue",
    "DigestRun",
    "EventFilter",
    "Filter",
    "Hit",
    "Index",
    "MailError",
    "Mailer",
    "Row",
    "SMTPMailer",
    "Subscriptions",
    "bm25",
    "feed",
    "fuse",
    "write_site",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'symplast.catalogue' has no attribute {name!r}")
    return getattr(import_module(f"symplast.catalogue.{_HOME[name]}"), name)
