"""Boolean networks from .bnet files: rules as truth values of many states at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_][\w.\-]*)|(?P<digit>[01])|(?P<sign>[&|!()]))")
LONGEST = 1 << 20
"""Largest .bnet that is read, in bytes."""

DEEPEST = 50
"""Parentheses and negations in each other."""

Rule = tuple[Any, ...]
"""A parsed rule: ("name", i), ("const", bool), ("not", r), ("and", r, s, ...), ("or", r, s, ...)."""


@dataclass(frozen=True, eq=False)
class BooleanNetwork:
    """Nodes that are on or off, each with a rule for its next state.

    Attributes:
        nodes: names, in the order of the file.
        rules: the parsed rule of each.

    Example:
        >>> toggle = BooleanNetwork.from_text("a, !b\\nb, !a")
        >>> toggle.step(np.array([[True, False], [False, False]])).tolist()
        [[True, False], [True, True]]
    """

    nodes: tuple[str, ...]
    rules: tuple[Rule, ...]

    @classmethod
    def from_bnet(cls, path: str | Path) -> "BooleanNetwork":
        """Read a .bnet file: ``target, rule`` a line, with ``&``, ``|``, ``!``, parentheses, ``#`` comments.

        Raises:
            FileNotFoundError: no such file.
            ValueError: another kind of file, a rule that can't be read, a regulator without a rule; names the line.
        """
        file = Path(path)
        if not file.is_file():
            raise FileNotFoundError(f"no file {file}; give a Boolean model, .bnet")
        if file.stat().st_size > LONGEST:
            raise ValueError(f"{file} holds more than {LONGEST} bytes: it is no Boolean model")
        try:
            text = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{file} holds bytes that are no text: it is no .bnet") from None
        return cls.from_text(text, str(file.name))

    @classmethod
    def from_text(cls, text: str, source: str = "the model") -> "BooleanNetwork":
        """Read the text of a .bnet file; names are case-sensitive, a header ``targets, factors`` is passed over.

        Raises:
            ValueError: with all problems, each with its line.
        """
        lines: dict[str, tuple[int, str]] = {}
        problems = []
        for number, line in enumerate(text.splitlines(), 1):
            content = line.split("#", 1)[0].strip()
            if not content or re.fullmatch(r"targets\s*,\s*factors", content, re.IGNORECASE):
                continue
            target, comma, rule = (part.strip() for part in content.partition(","))
            if not comma or not re.fullmatch(r"[A-Za-z_][\w.\-]*", target):
                problems.append(f"line {number} must read 'target, rule', got {content[:60]!r}")
            elif target in lines:
                problems.append(
                    f"line {number} gives {target!r} a second rule (the first is in line {lines[target][0]})"
                )
            else:
                lines[target] = number, rule
        place = {name: i for i, name in enumerate(lines)}
        rules = []
        for target, (number, rule) in lines.items():
            try:
                rules.append(_Parser(rule, place).whole())
            except ValueError as error:
                problems.append(f"line {number}, rule of {target!r}: {error}")
        if not lines:
            problems.append("there is no rule in it")
        if problems:
            more = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
            raise ValueError(f"{source}: {'; '.join(problems[:8])}{more}")
        return cls(tuple(lines), tuple(rules))

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.nodes)

    def step(self, states: np.ndarray) -> np.ndarray:
        """(S, N) next states of (S, N) states, all nodes at once."""
        columns = [states[:, i] for i in range(self.n)]
        return np.stack([_value(rule, columns, len(states)) for rule in self.rules], axis=1)

    def hold(self, fixed: Mapping[str, int | bool]) -> "BooleanNetwork":
        """The network with nodes held on or off, whatever their rule says (a drug, a mutation).

        Raises:
            ValueError: an unknown node, or a value other than 0 and 1.

        Example:
            >>> toggle = BooleanNetwork.from_text("a, !b\\nb, !a").hold({"a": 1})
            >>> toggle.step(np.array([[False, False]])).tolist()
            [[True, True]]
        """
        rules = list(self.rules)
        for name, value in fixed.items():
            if name not in self.nodes:
                raise ValueError(
                    f"fixed must name nodes of the model, {name!r} is none; there are {', '.join(self.nodes)}"
                )
            if value not in (0, 1):
                raise ValueError(f"fixed must hold 0 or 1 for each node, got {value!r} for {name!r}")
            rules[self.nodes.index(name)] = ("const", bool(value))
        return type(self)(self.nodes, tuple(rules))

    def regulators(self) -> list[tuple[str, str]]:
        """Pairs (regulator, target): the directed network behind the rules."""
        return [
            (self.nodes[i], target) for target, rule in zip(self.nodes, self.rules, strict=True) for i in _names(rule)
        ]


class _Parser:
    """Recursive descent over one rule: or, and, not, atoms."""

    def __init__(self, text: str, place: Mapping[str, int]):
        self.text, self.place, self.at = text, place, 0
        self.tokens: list[tuple[str, str]] = []
        while self.at < len(text.rstrip()):
            match = TOKEN.match(text, self.at)
            if not match:
                raise ValueError(f"{text[self.at :].strip()[:20]!r} can't be read; rules have names, &, |, ! and ( )")
            self.tokens.append((match.lastgroup or "", match[match.lastgroup or ""]))
            self.at = match.end()
        self.at, self.depth = 0, 0

    def whole(self) -> Rule:
        if not self.tokens:
            raise ValueError("it is empty; a constant is 0 or 1")
        rule = self.either()
        if self.at < len(self.tokens):
            raise ValueError(f"{self.tokens[self.at][1]!r} comes where &, | or the end should")
        return rule

    def sign(self, sign: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == ("sign", sign):
            self.at += 1
            return True
        return False

    def either(self) -> Rule:
        terms = [self.both()]
        while self.sign("|"):
            terms.append(self.both())
        return ("or", *terms) if len(terms) > 1 else terms[0]

    def both(self) -> Rule:
        terms = [self.atom()]
        while self.sign("&"):
            terms.append(self.atom())
        return ("and", *terms) if len(terms) > 1 else terms[0]

    def atom(self) -> Rule:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")
        try:
            return self._atom()
        finally:
            self.depth -= 1

    def _atom(self) -> Rule:
        if self.sign("!"):
            return "not", self.atom()
        if self.sign("("):
            rule = self.either()
            if not self.sign(")"):
                raise ValueError("a parenthesis is not closed")
            return rule
        if self.at == len(self.tokens):
            raise ValueError("it ends where a name should come")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "digit":
            return "const", text == "1"
        if kind == "name":
            if text not in self.place:
                raise ValueError(f"regulator {text!r} has no rule of its own (names are case-sensitive)")
            return "name", self.place[text]
        raise ValueError(f"{text!r} comes where a name should")


def _value(rule: Rule, columns: list[np.ndarray], count: int) -> np.ndarray:
    match rule:
        case ("name", i):
            return columns[i]
        case ("const", value):
            return np.full(count, value)
        case ("not", inner):
            return ~_value(inner, columns, count)
        case ("and", *terms):
            return np.logical_and.reduce([_value(term, columns, count) for term in terms])
        case _:
            return np.logical_or.reduce([_value(term, columns, count) for term in rule[1:]])


def _names(rule: Rule) -> list[int]:
    if rule[0] == "name":
        return [rule[1]]
    if rule[0] == "const":
        return []
    return list(dict.fromkeys(i for inner in rule[1:] for i in _names(inner)))
