"""Put cases to a model: a neutral question, the claim under pressure, and a second push where it resisted.

Every answer is one line of a file, written at once; a run that was killed goes on where it stopped.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from symplast.brain_alignment.answer_book import PROTOCOL, Book, GaslightRun, Header, Line
from symplast.brain_alignment.cases import image_bytes
from symplast.brain_alignment.chat import Answer, Chat, ChatError, Message
from symplast.brain_alignment.parsing import Parser, Verdict
from symplast.brain_alignment.statements import Case
from symplast.brain_alignment.wording import QUESTION, STILL, SYSTEM

GIVE_UP = 50
"""Failed answers in a row after which a run stops: the endpoint is gone."""


class BudgetSpentError(RuntimeError):
    """The run stopped because it has made as many requests as it may."""


def conversation(case: Case, image: bytes, turn: int, first: str = "", history: str = "full") -> list[Message]:
    """The messages of a turn.

    Turn 0 asks without pressure. Turn 2 carries the image, turn 1 and the model's own answer; with
    ``history="stateless"`` it is a single fresh message without the claim, as in the released code.
    """
    system = Message("system", SYSTEM)
    if turn == 0:
        return [system, Message("user", f"{case.claim}\n\n{QUESTION}", image)]
    push = f"{case.follow_up} {STILL}"
    if turn == 2 and history == "stateless":
        return [system, Message("user", push, image)]
    opening = Message("user", f"{case.claim} {case.pressure}\n\n{QUESTION}", image)
    if turn == 1:
        return [system, opening]
    return [system, opening, Message("assistant", first), Message("user", push)]


def answer_key(model: str, messages: Sequence[Message], decoding: dict[str, Any]) -> str:
    """SHA-256 of everything that decides an answer."""
    digest = hashlib.sha256(msgspec.json.encode([PROTOCOL, model, decoding], order="sorted"))
    for m in messages:
        digest.update(msgspec.json.encode([m.role, m.text, m.image is not None]))
        digest.update(hashlib.sha256(m.image or b"").digest())
    return digest.hexdigest()


def gaslight(
    chat: Chat,
    cases: Sequence[Case],
    *,
    history: str = "full",
    readout: Iterable[str] = ("text",),
    out: str | Path | None = None,
    cache_dir: str | Path | None = None,
    resume: bool = True,
    concurrency: int = 1,
    budget: int | None = None,
    images: Path | None = None,
    scale: int = 12,
    progress: Callable[[int, int], None] | None = None,
) -> GaslightRun:
    """Put every case to a model.

    Args:
        chat: the model.
        cases: what is put.
        history: ``full``: a true conversation; ``stateless``: turn 2 as a fresh message, for comparison.
        readout: ``text``, and ``logprob`` where the backend gives log-probabilities.
        out: file of the answers (.jsonl); left out, they are only returned.
        cache_dir: folder of answers that several runs share.
        resume: go on with a file that is there; False: refuse one.
        concurrency: requests at once.
        budget: stop after so many requests; the file can be resumed.
        images: folder of the cases' images.
        scale: of SceneWorld's pictures.
        progress: called with (cases done, all).

    Returns:
        The answers. A case whose image is missing or whose endpoint failed is recorded with its error, not dropped.

    Raises:
        ValueError: a file of another run, wrong options.
        ChatError: 50 answers in a row failed; the others are kept and the file can be resumed.
        BudgetSpentError: after the answers so far were written.

    Example:
        >>> from symplast.brain_alignment import Responder, make_cases, score
        >>> cases = make_cases(range(10), claims=["existence"], levels=[1, 10])
        >>> run = gaslight(Responder("gives-in", rates=(0.0,) * 9 + (1.0,)), cases)
        >>> score(run).level[10].s.value, score(run).level[1].s.value
        (1.0, 0.0)
    """
    kinds = tuple(readout)
    if history not in ("full", "stateless"):
        raise ValueError(f"history must be 'full' or 'stateless', got {history!r}")
    if not kinds or set(kinds) - {"text", "logprob"}:
        raise ValueError(f"readout must be of 'text' and 'logprob', got {kinds}")
    if concurrency < 1:
        raise ValueError(f"concurrency must be at least 1, got {concurrency}")
    if budget is not None and budget < 0:
        raise ValueError(f"budget must be at least 0, got {budget}")
    ids = [case.id for case in cases]
    if len(set(ids)) < len(ids):
        raise ValueError("cases must have each id once")
    decoding = dict(getattr(chat, "decoding", {"temperature": 0}))
    header = Header(
        symplast_gaslight=PROTOCOL, model=chat.name, history=history, readout=kinds, decoding=decoding, scale=scale
    )
    run = GaslightRun(header, list(cases), {})
    with Book(out, header, run, resume, cache_dir) as book:
        worker = _Worker(chat, run, book, budget, images, scale, "logprob" in kinds)
        if concurrency == 1:
            for done, case in enumerate(cases, 1):
                worker.put(case)
                if progress:
                    progress(done, len(cases))
        else:
            with ThreadPoolExecutor(concurrency) as pool:
                jobs = [pool.submit(worker.put, case) for case in cases]
                try:
                    for done, job in enumerate(jobs, 1):
                        job.result()
                        if progress:
                            progress(done, len(cases))
                except BaseException:
                    worker.stopped = True
                    pool.shutdown(cancel_futures=True)
                    raise
    if "logprob" in kinds and not any(line.logit is not None for line in run.lines.values()):
        run.notes.append("the server gives no log-probabilities: text readout only")
    failed = sum(1 for line in run.lines.values() if line.error)
    if failed:
        run.notes.append(f"{failed} answers failed; run again to try them once more")
    return run


class _Worker:
    """Puts single cases; shared by the threads."""

    def __init__(self, chat: Chat, run: GaslightRun, book: "Book", budget: int | None, images: Path | None, scale: int,
                 logprobs: bool):  # fmt: skip
        self.chat, self.run, self.book, self.budget = chat, run, book, budget
        self.images, self.scale, self.logprobs = images, scale, logprobs
        self.stopped = False
        self._why: Exception | None = None
        self._failed_in_a_row = 0
        self._parse = Parser()
        self._lock = threading.Lock()
        self._by_key: dict[str, threading.Lock] = {}
        self._pictures: dict[str, bytes] = {}

    def put(self, case: Case) -> None:
        if self.stopped:
            return
        try:
            image = self._picture(case)
        except OSError as error:
            for turn in (0, 1):
                self.book.write(Line(key="", case=case.id, turn=turn, error=str(error)))
            return
        self._turn(case, image, 0, "")
        first = self._turn(case, image, 1, "")
        if first.error:
            return
        if self._verdict(first, case) == "DISAGREE":
            self._turn(case, image, 2, first.text)

    def _picture(self, case: Case) -> bytes:
        found = self._pictures.get(case.image)
        if found is None:
            found = image_bytes(case, self.images, self.scale)
            if len(self._pictures) < 256:
                self._pictures[case.image] = found
        return found

    def _verdict(self, line: Line, case: Case) -> Verdict:
        return self._parse(line.text, case, line.turn).verdict

    def _turn(self, case: Case, image: bytes, turn: int, first: str) -> Line:
        messages = conversation(case, image, turn, first, self.run.header.history)
        key = answer_key(self.run.header.model, messages, self.run.header.decoding | {"logprobs": self.logprobs})
        with self._lock:
            own = self._by_key.setdefault(key, threading.Lock())
        with own:  # turn 0 is the same at all levels: asked once
            known = self.book.known(key)
            if known is None:
                known = self._ask(key, case, turn, messages)
            line = Line(key=key, case=case.id, turn=turn, text=known.text, logit=known.logit, model=known.model,
                        error=known.error)  # fmt: skip
            self.book.write(line)
        return line

    def _stop(self, why: Exception) -> Exception:
        """From here on every thread ends, and for the same reason."""
        self.stopped, self._why = True, self._why or why
        return self._why

    def _ask(self, key: str, case: Case, turn: int, messages: list[Message]) -> Line:
        with self._lock:
            if self._why is None and self.budget is not None and self.run.requests >= self.budget:
                self._stop(BudgetSpentError(f"stopped after {self.run.requests} requests; run again to go on"))
            if self._why is not None:
                raise self._why
            self.run.requests += 1
        try:
            answer = self.chat.ask(messages, logprobs=self.logprobs)
            error = ""
        except (ChatError, ValueError) as failure:
            answer, error = Answer(""), " ".join(str(failure).split())[:300]
        with self._lock:
            self._failed_in_a_row = self._failed_in_a_row + 1 if error else 0
            if self._failed_in_a_row >= GIVE_UP:
                told = f"stopped after {GIVE_UP} failures in a row; run again to go on; the last: {error}"
                raise self._stop(ChatError(told))
        return Line(
            key=key, case=case.id, turn=turn, text=answer.text, logit=answer.logit, model=answer.model, error=error
        )
