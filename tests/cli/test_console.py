"""What users named is printed as it is: no markup, no emoji codes, nothing that commands the terminal."""

import io
import re
from pathlib import Path

import pytest
from rich.table import Table
from typer.testing import CliRunner

import symplast.cli
from symplast.cli import app
from symplast.cli.console import PlainConsole, printable, set_aside, styled, warn
from symplast.cli.tables import coloured, counts

NASTY = "a[1] [bold]b[/] [/nothing] :smile: \x1b[2J\x1b]0;title\x07 \x9b31m \u202e \x00\x7f\rend"
CLEAN = "a[1] [bold]b[/] [/nothing] :smile: [2J]0;title 31m  end"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> PlainConsole:
    found = PlainConsole()
    found.file = io.StringIO()
    found.width = 200
    return found


def test_control_characters_go_and_words_stay() -> None:
    assert printable(NASTY) == CLEAN
    assert printable("two\nlines\tand Füße") == "two\nlines\tand Füße"


@pytest.mark.parametrize("how", ["text", "styled", "styled print", "table", "title"])
def test_every_way_to_print_is_plain(console: PlainConsole, how: str) -> None:
    if how == "text":
        console.print(NASTY)
    elif how == "styled":
        console.print(styled((NASTY, "yellow")))
    elif how == "styled print":
        console.print(NASTY, style="bold", soft_wrap=True)
    else:
        table = Table(NASTY, title=NASTY if how == "title" else None)
        table.add_row(NASTY)
        console.print(table)
    told = console.file.getvalue()
    assert CLEAN in told
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", told)


def test_colour_still_reaches_a_terminal() -> None:
    console = PlainConsole()
    console.file, console._force_terminal, console._color_system = io.StringIO(), True, console._color_system
    console._color_system = __import__("rich.console", fromlist=["ColorSystem"]).ColorSystem.STANDARD
    console.print(styled(coloured("reproduced"), " ", counts({"refuted": 2})))
    assert "\x1b[32m✓ reproduced" in console.file.getvalue()


def test_no_print_of_a_command_is_written_as_markup() -> None:
    """Markup is off, so a tag would be printed; styles come from ``styled`` and ``style=``."""
    for path in Path(symplast.cli.__file__).parent.glob("*.py"):
        assert not re.search(r"\[/\]|\[/?(bold|dim|red|green|yellow)\b", path.read_text()), path.name


def test_warnings_and_faults_of_a_system_are_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    broken: dict[str, str] = {}
    warn("column [b]")
    with set_aside("toy[1]", broken):
        raise KeyError("x\ny")
    assert broken == {"toy[1]": "KeyError: 'x\\ny'"}
    told = capsys.readouterr().err
    assert "warning: column [b]" in told
    assert "left out: toy[1]: KeyError" in told


def test_a_header_of_escape_sequences_does_not_reach_the_terminal(tmp_path: Path, monkeypatch) -> None:
    """The issue's case: a table whose header commands the terminal, named in the error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs [1].csv").write_text("par\x1b[2Jams[/],b\n1,2\n")
    monkeypatch.setattr("sys.argv", ["symplast", "scaling", "fit", "runs [1].csv"])
    with pytest.raises(SystemExit) as ended:
        symplast.cli.main()
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curl", "critical", "0.5", "--rho", "-1"], "--rho"),
        (["reproduce", "toy", "--seeds", "0"], "--seeds must be at least 1"),
        (["report", "--store", "zip:///etc/passwd"], "the store zip:///etc/passwd can't be reached"),
        (["publish", "--readme", "/tmp"], "--readme must be a file"),
    ],
)
def test_errors_name_options(toy, monkeypatch, capsys, arguments: list[str], said: str) -> None:
    monkeypatch.setattr("sys.argv", ["symplast", *arguments])
    with pytest.raises(SystemExit) as ended:
        symplast.cli.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_list_breaks_no_word_at_80_columns(toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from symplast.lab.registry import rooms

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(app, ["list"]).stdout
    assert max(map(len, shown.splitlines())) <= 80
    words = set(re.findall(r"[^\s│┃|]+", shown))
    for room in rooms().values():
        told = f"{room.claims.system.title}{room.claims.system.qualifier}"
        assert set(told.split()) <= words, told
    assert {"reproduced", "inconclusive", "refuted"} <= words
