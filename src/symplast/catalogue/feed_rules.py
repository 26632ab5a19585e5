"""What RFC 4287 asks of a feed, checked by an XML parser: an independent look at what we write."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime

NS = "{http://www.w3.org/2005/Atom}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


def faults(content: bytes) -> list[str]:
    """What is wrong with a feed; empty where nothing is.

    Example:
        >>> faults(b"<feed xmlns='http://www.w3.org/2005/Atom'/>")[0]
        'feed: 0 id'
    """
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        return [f"not well-formed: {error}"]
    if root.tag != f"{NS}feed":
        return ["the root is no Atom feed"]
    wrong = _common(root, "feed")
    links = [(link.get("rel", "alternate"), link.get("href")) for link in root.findall(f"{NS}link")]
    if [rel for rel, _ in links].count("self") != 1:
        wrong.append("feed: not one link to itself")
    entries = root.findall(f"{NS}entry")
    if root.find(f"{NS}author") is None and any(entry.find(f"{NS}author") is None for entry in entries):
        wrong.append("feed: an entry without author")
    for number, entry in enumerate(entries):
        name = f"entry {number}"
        wrong += _common(entry, name)
        own = [link.get("rel", "alternate") for link in entry.findall(f"{NS}link")]
        if own.count("alternate") != 1:
            wrong.append(f"{name}: not one alternate link")
        if entry.find(f"{NS}content") is None and entry.find(f"{NS}summary") is None:
            wrong.append(f"{name}: neither content nor summary")
    ids = [entry.findtext(f"{NS}id") for entry in entries]
    if len(ids) != len(set(ids)):
        wrong.append("two entries with one id")
    times = [datetime.fromisoformat(entry.findtext(f"{NS}updated") or "") for entry in entries] if not wrong else []
    if times and datetime.fromisoformat(root.findtext(f"{NS}updated") or "") < max(times):
        wrong.append("feed: older than its newest entry")
    if times != sorted(times, reverse=True):
        wrong.append("entries are not newest first")
    return wrong


def entry_ids(content: bytes) -> list[tuple[str, str]]:
    """Ids and times of the entries, in order."""
    entries = ET.fromstring(content).findall(f"{NS}entry")
    return [(entry.findtext(f"{NS}id") or "", entry.findtext(f"{NS}updated") or "") for entry in entries]


def _common(element: ET.Element, name: str) -> list[str]:
    wrong = []
    for tag in ("id", "title", "updated"):
        found = element.findall(f"{NS}{tag}")
        if len(found) != 1:
            wrong.append(f"{name}: {len(found)} {tag}")
        elif not (found[0].text or "").strip():
            wrong.append(f"{name}: empty {tag}")
    if not URI.fullmatch(element.findtext(f"{NS}id") or ""):
        wrong.append(f"{name}: id is no IRI")
    if not RFC3339.fullmatch(element.findtext(f"{NS}updated") or ""):
        wrong.append(f"{name}: updated is no time of RFC 3339")
    for link in element.findall(f"{NS}link"):
        if not link.get("href"):
            wrong.append(f"{name}: a link without href")
    return wrong
