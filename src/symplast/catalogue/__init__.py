"""The catalogue of implemented papers: what of each holds, searchable, as pages, feeds and a digest by e-mail."""

from typing import TYPE_CHECKING

from symplast.on_use import loaded_on_use

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

__getattr__ = loaded_on_use(
    __name__,
    {
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
    },
)
