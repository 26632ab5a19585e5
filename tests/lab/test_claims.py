"""claims.toml: what is accepted, and that a wrong file names itself, the claim and the rule."""

from pathlib import Path

import pytest

from symplast.lab import ClaimsError, read_claims
from symplast.lab.registry import rooms

HEAD = """
[system]
name = "x"
title = "X"
summary = "S"
[paper]
title = "P"
authors = ["A"]
year = 2020
arxiv = "2001.00001"
bibtex_key = "a2020p"
"""
CLAIM = """
[[claim]]
id = "{id}"
says = "S"
source = "Eq. 1"
kind = "{kind}"
{rest}
"""


def write(folder: Path, rest: str, claim_id: str = "X1", kind: str = "exact") -> Path:
    path = folder / "claims.toml"
    path.write_text(HEAD + CLAIM.format(id=claim_id, kind=kind, rest=rest))
    return path


@pytest.mark.parametrize(
    "rule",
    [
        "{ near = { value = 1.5, abs = 0.1 } }",
        "{ near = { value = [[1, 2], [3, 4]], digits = 2 } }",
        "{ near = { value = 2, rel = 0.01 } }",
        "{ at_least = 3 }",
        "{ at_most = 3.5 }",
        "{ between = [0, 1] }",
        '{ greater_than = { quantity = "e.other" } }',
        "{ holds = true }",
    ],
)
def test_every_rule_is_read(tmp_path: Path, rule: str) -> None:
    claims = read_claims(write(tmp_path, f'quantity = "e.q"\nrule = {rule}'))
    assert len(claims["X1"].parts) == 1
    assert claims["X1"].parts[0].rule.text()


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ('quantity = "e.q"\nrule = { at_most = 1, at_least = 0 }', "exactly one"),
        ('quantity = "e.q"\nrule = { near = { value = 1 } }', "near needs exactly one of abs, rel, digits"),
        ('quantity = "q"\nrule = { holds = true }', "<experiment>.<variable>"),
        ('quantity = "e.q"', "needs exactly one of"),
        ('quantity = "e.q"\nrule = { at_most = 1 }\nnot_run = "later"', "needs exactly one of"),
        ('quantity = "e.q"\nrule = { at_most = "one" }', "Expected"),
        ('quantity = "e.q"\nrule = { at_most = 1 }\nsurprise = 1', "surprise"),
        ('quantity = "e.q"\nrule = { at_most = 1 }\nscales = ["huge"]', "huge"),
        ('quantity = "e.q"\nrule = { at_most = 1 }\nscales = []', "at least one scale"),
        ('quantity = "e.q"\nrule = { between = [2, 1] }', "between must be"),
        ('quantity = "e.q"\nrule = { near = { value = 1, abs = -1 } }', "tolerance of at least 0"),
        ('not_run = "later"\nlenient = { at_most = 1 }', "lenient goes with"),
    ],
)
def test_a_broken_rule_names_file_claim_and_rule(tmp_path: Path, rest: str, message: str) -> None:
    path = write(tmp_path, rest)
    with pytest.raises(ClaimsError) as caught:
        read_claims(path)
    assert str(path) in str(caught.value)
    assert "claim X1" in str(caught.value)
    assert message in str(caught.value)


def test_wrong_kind_and_wrong_id(tmp_path: Path) -> None:
    rest = 'quantity = "e.q"\nrule = { at_most = 1 }'
    with pytest.raises(ClaimsError, match=r"claim X1, kind: .*guess"):
        read_claims(write(tmp_path, rest, kind="guess"))
    with pytest.raises(ClaimsError, match="letters and a number"):
        read_claims(write(tmp_path, rest, claim_id="first"))


def test_ids_are_unique(tmp_path: Path) -> None:
    one = CLAIM.format(id="X1", kind="exact", rest='not_run = "later"')
    path = tmp_path / "claims.toml"
    path.write_text(HEAD + one + one)
    with pytest.raises(ClaimsError, match="X1 appears twice"):
        read_claims(path)


def test_not_toml(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text("[system\n")
    with pytest.raises(ClaimsError, match="not valid TOML"):
        read_claims(path)


def test_fingerprint_follows_what_is_judged(tmp_path: Path) -> None:
    def fingerprint(bound: str, why: str) -> str:
        return read_claims(write(tmp_path, f'quantity = "e.q"\nrule = {{ at_most = {bound} }}\nwhy = "{why}"'))[
            "X1"
        ].fingerprint

    assert fingerprint("1", "a") == fingerprint("1", "b")
    assert fingerprint("1", "a") != fingerprint("2", "a")


@pytest.mark.parametrize("name", rooms())
def test_every_room_is_complete(name: str) -> None:
    """The plan of the house: claims that fit the experiments, figures with words, the page and the example."""
    room = rooms()[name]
    study = room.study()
    assert room.claims.claim
    assert study.figures
    assert all(figure.caption and figure.alt for figure in study.figures.values())
    house = Path(__file__).parents[2]
    for place in (f"docs/systems/{name}.md", f"examples/{name}.py", f"benchmarks/{name}.py", f"results/{name}.json"):
        assert (house / place).exists(), f"{name} has no {place}"
