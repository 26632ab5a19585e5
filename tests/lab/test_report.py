"""The report: what it says, that it stands alone, and how a browser shows it."""

import itertools
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from symplast.lab import Measurement, Store, judge, plan, run
from symplast.lab.audit import audit
from symplast.lab.claims import Claim, Near, Rule
from symplast.lab.report import write_report
from symplast.lab.report.gauge import gauge

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def report(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report with reproduced, partly, failed and untestable claims."""
    store = Store(tmp_path / "runs")
    runs = run(plan(["toy"], "quick"), store, workers=0).runs
    return write_report([audit(toy, runs.values(), "quick")], store, tmp_path, wall_s=12.3).parent


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"


def test_pages_are_well_formed_and_stand_alone(report: Path) -> None:
    for path in report.glob("*.html"):
        page = Page(path.read_text())
        assert page.open == []
        kinds = [tag for tag, _ in page.tags]
        assert not {"script", "link", "iframe", "img"} & set(kinds)
        assert kinds.count("h1") == kinds.count("main") == 1
        for _, attributes in page.tags:
            for name in ("src", "href", "xlink:href"):
                target = attributes.get(name) or "#"
                local = target.startswith("#") or (report / target.split("#")[0]).exists()
                assert local or target.startswith("https://arxiv.org/abs/"), f"{path.name} refers to {target}"
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids))
        for tag, attributes in page.tags:
            if (attributes.get("href") or "").startswith("#") and tag == "a":
                assert attributes["href"][1:] in ids


def test_pages_are_sound_for_screen_readers(report: Path) -> None:
    for path in report.glob("*.html"):
        page = Page(path.read_text())
        kinds = [tag for tag, _ in page.tags]
        assert dict(page.tags)["html"]["lang"] == "en"
        for tag, attributes in page.tags:
            if tag == "svg":
                assert attributes.get("role") == "img"
                assert attributes.get("aria-label")
            if tag == "th":
                assert attributes.get("scope")
        assert kinds.count("caption") == kinds.count("table") >= 1
        levels = [int(tag[1]) for tag in kinds if re.fullmatch("h[1-6]", tag)]
        assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_what_a_system_page_says(report: Path) -> None:
    text = (report / "toy.html").read_text()
    for said in (
        "The third entry of the table is a misprint.",
        "it can&#39;t land on its edge",
        "nobody can be asked",
        "symplast reproduce toy --scale quick",
        "https://arxiv.org/abs/2001.00001",
        "Tosses a coin, a row of tosses a seed.",
        "<code>tosses=40</code>",
        "n = 8",
    ):
        assert said in text, said
    index = (report / "index.html").read_text()
    assert "1 system, 6 claims, 3 experiments. This run took 12 s." in index


def test_failures_and_figures_that_break_show_up(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_FAIL", "1")

    def broken(ds):
        raise ZeroDivisionError("nothing to divide by")

    figure = toy.study().figures["heads"]
    monkeypatch.setitem(toy.study().figures, "heads", type(figure)("heads", "coin", broken, "c", "a"))
    store = Store(tmp_path / "runs")
    runs = run(plan(["toy"], "quick"), store, workers=0).runs
    index = write_report([audit(toy, runs.values(), "quick")], store, tmp_path)
    assert "1 experiment failed" in index.read_text()
    page = (index.parent / "toy.html").read_text()
    assert "the abacus is broken" in page
    assert "Traceback (most recent call last)" in page
    assert "ZeroDivisionError: nothing to divide by" in page
    assert Page(page).open == []


def test_figures_are_drawn_once(report: Path) -> None:
    drawn = list((report.parent / "figures").glob("*/heads.svg"))
    assert len(drawn) == 1
    assert "currentColor" in (report / "toy.html").read_text()


@pytest.mark.parametrize("claim_id", ["T1", "T2", "T3", "T4", "T6"])
def test_gauge_shows_estimate_and_band(toy, claim_id: str) -> None:
    measured = {
        "arithmetic.total": Measurement(value=55.0),
        "arithmetic.squares": Measurement(value=[1.0, 4.0, 9.0]),
        "arithmetic.ascending": Measurement(value=True),
        "coin.heads": Measurement(value=0.5, low=0.4, high=0.9, n=8),
        "coin.zero": Measurement(value=0.0),
        "slow.mean": Measurement(value=2.0, low=1.0, high=3.0, n=3),
    }
    claim = toy.claims[claim_id]
    first = judge(claim, measured, "quick").judgements[0]
    picture = gauge(first, claim.kind, measured)
    count = len(first.measurement.value) if isinstance(first.measurement.value, list) else 1
    assert picture.count('class="dot"') == count
    assert picture.count('class="band"') == 1
    places = [float(x) for x in re.findall(r'(?:cx|x1|x2)="([0-9.]+)"', picture)]
    assert all(0 <= x <= 180 for x in places)


@pytest.mark.parametrize(
    ("rule", "value", "inside"),
    [
        (Rule(near=Near(value=[1, 2, 3], abs=0)), [1.0, 2.0, 99.0], [True, True, False]),
        (Rule(near=Near(value=[1, 2, 3], abs=0.5)), [1.2, 2.6, 3.0], [True, False, True]),
        (Rule(at_least=2), [1.0, 2.5, 9.0], [False, True, True]),
    ],
)
def test_gauge_places_each_entry_on_its_side_of_the_band(rule: Rule, value: list[float], inside: list[bool]) -> None:
    claim = Claim(id="X1", says="s", source="Eq. 1", kind="exact", quantity="e.q", rule=rule)
    measured = {"e.q": Measurement(value=value)}
    picture = gauge(judge(claim, measured, "quick").judgements[0], "exact", measured)
    band = re.search(r'class="band" x="([0-9.]+)" y="14" width="([0-9.]+)"', picture)
    left, right = float(band[1]), float(band[1]) + float(band[2])
    dots = [float(x) for x in re.findall(r'class="dot" cx="([0-9.]+)"', picture)]
    assert [left - 0.2 <= x <= right + 0.2 for x in dots] == inside


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize(("name", "width"), [("wide", 1200), ("phone", 390)])
def test_in_a_browser(report: Path, tmp_path: Path, name: str, width: int) -> None:
    """Chromium opens each page from disk; a probe added to a copy tells the layout's width and what is visible."""
    probe = (
        "<script>addEventListener('load', () => { const e = document.documentElement;"
        "document.title = JSON.stringify({overflow: e.scrollWidth - innerWidth, "
        "gauges: [...document.querySelectorAll('.gauge')].filter(g => g.getBoundingClientRect().width > 60).length, "
        "badges: [...document.querySelectorAll('.badge')].filter(b => b.offsetHeight > 0).length"
        "}); });</script>"
    )
    for page in ("index.html", "toy.html"):
        probed = report / f"probed-{page}"
        # an iframe gives the page exactly the width asked for; headless windows have a least width of their own
        text = (report / page).read_text().replace("</body>", probe + "</body>")
        probed.write_text(text)
        frame = report / f"frame-{page}"
        frame.write_text(
            f"<iframe src='{probed.name}' width='{width}' height='3000' style='border:0' "
            'onload="setTimeout(() => document.title = this.contentDocument.title, 300)"></iframe>'
        )
        browser = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser += ["--disable-component-update", "--disable-sync", "--no-first-run", "--allow-file-access-from-files"]
        browser += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", "--dump-dom"]
        done = subprocess.run([*browser, frame.as_uri()], capture_output=True, text=True, timeout=60)
        found = re.search(r"<title>(.*?)</title>", done.stdout)
        assert found, done.stderr[-2000:]
        told = json.loads(found.group(1).replace("&quot;", '"'))
        assert told["overflow"] <= 0, f"{page} is wider than {width} px by {told['overflow']}"
        assert told["badges"] >= 6
        if page == "toy.html":
            assert told["gauges"] == 5
        probed.unlink()
        frame.unlink()
