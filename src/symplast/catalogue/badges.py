"""Badges: a verdict as a small SVG, for an author's own page."""

from html import escape

from symplast.catalogue.cards import Card, Row
from symplast.catalogue.feeds import clean
from symplast.lab.verdicts import MARKS

COLOURS = {
    "reproduced": "#1b7a4b",
    "partly": "#855b07",
    "refuted": "#b3352b",
    "inconclusive": "#2a6a99",
}
"""Of the right half, white text on it at 4.5:1 at least; all others are grey, as is what is stale."""
GREY = "#59616a"
LETTER = 6.6
"""Mean width of a letter in pixels."""


def claim_badge(card: Card, row: Row) -> str:
    """The verdict on one claim."""
    stale = " (stale)" if row.stale else ""
    said = f"{MARKS[row.outcome]} {row.outcome}{card.system.qualifier if row.measured else ''}{stale}"
    return badge(row.id, said, GREY if row.stale else COLOURS.get(row.outcome, GREY))


def system_badge(card: Card) -> str:
    """How many of a system's claims came to each outcome."""
    marks = " ".join(f"{MARKS[outcome]}{n}" for outcome, n in card.counts.items())
    words = f"{card.slug}: {card.headline}"
    stale = f" stale {card.stale}" if card.stale else ""
    return badge(f"symplast {card.slug}", f"{marks}{stale}".strip() or "no claims", GREY, words)


def badge(left: str, right: str, colour: str, words: str = "") -> str:
    """Two fields of text side by side.

    Args:
        left, right: the texts.
        colour: of the right field.
        words: for those who can't see it; the two texts by default.
    """
    left, right = clean(left), clean(right)
    first, second = (round(LETTER * len(text) + 12) for text in (left, right))
    wide = first + second
    told = escape(clean(words) or f"{left}: {right}")
    text = 'y="14" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="20" role="img" aria-label="{told}">'
        f"<title>{told}</title>"
        f'<rect width="{wide}" height="20" rx="3" fill="#3a414a"/>'
        f'<path d="M{first} 0h{second - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{second - 3}z" fill="{colour}"/>'
        f'<text {text} x="{first / 2:.1f}">{escape(left)}</text>'
        f'<text {text} x="{first + second / 2:.1f}">{escape(right)}</text></svg>\n'
    )
