"""A system as the catalogue shows it: its published verdicts, claim by claim, and its headline.

Everything follows from ``claims.toml``, ``results/<system>.json`` and the runs of the reader's own store; nothing is
kept here.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from symplast.lab.audit import Audit
from symplast.lab.audit import claim_row as own_row
from symplast.lab.claims import Claim, Paper, Scale, System
from symplast.lab.measurement import Measurement
from symplast.lab.published import Published
from symplast.lab.registry import Room
from symplast.lab.report.gauge import gauge
from symplast.lab.verdicts import OUTCOMES, Judgement, Outcome


@dataclass(frozen=True)
class Row:
    """A claim with what is published of it.

    Attributes:
        claim: as it reads now.
        row: of the ``--json`` contract; of a claim that was never published, one that says so.
        stale: whether claim or code changed since the measurement.
        own: the same row of the reader's own runs, where there are any.
    """

    claim: Claim
    row: Mapping[str, Any]
    stale: bool = False
    own: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """``<system>.<claim>``."""
        return str(self.row["id"])

    @property
    def outcome(self) -> Outcome:
        """What is published."""
        outcome: Outcome = self.row["verdict"]
        return outcome

    @property
    def stands_in(self) -> str:
        """How the measurement differs from the paper's; empty where it does not."""
        return str(self.row.get("stands_in", ""))

    @property
    def measured(self) -> bool:
        """Whether a measurement is behind the verdict."""
        return self.outcome not in ("not run", "not testable here")

    @cached_property
    def gauges(self) -> list[str]:
        """A picture a statement; empty texts where there is nothing to draw, or where the claim changed since."""
        return [gauge_of(self.claim, part, self.row["parts"]) for part in self.row["parts"]]


@dataclass(frozen=True)
class Card:
    """A system with its published verdicts.

    Attributes:
        room: the system.
        published: its verdicts; None where there are none yet.
        audit: of the reader's own runs, where there are any.
        stale_ids: claims that changed, or whose code did.
    """

    room: Room
    published: Published | None
    audit: Audit | None = None
    stale_ids: frozenset[str] = field(default_factory=frozenset)

    @property
    def slug(self) -> str:
        """The system's name."""
        return self.room.name

    @property
    def system(self) -> System:
        """What it is."""
        return self.room.claims.system

    @property
    def paper(self) -> Paper:
        """Where its claims come from."""
        return self.room.claims.paper

    @property
    def ours(self) -> bool:
        """Whether the claims are symplast's own: there is no paper to read at arXiv."""
        return not self.paper.arxiv

    @property
    def authors(self) -> list[tuple[str, str]]:
        """Surname (the last word) and name of each author; none where the claims are symplast's own."""
        return [] if self.ours else [(name.split()[-1], name) for name in self.paper.authors if name.split()]

    @property
    def scale(self) -> Scale | None:
        """Of the published verdicts."""
        return self.published.scale if self.published else None

    @property
    def date(self) -> str:
        """When they were published; empty where they were not."""
        return self.published.published if self.published else ""

    @cached_property
    def rows(self) -> list[Row]:
        """One for each claim of ``claims.toml``, in its order."""
        found = {row["id"]: row for row in self.published.claims} if self.published else {}
        own = {v.claim.id: own_row(v, self.audit) for v in self.audit.verdicts} if self.audit else {}
        rows = []
        for claim in self.room.claims.claim:
            row = found.get(f"{self.slug}.{claim.id}")
            stale = row is not None and claim.id in self.stale_ids
            rows.append(Row(claim, row or self._unpublished(claim), stale, own.get(claim.id)))
        return rows

    @cached_property
    def counts(self) -> dict[Outcome, int]:
        """How many claims came to each outcome, stale ones apart; in the order of ``OUTCOMES``, without zeros."""
        return count(row.outcome for row in self.rows if not row.stale)

    @property
    def stale(self) -> int:
        """How many verdicts claim or code have outrun."""
        return sum(row.stale for row in self.rows)

    @property
    def stand_ins(self) -> int:
        """How many of the counted claims rest on something else than the paper's own data and scale."""
        return sum(bool(row.stands_in) and not row.stale for row in self.rows)

    def row(self, claim: str) -> Row | None:
        """The claim with this id, with or without the system's name."""
        return next((row for row in self.rows if claim in (row.claim.id, row.id)), None)

    @property
    def headline(self) -> str:
        """The counts in words.

        A system without published verdicts says so.
        """
        said = [f"{n} {outcome}" for outcome, n in self.counts.items()]
        if self.stale:
            said.append(f"{self.stale} stale")
        text = ", ".join(said) + self.system.qualifier + f" of {len(self.rows)} claim{plural(len(self.rows))}"
        if self.published is None:
            return f"{text}; nothing is published yet"
        text += f" at {self.scale} scale, published {self.date}"
        if self.stand_ins:
            text += f"; {self.stand_ins} of these on a stand-in for the paper's data or scale"
        return text

    def command(self, claim: Claim) -> str:
        """How to measure a claim."""
        scales = [scale for part in claim.parts for scale in part.scales] or ["quick"]
        return f"symplast reproduce {self.slug} --scale {scales[0]}"

    def _unpublished(self, claim: Claim) -> dict[str, Any]:
        """The row of a claim without a published verdict."""
        reason = claim.not_testable or claim.not_run or "no verdict is published yet"
        return {
            "id": f"{self.slug}.{claim.id}",
            "says": claim.says,
            "source": claim.source,
            "kind": claim.kind,
            "published": claim.published,
            "measured": None,
            "interval": None,
            "n": None,
            "verdict": "not run",
            **({"stands_in": claim.stands_in} if claim.stands_in else {}),
            **({"why": claim.why} if claim.why else {}),
            "data": "",
            "reason": reason,
            "parts": [],
        }


def count(outcomes: Any) -> dict[Outcome, int]:
    """Numbers by outcome, in the order of ``OUTCOMES``, without zeros."""
    found = Counter(outcomes)
    return {outcome: found[outcome] for outcome in OUTCOMES if found[outcome]}


def plural(number: int) -> str:
    """The ending of a noun that is counted."""
    return "" if number == 1 else "s"


def gauge_of(claim: Claim, row: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> str:
    """The picture of a published statement, judged again from its numbers; empty where the claim changed since.

    Args:
        claim: as it reads now.
        row: the statement, as published.
        rows: all statements of the claim, for rules that compare two quantities.
    """
    part = next((p for p in claim.parts if p.quantity == row["quantity"] and p.rule.text(p.unit) == row["rule"]), None)
    measured = {other["quantity"]: measurement(other) for other in rows if other["measured"] is not None}
    if part is None or part.quantity not in measured or not set(part.quantities) <= measured.keys():
        return ""
    judgement = Judgement(part=part, outcome=row["verdict"], reason="", measurement=measurement(row))
    return gauge(judgement, claim.kind, measured)


def measurement(row: Mapping[str, Any]) -> Measurement:
    """The measurement behind a published statement."""
    low, high = row["interval"] or (None, None)
    return Measurement(
        value=_numbers(row["measured"]), low=_numbers(low), high=_numbers(high), n=row["n"], unit=row["unit"]
    )


def _numbers(value: Any) -> Any:
    """Words such as ``inf`` as the numbers they are, in nested lists too."""
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return float(value) if isinstance(value, str) else value
