"""The static site: what its pages say, that they stand alone, and that hostile text stays text."""

import itertools
import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.catalogue import Card, Catalogue, feed, write_site
from symplast.catalogue.badges import badge
from symplast.catalogue.feed_rules import entry_ids, faults
from symplast.catalogue.feeds import PAGE
from symplast.catalogue.hostile import TEXTS, hostile_card
from symplast.catalogue.page_source import PageSource, active, foreign
from symplast.catalogue.recount import claim_ids, counts_of_files, counts_of_page, differences, missing_or_doubled
from symplast.catalogue.site import checked_url, site_files
from symplast.lab.published import results_folder
from symplast.lab.registry import room, rooms
from symplast.lab.verdicts import OUTCOMES

from .samples import URL, event, present


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return present()


@pytest.fixture(scope="module")
def site(catalogue: Catalogue) -> dict[str, bytes]:
    return dict(site_files(catalogue, URL))


def test_counts_are_those_of_the_files(catalogue: Catalogue, site: dict[str, bytes]) -> None:
    counted = {
        card.slug: counts_of_files(card.room.folder / "claims.toml", results_folder() / f"{card.slug}.json")
        for card in catalogue.cards()
    }
    assert differences(counted, counts_of_page(site["index.html"].decode(), OUTCOMES), site["papers.json"]) == []
    slug = next(iter(counted))
    counted[slug] = counted[slug] + type(counted[slug])({"refuted": 1})
    assert differences(counted, counts_of_page(site["index.html"].decode(), OUTCOMES), site["papers.json"])


def test_every_claim_is_shown_once(catalogue: Catalogue, site: dict[str, bytes]) -> None:
    ids = {card.slug: claim_ids(card.room.folder / "claims.toml") for card in catalogue.cards()}
    assert missing_or_doubled(ids, site) == []
    lacking = {**site, "curl.html": site["curl.html"].replace(b'<tbody id="C4"', b'<tbody id="C3"')}
    assert {"curl.C4", "curl.C3"} <= set(missing_or_doubled(ids, lacking))


def test_every_published_verdict_follows_from_its_numbers(catalogue: Catalogue) -> None:
    """The gauges are drawn from what was published; none is missing where the claim has not changed."""
    drawn = 0
    for card in catalogue.cards():
        for row in card.rows:
            for part, picture in zip(row.row["parts"], row.gauges, strict=True):
                if part["measured"] is not None and not row.stale and part["rule"] != "holds" and "<svg" not in picture:
                    assert row.outcome in ("inconclusive", "not run"), (row.id, part["quantity"])
                drawn += "<svg" in picture
    assert drawn > 200


def test_taking_a_results_file_away_changes_the_page(tmp_path: Path) -> None:
    for path in results_folder().glob("*.json*"):
        shutil.copy(path, tmp_path)
    known = {"curl": room("curl"), "hlop": room("hlop")}
    before = Catalogue(known, tmp_path, check_code=False).card("curl")
    (tmp_path / "curl.json").unlink()
    after = Catalogue(known, tmp_path, check_code=False).card("curl")
    assert before.counts != after.counts == {"not run": len(before.rows)}
    assert "nothing is published yet" in after.headline
    page = dict(site_files(Catalogue.of([after]), ""))["curl.html"].decode()
    assert "symplast reproduce curl --scale quick" in page


def test_a_damaged_results_file_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "curl.json").write_text("{}")
    with pytest.raises(ValueError, match=r"curl\.json: not a file of published verdicts"):
        Catalogue({"curl": room("curl")}, tmp_path)


def test_a_stale_claim_leaves_the_headline(catalogue: Catalogue) -> None:
    card = catalogue.card("curl")
    stale = Card(card.room, card.published, None, frozenset({"C1", "C2"}))
    assert stale.stale == 2
    assert sum(stale.counts.values()) == len(card.rows) - 2
    assert "2 stale" in stale.headline
    page = dict(site_files(Catalogue.of([stale]), ""))["curl.html"].decode()
    assert page.count('<tbody id="C1" class="outrun">') == 1
    assert json.loads(dict(site_files(Catalogue.of([stale])))["curl.json"])["claims"][0]["stale"] is True


def test_pages_stand_alone_and_are_sound(site: dict[str, bytes]) -> None:
    for path, content in site.items():
        if not path.endswith(".html"):
            continue
        page = PageSource(content.decode())
        kinds = [tag for tag, _ in page.tags]
        ids = [about["id"] for _, about in page.tags if "id" in about]
        assert foreign(content.decode(), URL) == active(content.decode()) == []
        assert kinds.count("h1") == kinds.count("main") == 1, path
        assert len(ids) == len(set(ids)), path
        assert dict(page.tags)["html"]["lang"] == "en"
        levels = [int(tag[1]) for tag in kinds if re.fullmatch("h[1-6]", tag)]
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels)), path
        for tag, about in page.tags:
            target = about.get("href", about.get("src", "#"))
            if target.startswith("#"):
                assert target == "#" or target[1:] in ids, (path, target)
            elif not target.startswith("https://arxiv.org/"):
                name, _, place = target.partition("#")
                assert name in site or name in ("search", "subscribe"), (path, target)
                assert not place or f'id="{place}"' in site[name].decode(), (path, target)
            if tag in ("th",):
                assert about.get("scope")
            if tag == "img":
                assert about.get("alt")
            if tag == "svg":
                assert about.get("aria-label")
            if tag in ("input", "select"):
                assert "id" in about or tag == "select"


def test_pages_say_which_code_made_them(site: dict[str, bytes]) -> None:
    from symplast import __version__
    from symplast.lab.provenance import code_commit

    commit, dirty = code_commit()
    for path in ("index.html", "curl.html", "verdicts.html", "about.html"):
        text = site[path].decode()
        assert f"symplast {__version__}" in text
        assert commit[:10] in text
        assert ("uncommitted changes" in text) == dirty


def test_json_ld_is_json(site: dict[str, bytes]) -> None:
    for path in ("index.html", "curl.html"):
        (script,) = [s for s in PageSource(site[path].decode()).scripts if s.strip()]
        tree = json.loads(script)
        assert tree["@context"] == "https://schema.org"
    reviews = [one for one in tree["@graph"] if one["@type"] == "ClaimReview"]
    assert reviews[0]["reviewRating"]["alternateName"] in OUTCOMES
    assert reviews[0]["url"].startswith(f"{URL}curl.html#")


def test_json_twins_are_the_contract(site: dict[str, bytes]) -> None:
    tree = json.loads(site["curl.json"])
    assert tree["version"] == 1
    assert {"scale", "systems", "runs", "claims"} <= tree.keys()
    for row in tree["claims"]:
        assert {"id", "kind", "published", "measured", "interval", "n", "verdict", "data", "reason"} <= row.keys()


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_stays_text(text: str, tmp_path: Path) -> None:
    card = hostile_card(tmp_path, text)
    for path, content in site_files(Catalogue.of([card], [event(1, system="hostile", claim="X1")]), URL):
        said = content.decode()
        if path.endswith((".html", ".svg")):
            assert active(said) == foreign(said, URL) == [], path
        if path.endswith(".svg"):
            ET.fromstring(said)
        if path.endswith(".atom"):
            assert faults(content) == []
            assert not feedparser.parse(content).bozo
        if path.endswith(".json"):
            json.loads(content)


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_text_stays_text(text: str) -> None:
    card = hostile_card(Path("."), text)
    site = dict(site_files(Catalogue.of([card], [event(1, system="hostile", claim="X1")]), URL))
    assert active(site["hostile.html"].decode()) == foreign(site["hostile.html"].decode(), URL) == []
    assert faults(site["feed.atom"]) == []
    ET.fromstring(site["hostile/X1.svg"])


def test_the_feed_by_an_independent_parser(site: dict[str, bytes], catalogue: Catalogue) -> None:
    parsed = feedparser.parse(site["feed.atom"])
    assert not parsed.bozo
    assert parsed.version == "atom10"
    assert len(parsed.entries) == min(PAGE, len(catalogue.events()))
    newest = parsed.entries[0]
    assert newest.id.startswith("urn:uuid:")
    assert newest.link.startswith(URL)
    rels = {link.rel for entry in parsed.entries for link in entry.links}
    assert rels == {"alternate", "related"}
    assert parsed.feed.updated == newest.updated


def test_old_entries_are_on_older_pages_and_ids_stay() -> None:
    events = [event(n, at=f"2026-03-{1 + n // 24:02d}T{n % 24:02d}:00:00+00:00") for n in range(120)]
    pages = [feed(events, f"{URL}feed.atom", URL, page=n) for n in (1, 2, 3)]
    found = [one for page in pages for one in entry_ids(page)]
    assert len(found) == len({ident for ident, _ in found}) == 120
    assert all(faults(page) == [] for page in pages)
    links = [{link.rel: link.href for link in feedparser.parse(page).feed.links} for page in pages]
    assert links[0]["next"] == f"{URL}feed-2.atom"
    assert "next" not in links[2]
    assert links[2]["previous"] == f"{URL}feed-2.atom"
    more = feed([*events, event(500, at="2026-04-01T00:00:00+00:00")], f"{URL}feed.atom", URL)
    assert entry_ids(more)[1:] == entry_ids(pages[0])[:-1]
    with pytest.raises(ValueError, match="page must be from 1 to 3, got 4"):
        feed(events, "feed.atom", "", page=4)
    assert feedparser.parse(feed([], "feed.atom", URL)).bozo is False


def test_two_builds_are_the_same_bytes(catalogue: Catalogue, site: dict[str, bytes]) -> None:
    assert dict(site_files(present(), URL)) == site


def test_a_badge_fits_its_text() -> None:
    tree = ET.fromstring(badge("a & b", "<refuted>", "#000"))
    assert tree.get("aria-label") == "a & b: <refuted>"
    assert float(tree.get("width") or 0) > 6 * len("a & b<refuted>")


def test_the_site_replaces_only_what_symplast_wrote(catalogue: Catalogue, tmp_path: Path) -> None:
    small = Catalogue.of([catalogue.card("curl")])
    out = tmp_path / "site"
    write_site(small, out)
    (out / "curl.html").write_text("old")
    left = tmp_path / ".site.0123.part"
    left.mkdir()
    shutil.copy(out / ".symplast-site", left)
    write_site(small, out)
    assert (out / "curl.html").read_text() != "old"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("x")
    with pytest.raises(ValueError, match="to must be a new folder, an empty one, or a site that symplast wrote"):
        write_site(small, mine)
    assert (mine / "thesis.tex").read_text() == "x"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.org", "must begin with https"),
        ("ftp://example.org", "must be the address of a site"),
        ("https://", "must be the address of a site"),
        ("https://a.org/?q=1", "must be the address of a site"),
        ("https://u:p@a.org/", "must be the address of a site"),
        ('https://a.org/"><x', "plain signs"),
        ("https://a.org/\r\nX: y", "plain signs"),
    ],
)
def test_addresses_of_sites(url: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checked_url(url)
    assert checked_url("https://a.org/v") == "https://a.org/v/"
    assert checked_url("http://127.0.0.1:8000") == "http://127.0.0.1:8000/"


def test_a_system_must_not_have_the_name_of_a_page(catalogue: Catalogue, tmp_path: Path) -> None:
    card = hostile_card(tmp_path, "x")
    object.__setattr__(card.room, "name", "index")
    with pytest.raises(ValueError, match="'index' has the name of a page"):
        list(site_files(Catalogue.of([card])))


def test_plug_ins_appear_and_broken_ones_are_left_out(tmp_path: Path) -> None:
    from symplast.lab.registry import Room

    toy = Room("toy", "toy", Path(__file__).parents[1] / "lab" / "plugin" / "toy")
    broken = Room("broken", "broken", tmp_path)
    (tmp_path / "claims.toml").write_text("[system")
    catalogue = Catalogue({"curl": rooms()["curl"], "toy": toy, "broken": broken}, results_folder(), check_code=False)
    assert {card.slug for card in catalogue.cards()} == {"curl", "toy"}
    assert "broken" in catalogue.left_out
    site = dict(site_files(catalogue))
    assert "toy.html" in site
    assert b"claims.toml" in site["index.html"]
