"""How texts and queries become terms: normalised, without stop words, as stems."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

WORD = re.compile(r"\w+")

_STOP = """
a about above after again all also am an and any are as at be because been before being between both but by can
could did do does doing down during each few for from further had has have having he her here hers him his how i if
in into is it its itself just me more most my no nor not now of off on once only or other our ours out over own same
she should so some such than that the their theirs them then there these they this those through to too under until
up us very was we were what when where which while who whom why will with would you your yours
"""
STOP_WORDS = frozenset(_STOP.split())
"""English words that say nothing about a paper."""


def plain_words(text: str) -> list[str]:
    r"""Lower-case runs of ``\w``.

    Example:
        >>> plain_words("Non-gradient learning")
        ['non', 'gradient', 'learning']
    """
    return WORD.findall(text.lower())


def normalised(text: str) -> list[str]:
    """Words as they are compared: compatible forms of signs joined (NFKC), case folded, accents dropped."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return WORD.findall("".join(sign for sign in folded if not unicodedata.combining(sign)))


def terms(text: str) -> list[str]:
    """Stems of a text's words, stop words left out.

    Example:
        >>> terms("How do networks learn? By learning.")
        ['network', 'learn', 'learn']
    """
    return [stem(word) for word in normalised(text) if word not in STOP_WORDS]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The Snowball stem of a word (English)."""
    return str(_stemmer().stemWord(word))


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
