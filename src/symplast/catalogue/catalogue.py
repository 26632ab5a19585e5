"""The catalogue: all systems with what is published of them, the events, and the search among them."""

import difflib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import msgspec

from symplast.catalogue.cards import Card
from symplast.catalogue.filters import Filter, Sort, check_word, in_order
from symplast.catalogue.search import Hit, Index
from symplast.lab.audit import Audit, audit, newest
from symplast.lab.events import EVENT_KINDS, Event, read_events
from symplast.lab.published import read_published
from symplast.lab.registry import Room
from symplast.lab.store import Store
from symplast.lab.verdicts import OUTCOMES


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events somebody follows; an empty list asks for nothing.

    Attributes:
        systems: names of systems.
        kinds: of events.
        outcomes: a verdict before or after the change.

    Example:
        >>> EventFilter(outcomes=["refuted"]) == EventFilter.of('{"outcomes": ["refuted"]}')
        True
    """

    systems: list[str] = []
    kinds: list[str] = []
    outcomes: list[str] = []

    def __post_init__(self) -> None:
        for kind in self.kinds:
            check_word("kind", kind, EVENT_KINDS)
        for outcome in self.outcomes:
            check_word("outcome", outcome, OUTCOMES)

    @classmethod
    def of(cls, text: str) -> "EventFilter":
        """The filter that was written as JSON."""
        return msgspec.json.decode(text, type=cls)

    @property
    def text(self) -> str:
        """As JSON, the same text for the same filter."""
        return msgspec.json.encode(self).decode()

    def admits(self, event: Event) -> bool:
        """Whether an event is one of those asked for."""
        return (
            (not self.systems or event.system in self.systems)
            and (not self.kinds or event.kind in self.kinds)
            and (not self.outcomes or event.new in self.outcomes or event.old in self.outcomes)
        )


class Catalogue:
    """Everything that is published, as of now; read once and kept.

    Args:
        rooms: the systems, as ``symplast.lab.registry.rooms()`` has them.
        results_folder: with ``<system>.json`` and ``events.jsonl``.
        store: of the reader's own runs, whose verdicts are shown next to the published ones.
        check_code: whether verdicts are marked stale whose code has changed; it takes 0.2 s a system.
        embed: folder of a sentence-embedding model, for a third ranker in the search.

    Attributes:
        left_out: plug-ins that can't be shown, and why.
        problems: lines of ``events.jsonl`` that could not be read.

    Raises:
        ValueError: a file of published verdicts is damaged.

    Example:
        >>> from symplast.lab.published import results_folder
        >>> from symplast.lab.registry import rooms
        >>> catalogue = Catalogue(rooms(), results_folder(), check_code=False)
        >>> catalogue.card("curl").paper.arxiv
        '2510.02765'
        >>> catalogue.search("how many tokens for a budget of FLOP")[0].slug
        'scaling'
    """

    def __init__(
        self,
        rooms: Mapping[str, Room],
        results_folder: Path,
        store: Store | None = None,
        *,
        check_code: bool = True,
        embed: Path | None = None,
    ):
        self.folder = results_folder
        self.store = store
        self.left_out: dict[str, str] = {}
        self.problems: list[str] = []
        self._embed = embed
        self._cards: dict[str, Card] = {}
        runs = store.runs() if store else []
        for name, room in rooms.items():
            try:
                room.claims  # noqa: B018 - a file that can't be read is said here
                published = read_published(room, results_folder)
                if published is None and not room.built_in:
                    published = read_published(room, room.folder)
                stale = published.stale_claims(room, check_code=check_code) if published else []
                own: Audit | None = None
                if any(run.system == name for run in runs):
                    own = audit(room, *newest(runs, room))
                self._cards[name] = Card(room, published, own, frozenset(stale))
            except ValueError as error:
                if room.built_in:
                    raise
                self.left_out[name] = str(error)
        self._events = self._read_events(rooms)

    @classmethod
    def of(cls, cards: Iterable[Card], events: Iterable[Event] = (), folder: Path = Path("results")) -> "Catalogue":
        """A catalogue of cards that are at hand.

        Args:
            cards: the systems.
            events: what has changed.
            folder: where a server looks for changes.
        """
        catalogue = cls({}, folder)
        catalogue._cards = {card.slug: card for card in cards}
        catalogue._events = sorted(events, key=lambda event: event.time)
        return catalogue

    def cards(self, wanted: Filter | None = None, sort: Sort = "last event") -> list[Card]:
        """The systems that have what is wanted, in order."""
        admitted = [card for card in self._cards.values() if wanted is None or wanted.admits(card)]
        return in_order(admitted, sort, self._events)

    def card(self, slug: str) -> Card:
        """One system.

        Raises:
            ValueError: no such system; names the three nearest.
        """
        if slug not in self._cards:
            near = difflib.get_close_matches(slug, self._cards, 3, cutoff=0) or sorted(self._cards)[:3]
            raise ValueError(f"system must be one of symplast list, such as {', '.join(near)}; got {slug[:60]!r}")
        return self._cards[slug]

    def search(self, query: str, k: int = 10, wanted: Filter | None = None) -> list[Hit]:
        """The best systems for a query, best first; without a query all that have what is wanted, by last event."""
        if not query.strip():
            return [Hit(card.slug, 0.0, [], [], {}) for card in self.cards(wanted)[:k]]
        return self.index.search(query, k, wanted)

    def events(self, wanted: EventFilter | None = None) -> list[Event]:
        """What has changed, oldest first."""
        return [event for event in self._events if wanted is None or wanted.admits(event)]

    @cached_property
    def index(self) -> Index:
        """The rankers of the search, made when first used."""
        return Index(self.cards(), self._embed)

    def _read_events(self, rooms: Mapping[str, Room]) -> list[Event]:
        """Of the results folder and of the folders of plug-ins, by time."""
        found: dict[str, Event] = {}
        for folder in (self.folder, *(room.folder for room in rooms.values() if not room.built_in)):
            log = read_events(folder)
            self.problems += log.problems
            found |= {event.id: event for event in log.events}
        return sorted(found.values(), key=lambda event: event.time)
