"""A system whose every text is hostile, to see that the catalogue writes it as text."""

import json
from pathlib import Path

import msgspec

from symplast.catalogue.cards import Card
from symplast.lab.claims import Claim, Claims, Paper, Rule, System
from symplast.lab.published import Published
from symplast.lab.registry import Room

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onmouseover='alert(3)",
    "</title><svg/onload=alert(4)>",
    "</script><script>alert(5)</script>",
    "a\x00b\x0bc\x1bd\ufffee",
    "\u202eevil\u202c עברית العربية",
    "emoji 🧪🧠 and $\\frac{a}{b} \\times 10^{-9}$ {{ 7*7 }} {% raw %}",
    "]]> & &amp; <!-- --> \u2028 \u2029",
    "javascript:alert(6)",
)
SLUG = "hostile"


def hostile_card(folder: Path, text: str) -> Card:
    """A system that says one text everywhere, published with it.

    Args:
        folder: where its files are written.
        text: what its title, its claims, its authors and its results say.
    """
    rule = Rule(at_most=0)
    claim = Claim(
        id="X1",
        says=text,
        source=text,
        kind="exact",
        quantity="e.q",
        rule=rule,
        stands_in=text,
        why=text,
        unit=text[:20],
    )
    other = Claim(id="X2", says=text, source=text, kind="exact", not_run=text)
    system = System(name=SLUG, title=text, summary=text, topics=[text], data=[text])
    paper = Paper(title=text, authors=[text, "A. B."], year=2020, arxiv="2001.00001", bibtex_key="k", note=text)
    room = Room(SLUG, SLUG, folder)
    room.__dict__["claims"] = Claims(system=system, paper=paper, claim=[claim, other])
    part = {"says": text, "published": text, "quantity": "e.q", "rule": rule.text(text[:20]), "measured": 1.0}
    part |= {"interval": None, "n": None, "unit": text[:20], "verdict": "refuted", "reason": text}
    rows = [
        {"id": f"{SLUG}.X1", "says": text, "source": text, "kind": "exact", "published": text, "measured": 1.0}
        | {"interval": None, "n": None, "verdict": "refuted", "stands_in": text, "why": text, "data": text}
        | {"reason": text, "parts": [part]},
        {"id": f"{SLUG}.X2", "says": text, "source": text, "kind": "exact", "published": None, "measured": None}
        | {"interval": None, "n": None, "verdict": "not run", "data": text, "reason": text, "parts": []},
    ]
    published = {"version": 1, "system": SLUG, "scale": "full", "published": "2026-01-01", "fingerprints": {}}
    content = json.dumps({**published, "runs": [], "claims": rows})
    return Card(room, msgspec.json.decode(content, type=Published), None, frozenset({"X2"}))
