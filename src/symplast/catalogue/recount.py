"""Counting verdicts again, from the files alone: JSON and TOML by the standard library, none of our own code."""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

Counts = Mapping[str, int]


def counts_of_files(claims: Path, results: Path) -> Counter[str]:
    """Verdicts of a system: those of its results file on claims that there are, ``not run`` for all others.

    Args:
        claims: its ``claims.toml``.
        results: its ``<system>.json``, which may be missing.
    """
    tree = tomllib.loads(claims.read_text(encoding="utf-8"))
    name = tree["system"]["name"]
    rows = json.loads(results.read_text(encoding="utf-8"))["claims"] if results.is_file() else []
    found = {row["id"]: row["verdict"] for row in rows}
    return Counter(found.get(f"{name}.{claim['id']}", "not run") for claim in tree["claim"])


def claim_ids(claims: Path) -> list[str]:
    """``<system>.<claim>`` of every claim in a ``claims.toml``."""
    tree = tomllib.loads(claims.read_text(encoding="utf-8"))
    return [f"{tree['system']['name']}.{claim['id']}" for claim in tree["claim"]]


class _Cards(HTMLParser):
    """The text of each card's headline."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: dict[str, str] = {}
        self._card = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "article":
            self._card = about.get("id") or ""
        if tag == "p" and about.get("class") == "headline":
            self._inside = True
            self.said.setdefault(self._card, "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "p":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.said[self._card] += data


def counts_of_page(page: str, outcomes: Iterable[str]) -> dict[str, Counter[str]]:
    """What the first page says of each system, ``stale`` and ``claims`` (all of them) included."""
    cards = _Cards()
    cards.feed(page)
    words = "|".join(map(re.escape, (*outcomes, "stale")))
    found = {}
    for slug, text in cards.said.items():
        plain = " ".join(text.split())
        counted = Counter({word: int(number) for number, word in re.findall(rf"(\d+) ({words})\b", plain)})
        total = re.search(r"of (\d+) claims?", plain)
        counted["claims"] = int(total[1]) if total else -1
        found[slug] = counted
    return found


def differences(files: Mapping[str, Counts], page: Mapping[str, Counts], papers: bytes) -> list[str]:
    """Counts that differ between the files, the first page and ``papers.json``.

    Args:
        files: system -> verdicts, counted again.
        page: system -> what the first page says.
        papers: the content of ``papers.json``.
    """
    wrong = []
    listed: dict[str, dict[str, Any]] = {row["system"]: row for row in json.loads(papers)["papers"]}
    for slug in files.keys() | page.keys() | listed.keys():
        if slug not in files or slug not in page or slug not in listed:
            wrong.append(f"{slug} is not everywhere")
            continue
        row, said = listed[slug], page[slug]
        every = Counter(claim["verdict"] for claim in row["claims"])
        fresh = Counter(claim["verdict"] for claim in row["claims"] if not claim["stale"])
        for outcome in files[slug].keys() | every.keys():
            if files[slug].get(outcome, 0) != every[outcome]:
                wrong.append(f"{slug}: {outcome}, {files[slug].get(outcome, 0)} in the files, {every[outcome]} listed")
        for outcome in fresh.keys() | row["counts"].keys():
            if not fresh[outcome] == row["counts"].get(outcome, 0) == said.get(outcome, 0):
                wrong.append(f"{slug}: {outcome}, {fresh[outcome]} listed, {said.get(outcome, 0)} on the page")
        if said.get("stale", 0) != every.total() - fresh.total() or said["claims"] != every.total():
            wrong.append(f"{slug}: number of stale claims, or of all")
    return wrong


def missing_or_doubled(ids: Mapping[str, list[str]], files: Mapping[str, bytes]) -> list[str]:
    """Claims that are not exactly once on their page, in ``papers.json`` and in their system's JSON, or on others.

    Args:
        ids: system -> ids of its claims.
        files: path -> content, of the site.
    """
    wrong = []
    listed = Counter(claim["id"] for row in json.loads(files["papers.json"])["papers"] for claim in row["claims"])
    anchors = {slug: Counter(re.findall(r'<tbody id="([^"]+)"', files[f"{slug}.html"].decode())) for slug in ids}
    for slug, claims in ids.items():
        own = Counter(row["id"] for row in json.loads(files[f"{slug}.json"])["claims"])
        for claim in claims:
            short = claim.partition(".")[2]
            if (listed[claim], own[claim], anchors[slug][short]) != (1, 1, 1):
                wrong.append(claim)
        wrong += [f"{slug}.html#{short}" for short in anchors[slug] if f"{slug}.{short}" not in claims]
    wrong += [claim for claim in listed if claim not in {c for claims in ids.values() for c in claims}]
    return wrong
