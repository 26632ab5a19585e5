"""A fingerprint follows what an experiment can reach, and nothing else."""

import importlib
import itertools
import sys
import textwrap
from pathlib import Path

import pytest

from symplast.lab.fingerprint import experiment_fingerprint, figures_fingerprint, modules_fingerprint
from symplast.lab.registry import rooms

STUDY = """
from room.a import f
study = Study("room")
LIMIT = 3

@study.experiment(quick={"n": 1})
def measure(config, key):
    return f(config.n)

@study.experiment(quick={})
def other(config, key):
    return LIMIT
"""


@pytest.fixture
def fingerprint(tmp_path: Path):
    """The fingerprint of an experiment of a room with the given modules."""
    count = itertools.count()

    def of(experiment: str = "measure", named: tuple[str, ...] = (), **files: str) -> str:
        folder = tmp_path / str(next(count))
        for name, text in ({"study": STUDY} | files).items():
            path = folder / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return experiment_fingerprint("room", folder, experiment, named)

    return of


def test_sees_code_and_nothing_else(fingerprint) -> None:
    plain = fingerprint(a='"""Doc."""\n\ndef f(x):\n    """Add."""\n    return x + 1\n')
    assert plain == fingerprint(a="# why\ndef f(x):\n\n    return (x +\n        1)\n", figures="import nothing")
    assert plain != fingerprint(a="def f(x):\n    return x + 2\n")
    assert plain != fingerprint(a="def f(x):\n    return x - 1\n")
    loop = "def f(y):\n    for x in y:\n        t = x + 1\n{}g(t)\n"
    assert fingerprint(a=loop.format("        ")) != fingerprint(a=loop.format("    "))  # nesting is meaning


@pytest.mark.parametrize(
    "imports",
    [
        "import room.b\ndef f(x): return room.b.g",
        "from room import b\ndef f(x): return b.g(x)",
        "from room.b import g\ndef f(x): return g",
        "from room import g\ndef f(x): return g",  # passed on by the package
        "from room import g as renamed\ndef f(x): return renamed",
        "import room as r\ndef f(x): return r.b.g",
        "from . import b\ndef f(x): return b.g",
        "from .b import g\ndef f(x): return g",
        "def f(x):\n    from room.b import g\n    return g(x)",
        "from room.b import g\nTABLE = {1: g}\ndef f(x): return TABLE[x]",
        "from room.b import g\nTABLE = {}\nTABLE[1] = g\ndef f(x): return TABLE[x]",
        "from room.b import g\nTABLE = {}\nTABLE.update(a=g)\ndef f(x): return TABLE[x]",
        "from room.b import g\nclass C:\n    def m(self): return g\ndef f(x): return C().m()",
        "from room.b import g\nclass B:\n    x: int = g\nclass C(B): pass\nf = C",
        "from room.b import g\n@g\ndef f(x): return x",
        "from room.b import g\ndef f(x, y=g): return x",
        "from room.b import g\ng(1)\ndef f(x): return x",  # runs on import
        "try:\n    from room.b import g\nexcept ImportError:\n    g = None\ndef f(x): return g",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room.b import g\ndef f(x: g): return x",
    ],
)
def test_follows_names(fingerprint, imports: str) -> None:
    package = "from room.b import g\nfrom room.c import h"
    reached = fingerprint(a=imports, b="g = 1\nother = 1", c="h = 1", __init__=package)
    assert reached != fingerprint(a=imports, b="g = 2\nother = 1", c="h = 1", __init__=package)
    assert reached == fingerprint(a=imports, b="g = 1\nother = 1", c="h = 2", __init__=package)
    assert reached == fingerprint(a=imports, b="g = 1\nother = 2", c="h = 1", __init__=package)  # a neighbour


def test_a_module_that_is_handed_on_counts_whole(fingerprint) -> None:
    code = "from room import b\ndef f(x): return getattr(b, x)"
    assert fingerprint(a=code, b="g = 1") != fingerprint(a=code, b="g = 1\nh = 2")


def test_parameters_in_the_decorator_and_other_experiments_are_left_out(fingerprint) -> None:
    a = "def f(x): return x"
    assert fingerprint(a=a) == fingerprint(a=a, study=STUDY.replace('{"n": 1}', '{"n": 2}, full={"n": 10}'))
    assert fingerprint(a=a) == fingerprint(a=a, study=STUDY.replace("LIMIT = 3", "LIMIT = 4"))
    assert fingerprint("other", a=a) != fingerprint("other", a=a, study=STUDY.replace("LIMIT = 3", "LIMIT = 4"))
    assert fingerprint("other", a=a) == fingerprint("other", a="def f(x): return 2 * x")
    with pytest.raises(LookupError, match="no experiment 'third'"):
        fingerprint("third", a=a)


def test_moving_a_definition_changes_nothing_but_another_of_its_name_does(fingerprint) -> None:
    helper = "def g(x): return x + 1\n"
    together = fingerprint(a=helper + "def f(x): return g(x)")
    apart = {"a": "from room.b import g\ndef f(x): return g(x)", "b": helper}
    assert fingerprint(**apart) != fingerprint(**apart | {"b": "def g(x): return x - 1"})
    moved = {"a": "from room.c import g\ndef f(x): return g(x)", "c": helper}
    assert fingerprint(**apart) == fingerprint(**moved) == together
    two = {"b": helper, "c": "def g(x): return x - 1"}
    both = "from room.{} import g\nfrom room.{} import g as h\ndef f(x): return g(h(x))"
    assert fingerprint(a=both.format("b", "c"), **two) != fingerprint(a=both.format("c", "b"), **two)


def test_circles_of_definitions_end(fingerprint) -> None:
    circle = {"a": "from room import b\ndef f(x): return b.g(x)", "b": "from room import a\ndef g(x): return a.f(x)"}
    assert fingerprint(**circle) == fingerprint(**circle)


def test_reaches_what_is_named_in_a_text(fingerprint) -> None:
    a = "def f(x): return x"
    assert fingerprint(a=a) != fingerprint(a=a, named=("symplast.curl.transforms",))
    assert fingerprint(a=a) == fingerprint(a=a, named=("symplast.stats",))
    with pytest.raises(ValueError, match="nowhere' is no module"):
        fingerprint(a=a, named=("symplast.nowhere",))


def test_every_experiment_that_a_claim_names_has_a_fingerprint() -> None:
    for room in rooms().values():
        for claim in room.claims.claim:
            for experiment in claim.experiments:
                assert len(room.code(experiment)) == 16, (room.name, experiment)
        assert room.code("no such experiment") == ""


def test_modules_and_figures_have_fingerprints() -> None:
    one, two = "symplast.curl.transforms", "symplast.equilibrium.rules"
    assert modules_fingerprint([one, two]) == modules_fingerprint([two, one]) != modules_fingerprint([one])
    assert len({figures_fingerprint(room.folder) for room in rooms().values()}) == len(rooms())


def test_the_hash_of_an_imported_file_is_of_the_code_that_runs(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "edited_while_imported.py"
    file.write_text("def rule():\n    return 1\n")
    module = importlib.import_module("edited_while_imported")
    before = modules_fingerprint([module.__name__])
    file.write_text("def rule():\n    return 1  # a comment is no change\n")
    assert modules_fingerprint([module.__name__]) == before
    file.write_text("def rule():\n    return 2\n")
    with pytest.raises(ValueError, match=r"edited_while_imported .* has changed since it was imported"):
        modules_fingerprint([module.__name__])
    importlib.reload(module)
    assert modules_fingerprint([module.__name__]) != before
    monkeypatch.delitem(sys.modules, module.__name__)
