"""The search of the static site: the BM25 index as JSON, for the script that the pages bring along.

The script knows no stems: the index lists the stem of every word form that occurs, and other words match as beginnings.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from symplast.catalogue.cards import Card
from symplast.catalogue.ranking import K1, B
from symplast.catalogue.search import WEIGHTS, document
from symplast.catalogue.words import STOP_WORDS, normalised, stem


def client_index(cards: Sequence[Card]) -> bytes:
    """A script of one assignment, so that it loads from a disk too, where JSON can't be fetched."""
    stems: dict[str, str] = {}
    postings: dict[str, dict[int, float]] = {}
    lengths = []
    for place, card in enumerate(cards):
        length = 0
        for name, text in document(card).items():
            words = [word for word in normalised(text) if word not in STOP_WORDS]
            length += len(words)
            for word, hits in Counter(words).items():
                stems[word] = stem(word)
                found = postings.setdefault(stem(word), {})
                found[place] = found.get(place, 0.0) + WEIGHTS[name] * hits
        lengths.append(length)
    index = {
        "version": 1,
        "k1": K1,
        "b": B,
        "systems": [card.slug for card in cards],
        "names": [_names(card) for card in cards],
        "lengths": lengths,
        "stop": sorted(STOP_WORDS),
        "stems": {word: own for word, own in sorted(stems.items()) if own != word},
        "postings": {term: sorted(found.items()) for term, found in sorted(postings.items())},
    }
    return b"window.symplastIndex = " + msgspec.json.encode(index).replace(b"<", b"\\u003c") + b";\n"


def _names(card: Card) -> list[str]:
    """What names the system exactly."""
    names = [card.slug, card.slug.replace("_", "-"), card.slug.replace("_", " "), card.paper.arxiv]
    names += [*(surname for surname, _ in card.authors), *(row.id for row in card.rows)]
    return sorted({" ".join(name.casefold().split()) for name in names if name})
