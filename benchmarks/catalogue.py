"""How fast the catalogue is built and searched, with 16 and 2,000 papers; SQLite's FTS5 on the same texts.

Papers beyond those of symplast are made of words drawn from the texts of its systems, ten claims each, with published
verdicts. Freshness (comparing code, 0.2 s a system) is not part of it. Targets: 16 papers in at most 2 s, 2,000 papers
with 20,000 claims in at most 60 s, a search among them in at most 30 ms for 95 of 100 queries.
Run: python benchmarks/catalogue.py  (writes benchmarks/results/catalogue.json)
"""

import one_core  # noqa: F401 - before the libraries

# isort: split

import argparse
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from measuring import RESULTS, against, write

from symplast.catalogue import Catalogue, write_site
from symplast.catalogue.cards import Card
from symplast.catalogue.client_index import client_index
from symplast.catalogue.search import document
from symplast.catalogue.study import queries
from symplast.catalogue.words import plain_words
from symplast.lab.claims import Claim, Claims, Paper, Rule, System
from symplast.lab.published import Published, results_folder
from symplast.lab.registry import Room, rooms
from symplast.lab.verdicts import OUTCOMES

CLAIMS = 10
TARGETS = {16: {"build_s": 2.0}, 2000: {"build_s": 60.0, "search_p95_ms": 30.0}}


def made_up(count: int, real: list[Card]) -> list[Card]:
    """Papers whose texts are drawn from the words of the systems that there are."""
    random = np.random.default_rng(0)
    words = np.array([word for card in real for text in document(card).values() for word in plain_words(text)])

    def text(length: int) -> str:
        return " ".join(random.choice(words, length))

    return [_card(f"paper{number}", text, random) for number in range(count)]


def _card(slug: str, text: Any, random: np.random.Generator) -> Card:
    rule = Rule(at_most=1.0)
    claims = [
        Claim(id=f"C{n}", says=text(18), source="Fig. 1", kind="simulation", quantity="e.q", rule=rule)
        for n in range(CLAIMS)
    ]
    paper = Paper(title=text(9), authors=[text(2), text(2)], year=2026, arxiv="2601.00001", bibtex_key="k")
    system = System(name=slug, title=text(4), summary=text(70), topics=[text(1), text(1)])
    room = Room(slug, slug, Path("."))
    room.__dict__["claims"] = Claims(system=system, paper=paper, claim=claims)
    rows = []
    for claim in claims:
        verdict = OUTCOMES[int(random.integers(4))]
        part = {"says": "", "published": None, "quantity": "e.q", "rule": rule.text(), "measured": 0.5}
        part |= {"interval": [0.1, 0.9], "n": 10, "unit": "", "verdict": verdict, "reason": "r"}
        row = {"id": f"{slug}.{claim.id}", "says": claim.says, "source": claim.source, "kind": claim.kind}
        row |= {"published": None, "measured": 0.5, "interval": [0.1, 0.9], "n": 10, "verdict": verdict}
        rows.append(row | {"data": "", "reason": "r", "parts": [part]})
    head = {"version": 1, "system": slug, "scale": "full", "published": "2026-01-01", "fingerprints": {}, "runs": []}
    return Card(room, msgspec.convert({**head, "claims": rows}, Published))


def cpu(call: Any) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gives."""
    begin = time.process_time()
    found = call()
    return time.process_time() - begin, found


def measured(count: int) -> list[dict[str, Any]]:
    """Build and search, ours and FTS5."""
    known = {name: room for name, room in rooms().items() if room.built_in}
    real = Catalogue(known, results_folder(), check_code=False).cards()
    cards = real[:count] + made_up(max(count - len(real), 0), real)
    catalogue = Catalogue.of(cards)
    index_s, _ = cpu(lambda: catalogue.index)
    client_s, content = cpu(lambda: client_index(cards))
    with tempfile.TemporaryDirectory() as folder:
        pages_s, index = cpu(lambda: write_site(catalogue, Path(folder) / "site"))
        files = sum(1 for path in index.parent.rglob("*") if path.is_file())
    asked = [query for _, query in queries()]
    ours_ms = [1000 * cpu(lambda query=query: catalogue.search(query))[0] for query in asked]
    fts_s, table = cpu(lambda: fts5(cards))
    theirs_ms = [1000 * cpu(lambda query=query: ask_fts5(table, query))[0] for query in asked]
    target = TARGETS.get(count, {})
    timed = {"build_s": index_s + pages_s, "search_p95_ms": float(np.percentile(ours_ms, 95))}
    parts = {"index_s": index_s, "pages_s": pages_s, "client_index_s": client_s, "client_index_bytes": len(content)}
    rows = []
    for name, work, more in (
        ("build_s", "build", {"claims": sum(len(card.rows) for card in cards), "files": files, **parts}),
        ("search_p95_ms", "search, 95th percentile", {"median_ms": float(np.median(ours_ms))}),
    ):
        row = {"what": f"{work}, {count:,} papers", "value": timed[name], "unit": name.rpartition("_")[2], **more}
        if name in target:
            row |= {"target": target[name], "met": timed[name] <= target[name]}
        rows.append(row)
    theirs = float(np.percentile(theirs_ms, 95))
    return [
        *rows,
        {"what": f"SQLite FTS5: index, {count:,} papers", "value": fts_s, "unit": "s"},
        {"what": f"SQLite FTS5: search, 95th percentile, {count:,} papers", "unit": "ms", "value": theirs,
         "median_ms": float(np.median(theirs_ms))},
        against(f"index of {count:,} papers", "SQLite FTS5", fts_s / index_s),
        against(f"search among {count:,} papers", "SQLite FTS5", theirs / timed["search_p95_ms"]),
    ]  # fmt: skip


def fts5(cards: list[Card]) -> sqlite3.Connection:
    """The same texts in SQLite's full-text search."""
    table = sqlite3.connect(":memory:")
    table.execute(
        "CREATE VIRTUAL TABLE papers USING fts5(slug UNINDEXED, title, topics, claims, summary, tokenize = porter)"
    )
    rows = [(card.slug, *document(card).values()) for card in cards]
    table.executemany("INSERT INTO papers VALUES (?, ?, ?, ?, ?)", rows)
    return table


def ask_fts5(table: sqlite3.Connection, query: str) -> list[str]:
    """Any of the words, ranked by its BM25; the words are quoted, since raw input is a query language."""
    words = " OR ".join(f'"{word}"' for word in plain_words(query))
    sql = "SELECT slug FROM papers WHERE papers MATCH ? ORDER BY bm25(papers, 0, 10, 6, 3, 1) LIMIT 10"
    return [slug for (slug,) in table.execute(sql, (words,))]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description="Time the catalogue's build and search.")
    parser.add_argument("--papers", type=int, nargs="+", default=[16, 2000])
    parser.add_argument("--out", type=Path, default=RESULTS / "catalogue.json")
    given = parser.parse_args()
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: F401 - imported before the clock starts

    rows = [row for count in given.papers for row in measured(count)]
    write("catalogue", rows, "scikit-learn", "scipy", out=given.out, clock="CPU time")


if __name__ == "__main__":
    main()
