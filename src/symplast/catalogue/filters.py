"""What a reader may choose by: topic, verdict, kind, scale, year, data; and the order of a list."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from symplast.catalogue.cards import Card
from symplast.lab.claims import SCALES, Kind
from symplast.lab.events import Event
from symplast.lab.verdicts import OUTCOMES

Sort = Literal["last event", "newest paper", "most claims", "most refuted"]
SORTS: tuple[Sort, ...] = get_args(Sort)
KINDS: tuple[str, ...] = get_args(Kind)


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a system must have to be listed; None asks for nothing.

    Attributes:
        topic: one of its topics, whatever the case.
        verdict: an outcome that one of its claims came to, or ``stale``.
        kind: of one of its claims.
        scale: of its published verdicts.
        year: of its paper.
        data: name of a data set that it reads.

    Raises:
        ValueError: a word that means nothing there; says which ones do.

    Example:
        >>> Filter(verdict="disproved")
        Traceback (most recent call last):
        ValueError: verdict must be one of reproduced, partly, ..., stale; got 'disproved'
    """

    topic: str | None = None
    verdict: str | None = None
    kind: str | None = None
    scale: str | None = None
    year: int | None = None
    data: str | None = None

    def __post_init__(self) -> None:
        check_word("verdict", self.verdict, (*OUTCOMES, "stale"))
        check_word("kind", self.kind, KINDS)
        check_word("scale", self.scale, SCALES)

    def admits(self, card: Card) -> bool:
        """Whether a system has all that is asked for."""
        wanted = self.topic.casefold() if self.topic else None
        return (
            (wanted is None or any(topic.casefold() == wanted for topic in card.system.topics))
            and (self.verdict is None or any(_has(row.stale, row.outcome, self.verdict) for row in card.rows))
            and (self.kind is None or any(row.claim.kind == self.kind for row in card.rows))
            and (self.scale is None or card.scale == self.scale)
            and (self.year is None or card.paper.year == self.year)
            and (self.data is None or self.data in card.system.data)
        )


def check_word(name: str, word: str | None, words: Sequence[str]) -> None:
    """Raise ValueError where a word is given that is none of those that mean something."""
    if word is not None and word not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}; got {word[:60]!r}")


def _has(stale: bool, outcome: str, verdict: str) -> bool:
    return stale if verdict == "stale" else outcome == verdict and not stale


def in_order(cards: Sequence[Card], sort: Sort, events: Sequence[Event]) -> list[Card]:
    """Systems in the order asked for; ties by the paper's day, newest first, then by name.

    Args:
        cards: the systems.
        sort: what decides.
        events: of all systems, oldest first.
    """
    check_word("sort", sort, SORTS)
    last: Mapping[str, str] = {event.system: event.at for event in events}
    key = {
        "last event": lambda card: last.get(card.slug, ""),
        "newest paper": lambda card: card.paper.day,
        "most claims": lambda card: len(card.rows),
        "most refuted": lambda card: card.counts.get("refuted", 0),
    }[sort]
    named = sorted(cards, key=lambda card: card.slug)
    dated = sorted(named, key=lambda card: card.paper.day, reverse=True)
    return sorted(dated, key=key, reverse=True)
