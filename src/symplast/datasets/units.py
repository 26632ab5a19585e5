"""Units in the names and cells of tables: ``params (B)``, ``7B``, ``LTP / uS``, ``tokens in billions``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
RAISED = re.compile(r"10([⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
POWER = re.compile(r"(?:(?P<times>[+-]?\d+(?:[.,]\d+)?)\s*[x×*·]\s*)?10\s*(?:\^|\*\*)\s*\{?(?P<exponent>[+-]?\d+)\}?")
BRACKETS = re.compile(r"^(?P<base>.*?)\s*[(\[{]\s*(?P<unit>[^()\[\]{}]*?)\s*[)\]}]\s*$")
IN = re.compile(r"^(?P<base>.+?)[\s_]+in[\s_]+(?P<unit>.+)$", re.IGNORECASE)
OVER = re.compile(r"^(?P<base>.+?)(?P<space>\s*)/\s*(?P<unit>.+)$")
COMMA = re.compile(r"^(?P<base>.+?)\s*[,;:]\s*(?P<unit>.+)$")
CAPITAL = re.compile(r"^(?P<base>.*[a-z])(?P<unit>[A-Z])$")


@dataclass(frozen=True)
class NamedUnit:
    """The name of a column without its unit, the unit as it was written, and how much one of it is.

    Attributes:
        base: the name without the unit.
        unit: the unit, empty where the name has none.
        factor: what a cell is multiplied by.
    """

    base: str
    unit: str = ""
    factor: float = 1.0


@dataclass(frozen=True)
class Units:
    """The units that a quantity may have in a table.

    Args:
        quantity: what it is, for messages: ``a count``, ``a conductance``.
        factors: unit -> how many base units it is. With ``ignore_case`` the keys are in small letters.
        nouns: words that may stand with a unit and count for nothing: ``params``, ``tokens``.
        ignore_case: whether ``b`` is ``B``; not where m and M differ.
        words: whether brackets may hold a description instead of a unit, such as ``loss (validation)``. A piece of
            up to three letters, or one with digits, is a unit all the same and refused where it is unknown.

    Example:
        >>> COUNTS.split("params (B)")
        NamedUnit(base='params', unit='B', factor=1000000000.0)
        >>> COUNTS.split("tokens in billions").factor, COUNTS.split("N / 1e6").factor, COUNTS.factor("M params")
        (1000000000.0, 1000000.0, 1000000.0)
        >>> COUNTS.split("tokens (GiB)")
        Traceback (most recent call last):
        ValueError: column 'tokens (GiB)': unit 'GiB' isn't one of a count (K, M, B, T, thousands to trillions, 1e9)
    """

    quantity: str
    factors: Mapping[str, float] = field(default_factory=dict)
    nouns: frozenset[str] = frozenset()
    ignore_case: bool = False
    words: bool = True
    known: str = "1e9"

    def factor(self, text: str) -> float | None:
        """How much the unit is in base units; None where it isn't one."""
        text = text.strip().strip("×x*· ").strip()
        if (whole := self._known(text)) is not None:
            return whole
        found, units = 1.0, 0
        words = re.split(r"[\s_]+", text)
        for word in words:
            value = self._known(word)
            if value is None and word.casefold() not in self.nouns | {"of", "in"}:
                return None
            units += value is not None
            found *= 1.0 if value is None else value
        return found if units else None

    def _known(self, word: str) -> float | None:
        key = word.casefold() if self.ignore_case else word
        if key in self.factors:
            return self.factors[key]
        number = power_of_ten(word)
        if number is None and re.fullmatch(r"\d+[eE]\+?\d+|1(?:,?000)+", word):
            number = float(word.replace(",", ""))
        return number if number is not None and 0 < number < float("inf") else None

    def split(self, name: str) -> NamedUnit:
        """Divide the name of a column into base and unit.

        Raises:
            ValueError: what stands in the place of a unit isn't one.
        """
        name = name.strip()
        whole = self._known(name) if len(name) > 3 else None
        if whole is not None:
            return NamedUnit("", name, whole)
        if bracket := BRACKETS.match(name):
            factor = self.factor(bracket["unit"])
            if factor is None:
                self._check_description(name, bracket["unit"])
                return NamedUnit(name)
            return NamedUnit(bracket["base"], bracket["unit"], factor)
        for pattern in (IN, OVER, COMMA):
            if match := pattern.match(name):
                factor = self.factor(match["unit"])
                if factor is not None:
                    return NamedUnit(match["base"].strip(), match["unit"], factor)
                if pattern is OVER and match["space"]:
                    self._check_description(name, match["unit"])
        for mark in reversed(list(re.finditer(r"[\s_.\-]+", name))):
            unit = name[mark.end() :]
            if mark.start() and not unit.isdigit() and (factor := self.factor(unit)) is not None:
                return NamedUnit(name[: mark.start()], unit, factor)
        capital = CAPITAL.match(name)
        if capital and self.ignore_case and (factor := self.factor(capital["unit"])) is not None:
            return NamedUnit(capital["base"], capital["unit"], factor)
        return NamedUnit(name)

    def _check_description(self, name: str, text: str) -> None:
        letters = re.sub(r"[^A-Za-z]", "", text)
        plain = text.casefold() in self.nouns or (len(letters) > 3 and not re.search(r"\d|%", text))
        if text and not (self.words and plain):
            raise ValueError(f"column {name!r}: unit {text!r} isn't one of {self.quantity} ({self.known})")


def power_of_ten(text: str) -> float | None:
    """``10^9``, ``1.5 x 10^9``, ``10**9`` or ``10⁹`` as a number; None where it is something else."""
    text = RAISED.sub(lambda match: "10^" + match[1].translate(SUPERSCRIPTS), text)
    match = POWER.fullmatch(text)
    if not match:
        return None
    times = (match["times"] or "1").replace(",", ".")
    number = float(f"{times}e{match['exponent']}")
    return number if number or not float(times) else None  # 10^-400 is not zero


_COUNTS: Mapping[str, float] = {
    **dict.fromkeys(("k", "thousand", "thousands", "tsd"), 1e3),
    **dict.fromkeys(("m", "mm", "mio", "mn", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "g", "bn", "bil", "billion", "billions", "mrd"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 1e12),
}

COUNTS = Units(
    "a count",
    _COUNTS,
    nouns=frozenset(("params", "param", "parameters", "parameter", "tokens", "token", "tok", "toks", "weights")),
    ignore_case=True,
    known="K, M, B, T, thousands to trillions, 1e9",
)
"""Parameters, tokens: K, M, B, T in any case, words, powers of ten."""

_PREFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24}
_WORDS = dict(
    zip(("kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta"), list(_PREFIXES.values())[1:], strict=True)
)
DAY = 86400.0

FLOP = Units(
    "a compute",
    {
        **{prefix + name: size for prefix, size in (_PREFIXES | _WORDS).items() for name in ("flop", "flops")},
        **{prefix: size for prefix, size in _PREFIXES.items() if prefix},
        "b": 1e9,
        **{
            f"{prefix}{rate}{link}{day}": size * DAY
            for prefix, size in (_PREFIXES | _WORDS).items()
            for rate in ("f", "flop", "flops", "flop/s", "flops/s", "f/s", "fs")
            for link in ("-", " ", "", "_", "*", "·")
            for day in ("day", "days", "d")
            if prefix
        },
    },
    nouns=frozenset(("training", "train", "total", "compute", "6nd")),
    ignore_case=True,
    known="FLOP with k to Y, PF-days, 1e18",
)
"""Compute: FLOP with every prefix, petaflop/s-days and their like, powers of ten."""

NUMBERS = Units("a number", nouns=frozenset(("nat", "nats", "bit", "bits", "bpb", "val", "eval", "avg", "ema", "ppl")))
"""Numbers with powers of ten as their only units; brackets may hold a description."""


def base_of(name: str, *known: Units) -> str:
    """The name of a column without its unit, where it carries one of some quantity's; else the name as it is.

    Example:
        >>> base_of("params (B)", COUNTS), base_of("loss", COUNTS)
        ('params', 'loss')
    """
    for units in known:
        try:
            found = units.split(name)
        except ValueError:
            continue
        if found.unit:
            return found.base
    return name
