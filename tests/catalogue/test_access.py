"""What a screen reader is given, and what the keyboard reaches, in Chromium on the written pages."""

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from symplast.catalogue import write_site

from .browser import Browser
from .samples import present

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
PAGES = ("index.html", "curl.html", "verdicts.html", "about.html")
NAMED = (
    "link",
    "button",
    "searchbox",
    "textbox",
    "combobox",
    "checkbox",
    "image",
    "heading",
    "table",
    "DisclosureTriangle",
)
FOCUSABLE = "[...document.querySelectorAll('a[href], button, input, select, summary')].filter(e => e.checkVisibility())"
FOCUSED = """(() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return {body: e === document.body, place: [...document.querySelectorAll('*')].indexOf(e), text: e.textContent.trim(),
          marked: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2,
          inside: r.bottom > 0 && r.top < innerHeight && r.width > 0};
})()"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(present(), tmp_path_factory.mktemp("site") / "site").parent


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(str(CHROMIUM), tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("page", PAGES)
def test_everything_has_a_name_and_a_place(browser: Browser, site: Path, page: str) -> None:
    browser.open((site / page).as_uri())
    browser.ask("Accessibility.enable")
    nodes = [node for node in browser.ask("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    said = [(node["role"]["value"], str(node.get("name", {}).get("value", "")).strip()) for node in nodes]
    assert [role for role, name in said if role in NAMED and len(name) < 2] == []
    roles = [role for role, _ in said]
    assert [roles.count(role) for role in ("main", "banner", "contentinfo")] == [1, 1, 1]
    levels = [int(value(node, "level")) for node in nodes if node["role"]["value"] == "heading"]
    assert levels.count(1) == 1 == levels[0]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def value(node: dict[str, Any], name: str) -> Any:
    """A property of a node of the tree."""
    return next(each["value"]["value"] for each in node["properties"] if each["name"] == name)


@pytest.mark.parametrize("page", ["index.html", "curl.html", "about.html"])
def test_the_keyboard_reaches_everything_once_and_shows_where_it_is(browser: Browser, site: Path, page: str) -> None:
    browser.open((site / page).as_uri())
    everything = browser.says(f"{FOCUSABLE}.map(e => [...document.querySelectorAll('*')].indexOf(e))")
    reached = []
    for _ in range(len(everything) + 5):
        browser.press("Tab", 9)
        at = browser.says(FOCUSED)
        if at["body"]:
            break
        assert (at["marked"], at["inside"]) == (True, True), at["text"]
        reached.append(at["place"])
    assert len(set(reached)) == len(reached)
    assert set(everything) <= set(reached)  # regions that scroll are reached, too
    assert reached == sorted(reached)


def test_the_first_key_offers_to_skip_what_all_pages_share(browser: Browser, site: Path) -> None:
    browser.open((site / "index.html").as_uri())
    browser.press("Tab", 9)
    assert browser.says(FOCUSED)["text"] == "Skip to the content"
    browser.press("Enter", 13)
    assert browser.says("location.hash === '#' + document.querySelector('main').id")
    browser.press("Tab", 9)
    assert browser.says("document.querySelector('main').contains(document.activeElement)")


def test_a_search_by_keys(browser: Browser, site: Path) -> None:
    browser.open((site / "index.html").as_uri())
    browser.says("document.querySelector('#q').focus()")
    browser.ask("Input.insertText", text="dopamine")
    browser.press("Enter", 13)
    found = "[...document.querySelectorAll('article.card')].filter(e => e.checkVisibility()).map(e => e.id)"
    for _ in range(50):
        if len(browser.says(found)) == 1:
            break
        browser.says("new Promise(done => setTimeout(done, 100))")
    assert browser.says(found) == ["sym_stdp"]
    assert "1 of" in browser.says("document.querySelector('[role=status]').textContent")
