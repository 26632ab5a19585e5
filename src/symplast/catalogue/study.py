"""What the catalogue promises, measured: verdicts true to the files, search that finds, feeds, consent, safe pages."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from symplast.catalogue.addresses import checked_address
from symplast.catalogue.badges import claim_badge, system_badge
from symplast.catalogue.calling import ask
from symplast.catalogue.catalogue import Catalogue
from symplast.catalogue.feed_rules import entry_ids, faults
from symplast.catalogue.feeds import clean
from symplast.catalogue.hostile import SLUG, TEXTS, hostile_card
from symplast.catalogue.page_source import PageSource, active, foreign
from symplast.catalogue.pages import Pages
from symplast.catalogue.recount import claim_ids, counts_of_files, counts_of_page, differences, missing_or_doubled
from symplast.catalogue.simulation import SimulatedMonth
from symplast.catalogue.site import site_files
from symplast.catalogue.subscriptions import Subscriptions
from symplast.catalogue.twins import papers_json
from symplast.lab import Config, Evidence, Study, evidence
from symplast.lab.events import Event, changes
from symplast.lab.published import read_published, results_folder
from symplast.lab.registry import Room, rooms
from symplast.lab.verdicts import OUTCOMES
from symplast.learning.host_random import generator

study = Study("catalogue")

URL = "https://verdicts.example.org/"


@study.experiment(quick={"changes": 20})
def truth(config: Config, key: Any) -> Evidence:
    """Counts of every card against a recount of the files; random changes of a copy; claims that are hidden."""
    known, random = _built_in(), generator(key)
    with _copied_results(known) as folder:
        catalogue = Catalogue(known, folder, check_code=False)
        site = dict(site_files(catalogue, URL))
        wrong = _recount(known, folder, site["index.html"], site["papers.json"])
        hidden = missing_or_doubled(
            {name: claim_ids(room.folder / "claims.toml") for name, room in known.items()}, site
        )
        unseen = 0
        with_results = [name for name in known if (folder / f"{name}.json").is_file()]
        for _ in range(config.changes):
            name = with_results[int(random.integers(len(with_results)))]
            _change_a_verdict(folder / f"{name}.json", known[name], random)
            renewed = Catalogue(known, folder, check_code=False)
            page, papers = Pages(renewed, URL).index().encode(), papers_json(renewed.cards())
            unseen += page == site["index.html"] or bool(_recount(known, folder, page, papers))
            site["index.html"] = page
        cards = sorted(catalogue.cards(), key=lambda card: -len(card.rows))
    counts = np.array([[*(card.counts.get(outcome, 0) for outcome in OUTCOMES), card.stale] for card in cards])
    return evidence(
        differences=len(wrong),
        changes_unseen=unseen,
        missing_or_doubled=len(hidden),
        claims=int(counts.sum()),
        counts=(("system", "outcome"), counts),
        coords={"system": [card.slug for card in cards], "outcome": [*OUTCOMES, "stale"]},
        notes={"wrong": "; ".join([*wrong, *hidden])},
    )


@study.experiment(quick={"among": 3})
def search(config: Config, key: Any) -> Evidence:
    """Questions in readers' words: is the right system among the first, by each ranker and by all together."""
    known = _built_in()
    catalogue = Catalogue(known, results_folder(), check_code=False)
    asked = [(slug, query) for slug, query in queries() if slug in known]
    names = ["fused", *catalogue.index.rankers]
    ranks = np.array([[_rank(catalogue, name, query, slug) for slug, query in asked] for name in names])
    found, reciprocal = ranks <= config.among, 1 / ranks
    return evidence(
        found=(("seed",), found[0]),
        reciprocal_rank=(("seed",), reciprocal[0]),
        gain_over_bm25=(("seed",), found[0].astype(float) - found[names.index("BM25")]),
        found_by=(("ranker", "seed"), found),
        reciprocal_by=(("ranker", "seed"), reciprocal),
        coords={"ranker": names},
        notes={"missed": "; ".join(f"{s}: {q}" for (s, q), one in zip(asked, found[0], strict=True) if not one)},
    )


@study.experiment(quick={})
def feeds(config: Config, key: Any) -> Evidence:
    """Feeds built twice, read strictly, and built again with one more event."""
    catalogue = Catalogue(_built_in(), results_folder(), check_code=False)
    cards = catalogue.cards()
    events = catalogue.events() or [_some_event(cards[0].slug)]
    first, second = (dict(site_files(Catalogue.of(cards, events), URL)) for _ in range(2))
    wrong = [f"{path} differs" for path in first if first[path] != second[path]]
    atoms = {path: content for path, content in first.items() if path.endswith(".atom")}
    wrong += [f"{path}: {fault}" for path, content in atoms.items() for fault in faults(content)]
    added = _some_event(cards[0].slug, at="2100-01-01T00:00:00+00:00")
    grown = dict(site_files(Catalogue.of(cards, [*events, added]), URL))
    before, after = (_all_entries(one) for one in (first, grown))
    wrong += [f"{entry} changed" for entry in before if entry not in after]
    wrong += [f"{len(after) - len(before)} entries for one event"] * (len(after) != len(before) + 1)
    recorded = catalogue.events()
    times = np.array([event.time.timestamp() / 86_400 for event in recorded])
    outcomes = [OUTCOMES.index(event.new) if event.new in OUTCOMES else -1 for event in recorded]
    return evidence(
        failures=len(wrong),
        feeds=len(atoms),
        entries=len(before),
        day=(("event",), times),
        outcome=(("event",), np.array(outcomes, int)),
        coords={"event": [event.system for event in recorded]},
        notes={"wrong": "; ".join(wrong)},
    )


@study.experiment(quick={"months": 200}, full={"months": 5000})
def months(config: Config, key: Any) -> Evidence:
    """Random months of subscriptions with crashes, refused mails and a clock that goes back."""
    seeds = generator(key).integers(2**62, size=config.months)
    lived = [SimulatedMonth(int(seed)).run() for seed in seeds]
    numbers = ("digests", "confirmations", "crashes", "repeats", "failed", "unsubscribed")
    counted = {name: np.array([getattr(month, name) for month in lived]) for name in numbers}
    violations = [violation for month in lived for violation in month.violations]
    eventful = all(counted[name].sum() > 0 for name in ("digests", "crashes", "repeats", "unsubscribed"))
    return evidence(
        violations=len(violations),
        eventful=bool(eventful),
        counts=(("month", "what"), np.stack(list(counted.values()), axis=1)),
        totals=(("what",), np.array([values.sum() for values in counted.values()])),
        coords={"what": list(numbers)},
        notes={"wrong": "; ".join(violations[:20])},
    )


@study.experiment(quick={"host": 60})
def one_click(config: Config, key: Any) -> Evidence:
    """Unsubscribing from a digest that was received, by both kinds of body, from a site with a long name."""
    from symplast.catalogue.server import Site
    from symplast.catalogue.serving import LiveSite

    host = "v" * (config.host - len(".example.org")) + ".example.org"
    kinds = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "")
    bodies = (b"List-Unsubscribe=One-Click", b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
              b"One-Click\r\n--b--\r\n", b"x" * 100_000)  # fmt: skip
    catalogue = Catalogue.of(Catalogue(_built_in(), results_folder(), check_code=False).cards())
    live = LiveSite(lambda check_code: catalogue, f"https://{host}/")
    wrong: list[str] = []
    for kind, body in zip(kinds, bodies, strict=True):
        box = _Mailbox()
        clock = _Clock()
        subscriptions = Subscriptions(":memory:", clock, box, live.base_url)
        app = Site(live, subscriptions).app()
        raw = _digest_received(subscriptions, app, box, clock)
        link = f"https://{host}/u/"
        line = next((one for one in raw.split(b"\r\n") if one.lower().startswith(b"list-unsubscribe:")), b"")
        path = line.partition(b"<")[2].partition(b">")[0].decode().removeprefix(f"https://{host}")
        wrong += ["the header does not hold the address literally"] * (f"<{link}".encode() not in line or b"=?" in line)
        wrong += ["no List-Unsubscribe-Post"] * (
            b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" not in raw
        )
        looked = [ask(app, method, path) for method in ("GET", "HEAD", "GET")]
        wrong += ["a GET ended it"] * (_states(subscriptions) != ["active"] or any(r.status != 200 for r in looked))
        headers = [("content-type", kind)] if kind else []
        reply, again = (ask(app, "POST", path, body=body, headers=headers) for _ in range(2))
        wrong += [f"POST gave {reply.status}, then {again.status}"] * ((reply.status, again.status) != (200, 200))
        wrong += ["a cookie or a redirect"] * bool({"set-cookie", "location"} & reply.headers.keys())
        wrong += ["it was not ended"] * (_states(subscriptions) != ["gone"])
        wrong += ["an unknown token was taken"] * (ask(app, "POST", "/u/" + "A" * 22).status != 404)
    return evidence(failures=len(wrong), notes={"wrong": "; ".join(wrong)})


@study.experiment(quick={})
def hostile(config: Config, key: Any) -> Evidence:
    """Hostile texts through every page, feed, badge and mail; hostile addresses and paths."""
    from symplast.catalogue.server import Site
    from symplast.catalogue.serving import LiveSite

    wrong: list[str] = []
    for text in TEXTS:
        card = hostile_card(Path(tempfile.gettempdir()), text)
        event = _some_event(SLUG, claim="X1")
        site = dict(site_files(Catalogue.of([card], [event]), URL))
        site["search"] = (
            Pages(Catalogue.of([card], [event]), URL, served=True).search(text, [], [], cut=False, form={}).encode()
        )
        for path, content in site.items():
            said = content.decode()
            forbidden = path.endswith((".html", ".svg", ".atom", "search")) and clean(said) != said
            if forbidden or any(ord(sign) < 32 and sign not in "\t\n\r" for sign in said):
                wrong.append(f"{path}: a control character of {text[:20]!r}")
            if path.endswith((".html", ".svg", "search")):
                wrong += [f"{path}: {one} of {text[:20]!r}" for one in (active(said) + foreign(said, URL))]
        wrong += [f"feed: {fault}" for path in site if path.endswith(".atom") for fault in faults(site[path])]
        rows = json.loads(site[f"{SLUG}.json"])["claims"]
        wrong += ["JSON lost a text"] * any(row["says"] != text for row in rows)
        wrong += [
            f"badge: {fault}" for one in (claim_badge(card, card.rows[0]), system_badge(card)) for fault in _svg(one)
        ]
    wrong += [f"{address!r} was taken" for address in BAD_ADDRESSES if not _refused(address)]
    catalogue = Catalogue.of(Catalogue(_built_in(), results_folder(), check_code=False).cards())
    app = Site(LiveSite(lambda check_code: catalogue, "http://localhost/"), None).app()
    wrong += [f"{path} was found" for path in CLIMBING if ask(app, "GET", path).status != 404]
    return evidence(failures=len(wrong), texts=len(TEXTS), notes={"wrong": "; ".join(wrong)})


@study.experiment(quick={})
def offline(config: Config, key: Any) -> Evidence:
    """What the pages would load or send elsewhere, and what is missing of them without scripts."""
    catalogue = Catalogue(_built_in(), results_folder(), check_code=False)
    requests, missing, pages = list[str](), list[str](), 0
    for served in (False, True):
        site = dict(site_files(catalogue, URL, served=served))
        own = Pages(catalogue, URL, served=served)
        site |= {"subscribe.html": own.subscribe(mail=True).encode(), "message.html": own.message("T", "x").encode()}
        for path, content in site.items():
            if path.endswith((".html", ".svg")):
                pages += 1
                requests += [f"{path}: {one}" for one in foreign(content.decode(), URL)]
        first = PageSource(site["index.html"].decode())
        missing += [card.slug for card in catalogue.cards() if card.system.summary.split()[0] not in first.text]
        missing += [one for one in first.hidden if one != "find" or served]
        for card in catalogue.cards():
            text = PageSource(site[f"{card.slug}.html"].decode()).text
            missing += [row.id for row in card.rows if row.claim.says not in text or row.outcome not in text]
    return evidence(requests=len(requests) + len(missing), pages=pages, notes={"wrong": "; ".join(requests + missing)})


BAD_ADDRESSES = (
    "a@example.org\r\nBcc: b@example.org",
    "a@example.org\n",
    "a\x00@example.org",
    "Ada <a@example.org>",
    "a@example.org, b@example.org",
    "a" * 250 + "@example.org",
    "a@[127.0.0.1]",
    "@example.org",
    "a@",
    "a b@example.org",
    "",
)
CLIMBING = (
    "/../../etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/claims.toml",
    "/curl/../../results/curl.json",
    "/curl%00.html",
    "//etc/passwd",
    "/....//curl.html",
    "/C:%5cwindows",
    "/.symplast-site",
    "/nobody.html",
)


def queries() -> list[tuple[str, str]]:
    """Pairs of a system and a question that it answers."""
    content = files("symplast.catalogue").joinpath("queries.json").read_text(encoding="utf-8")
    return [(slug, query) for slug, query in json.loads(content)]


def _built_in() -> dict[str, Room]:
    """The systems of symplast itself: what is measured must not hang on somebody's plug-ins."""
    return {name: room for name, room in rooms().items() if room.built_in}


def _rank(catalogue: Catalogue, ranker: str, query: str, slug: str) -> float:
    """Of the right system, from 1; infinity where it was not found."""
    if ranker == "fused":
        order = [hit.slug for hit in catalogue.search(query, k=len(catalogue.cards()))]
    else:
        order = catalogue.index.ranked(query, ranker)
    return order.index(slug) + 1 if slug in order else float("inf")


@contextmanager
def _copied_results(known: Mapping[str, Room]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as place:
        for path in results_folder().glob("*.json*"):
            if path.stem in known or path.suffix == ".jsonl":
                shutil.copy(path, place)
        yield Path(place)


def _recount(known: Mapping[str, Room], folder: Path, page: bytes, papers: bytes) -> list[str]:
    counted = {
        name: counts_of_files(room.folder / "claims.toml", folder / f"{name}.json") for name, room in known.items()
    }
    return differences(counted, counts_of_page(page.decode(), OUTCOMES), papers)


def _change_a_verdict(path: Path, room: Room, random: np.random.Generator) -> None:
    """Another verdict for a random claim that is not stale, in the file."""
    tree = json.loads(path.read_text())
    published = read_published(room, path.parent)
    stale = set(published.stale_claims(room, check_code=False)) if published else set()
    rows = [row for row in tree["claims"] if row["id"].partition(".")[2] not in stale] or tree["claims"]
    row = rows[int(random.integers(len(rows)))]
    others = [outcome for outcome in OUTCOMES if outcome != row["verdict"]]
    row["verdict"] = others[int(random.integers(len(others)))]
    path.write_text(json.dumps(tree))


def _some_event(system: str, at: str = "2026-01-01T00:00:00+00:00", claim: str = "X1") -> Event:
    class Edition:
        scale, commit, runs = "full", "", ()

        def __init__(self, verdict: str):
            self.system, self.claims = system, [{"id": f"{system}.{claim}", "verdict": verdict}]

    return changes(Edition("reproduced"), Edition("refuted"), at)[0]  # type: ignore[arg-type]


def _all_entries(site: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Entries of the main feed, all pages."""
    paths = sorted(path for path in site if path.startswith("feed") and path.endswith(".atom"))
    return [entry for path in paths for entry in entry_ids(site[path])]


class _Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class _Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    def send(self, message: EmailMessage, to: str) -> None:
        self.mails.append(message)


def _digest_received(subscriptions: Subscriptions, app: Any, box: _Mailbox, clock: _Clock) -> bytes:
    """Subscribe and confirm by the pages, let something change, and give back the raw digest."""
    form = [("content-type", "application/x-www-form-urlencoded")]
    ask(app, "POST", "/subscribe", body=b"email=ada%40example.org&cadence=daily", headers=form)
    text = box.mails[0].get_content()
    path = text[text.index("/confirm/") :].split()[0]
    ask(app, "GET", path)
    assert _states(subscriptions) == ["pending"]
    ask(app, "POST", path)
    at = (clock.now + timedelta(hours=1)).isoformat(timespec="seconds")
    clock.now += timedelta(days=1)
    subscriptions.run_digests(clock.now, [_some_event("curl", at=at)])
    return box.mails[-1].as_bytes()


def _states(subscriptions: Subscriptions) -> list[str]:
    with subscriptions.connection() as connection:
        return [state for (state,) in connection.execute("SELECT state FROM subscription").fetchall()]


def _svg(text: str) -> list[str]:
    import xml.etree.ElementTree as ET

    try:
        ET.fromstring(text)
    except ET.ParseError as error:
        return [str(error)]
    return []


def _refused(address: str) -> bool:
    try:
        checked_address(address)
    except ValueError:
        return True
    return False
