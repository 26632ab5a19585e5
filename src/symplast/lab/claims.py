"""Claims as data: what a paper says, where, and the rule that decides whether a measurement agrees.

A room keeps its claims in ``claims.toml``; this module reads and checks that file. Importing it is cheap: no JAX.
"""

import hashlib
import re
import tomllib
from datetime import date
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from symplast.lab.numbers import short_exponent

Kind = Literal["exact", "simulation", "data", "hypothesis", "extension"]
Scale = Literal["quick", "full", "paper"]
SCALES: tuple[Scale, ...] = ("quick", "full", "paper")

Number = int | float | bool

_QUANTITY = re.compile(r"[a-z][a-z0-9_]*\.[a-zA-Z][a-zA-Z0-9_]*")


class ClaimsError(ValueError):
    """A ``claims.toml`` that breaks the schema; the message names the file, the claim and the rule broken."""


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of everything that is read from ``claims.toml``: unknown keys are errors."""


class Near(Strict, frozen=True, kw_only=True):
    """``value`` within a tolerance; ``digits`` = printed decimals, i.e. half a unit of the last one."""

    value: Number | list[Any]
    abs: float | None = None
    rel: float | None = None
    digits: int | None = None

    def __post_init__(self) -> None:
        if sum(t is not None for t in (self.abs, self.rel, self.digits)) != 1:
            raise ValueError("near needs exactly one of abs, rel, digits")
        if (self.abs or 0) < 0 or (self.rel or 0) < 0:
            raise ValueError("near needs a tolerance of at least 0")

    def band(self, value: float) -> tuple[float, float]:
        """The accepted range round one published value."""
        if self.rel is not None:
            half = self.rel * abs(value)
        elif self.abs is not None:
            half = self.abs
        else:
            half = 0.5 * 10.0 ** -(self.digits or 0) * (1 + 1e-9)  # a tie rounds either way
        return value - half, value + half


class Rival(Strict, frozen=True, kw_only=True):
    """The other quantity of a ``greater_than`` rule."""

    quantity: str


class Rule(Strict, frozen=True, kw_only=True):
    """What the measured value must satisfy; exactly one of the fields is set."""

    near: Near | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    between: Annotated[list[float], msgspec.Meta(min_length=2, max_length=2)] | None = None
    greater_than: Rival | None = None
    holds: Literal[True] | None = None

    def __post_init__(self) -> None:
        names = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(names) != 1:
            raise ValueError(f"a rule has exactly one of {', '.join(self.__struct_fields__)}; got {names or 'none'}")
        if self.between and self.between[0] > self.between[1]:
            raise ValueError(f"between must be [low, high], got {self.between}")

    def text(self, unit: str = "") -> str:
        """The rule in words, for tables and reports."""
        tail = f" {unit}" if unit else ""
        match self:
            case Rule(near=Near() as near):
                listed = isinstance(near.value, list)
                value = "the published table" if listed else _shortest(near.value)
                whole = value if listed else value + tail
                if near.digits is not None:
                    return f"{whole} to {near.digits} decimals"
                if near.rel is not None:
                    return f"{whole} ± {_shortest(100 * near.rel)} %"
                return f"{value} ± {_shortest(near.abs)}{tail}" if near.abs else f"exactly {whole}"
            case Rule(at_least=float() | int() as bound):
                return f"at least {_shortest(bound)}{tail}"
            case Rule(at_most=float() | int() as bound):
                return f"at most {_shortest(bound)}{tail}"
            case Rule(between=[low, high]):
                return f"between {_shortest(low)} and {_shortest(high)}{tail}"
            case Rule(greater_than=Rival(quantity=other)):
                return f"greater than {other}"
            case _:
                return "holds"


def _shortest(value: Any) -> str:
    """A bound as one would write it."""
    return short_exponent(f"{value:.10g}")


class Part(Strict, frozen=True, kw_only=True):
    """One measurable statement: a quantity and the rule it must satisfy.

    A claim with a single statement is its own part; others list theirs under ``[[claim.part]]``.
    """

    quantity: str
    rule: Rule
    says: str = ""
    published: str | Number | None = None
    lenient: Rule | None = None
    unit: str = ""
    scales: tuple[Scale, ...] = SCALES

    def __post_init__(self) -> None:
        rules = [self.rule, *([self.lenient] if self.lenient else [])]
        for name in [self.quantity, *(rule.greater_than.quantity for rule in rules if rule.greater_than)]:
            if not _QUANTITY.fullmatch(name):
                raise ValueError(f"quantity must read <experiment>.<variable>, got {name!r}")
        if not self.scales:
            raise ValueError("scales must name at least one scale")

    @property
    def quantities(self) -> list[str]:
        """Every quantity the part needs, its own first."""
        rivals = [rule.greater_than.quantity for rule in (self.rule, self.lenient) if rule and rule.greater_than]
        return list(dict.fromkeys([self.quantity, *rivals]))


class Claim(Strict, frozen=True, kw_only=True):
    """A statement of a paper (or an extension of ours), where it stands, and how it is judged."""

    id: str
    says: str
    source: str
    kind: Kind
    published: str | Number | None = None
    quantity: str | None = None
    rule: Rule | None = None
    lenient: Rule | None = None
    unit: str = ""
    scales: tuple[Scale, ...] = SCALES
    part: list[Part] = []
    stands_in: str = ""
    why: str = ""
    not_testable: str = ""
    not_run: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z]+[0-9]+[a-z]?", self.id):
            raise ValueError(f"id must be letters and a number such as SL1, got {self.id!r}")
        own = self.quantity is not None and self.rule is not None
        ways = [own, bool(self.part), bool(self.not_testable), bool(self.not_run)]
        if sum(ways) != 1 or (self.quantity is None) != (self.rule is None):
            raise ValueError("needs exactly one of: quantity with rule, [[claim.part]], not_testable, not_run")
        if self.lenient and not own:
            raise ValueError("lenient goes with quantity and rule")
        if own:
            self.parts[0]  # checks the quantity's form

    @property
    def parts(self) -> list[Part]:
        """The statements to judge, one or several; empty when the claim can't be measured here."""
        if self.quantity is None or self.rule is None:
            return self.part
        return [
            Part(
                quantity=self.quantity,
                rule=self.rule,
                published=self.published,
                lenient=self.lenient,
                unit=self.unit,
                scales=self.scales,
            )
        ]

    @property
    def experiments(self) -> set[str]:
        """Names of the experiments whose quantities it is judged by."""
        return {quantity.split(".")[0] for part in self.parts for quantity in part.quantities}

    @property
    def fingerprint(self) -> str:
        """Changes whenever anything that decides the verdict changes (wording of ``why`` does not)."""
        judged = [self.id, self.kind, self.parts, self.not_testable, self.not_run]
        return hashlib.sha256(msgspec.json.encode(judged)).hexdigest()[:16]


class System(Strict, frozen=True, kw_only=True):
    """The room's name and what it is, in plain words."""

    name: str
    title: str
    summary: str
    data: list[str] = []  # names of the data sets that its experiments read
    named: list[str] = []  # modules of other rooms that experiments reach by a name in a text, not by an import
    reconstruction: bool = False  # the paper doesn't give its model: every verdict is of one that we rebuilt
    topics: list[str] = []  # what it is about, as one would browse

    @property
    def qualifier(self) -> str:
        """What stands behind every verdict."""
        return " (reconstruction)" if self.reconstruction else ""


class Paper(Strict, frozen=True, kw_only=True):
    """The publication that the claims come from; ``arxiv`` is empty where they are our own."""

    title: str
    authors: list[str]
    year: int
    date: str = ""  # ISO day of its first version, where it is known
    arxiv: str = ""
    bibtex_key: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.date:
            try:
                if date.fromisoformat(self.date).isoformat() != self.date:
                    raise ValueError
            except ValueError:
                raise ValueError(f"date must be a day such as 2016-01-04, got {self.date!r}") from None

    @property
    def day(self) -> str:
        """The day of its first version; the year where no more is known."""
        return self.date or str(self.year)

    @property
    def url(self) -> str:
        """Where to read it; empty where there is nothing."""
        return f"https://arxiv.org/abs/{self.arxiv}" if self.arxiv else ""

    def bibtex(self) -> str:
        """A BibTeX entry."""
        fields = {"title": self.title, "author": " and ".join(self.authors), "year": self.year}
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archiveprefix": "arXiv", "url": self.url}
        lines = ",\n".join(f"  {name:<13} = {{{value}}}" for name, value in fields.items())
        return f"@misc{{{self.bibtex_key},\n{lines}\n}}"

    @property
    def citation(self) -> str:
        """Authors, year, title, arXiv number on one line."""
        authors = ", ".join(self.authors) if len(self.authors) <= 3 else f"{self.authors[0]} et al."
        return f"{authors} ({self.year}). {self.title}." + (f" arXiv:{self.arxiv}" if self.arxiv else "")


class Claims(Strict, frozen=True, kw_only=True):
    """The content of one ``claims.toml``."""

    system: System
    paper: Paper
    claim: list[Claim]

    def __post_init__(self) -> None:
        ids = [claim.id for claim in self.claim]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"claim ids must be unique, {', '.join(twice)} appears twice")

    def __getitem__(self, claim_id: str) -> Claim:
        for claim in self.claim:
            if claim.id == claim_id:
                return claim
        raise KeyError(f"no claim {claim_id!r} in {self.system.name}; there are {', '.join(c.id for c in self.claim)}")


def read_claims(path: Path | Traversable) -> Claims:
    """Read and check a ``claims.toml``.

    Args:
        path: the file.

    Returns:
        The claims, in file order.

    Raises:
        ClaimsError: when the file is not TOML or breaks the schema; names the file, the claim and the rule.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClaimsError(f"{path}: not valid TOML: {error}") from error
    try:
        return msgspec.convert(tree, Claims)
    except msgspec.ValidationError as error:
        raise ClaimsError(f"{path}: {_name_claim(str(error), tree)}") from error


def _name_claim(message: str, tree: dict[str, object]) -> str:
    """Replace msgspec's ``$.claim[3].rule`` by the claim's id."""
    found = re.search(r" - at `\$\.?([^`]*)`", message)
    if not found:
        return message
    rule, place = message[: found.start()], found.group(1)
    index = re.match(r"claim\[(\d+)\]\.?(.*)", place)
    if not index:
        return f"{place}: {rule}"
    claims = tree.get("claim")
    entry = claims[int(index.group(1))] if isinstance(claims, list) else {}
    name = entry.get("id", f"number {int(index.group(1)) + 1}") if isinstance(entry, dict) else "?"
    return f"claim {name}{', ' + index.group(2) if index.group(2) else ''}: {rule}"
