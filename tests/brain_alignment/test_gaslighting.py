"""The protocol: conversations, files that survive a kill, budgets, caches, and failures that are kept."""

import json

import pytest

from symplast.brain_alignment import (
    Answer,
    BudgetSpentError,
    ChatError,
    OpenAIChat,
    Responder,
    gaslight,
    make_cases,
    read_run,
    score,
    serving,
)
from symplast.brain_alignment.gaslighting import answer_key, conversation

CASES = make_cases(range(6), claims=["existence", "count"], levels=[1, 5, 10])
MODEL = Responder("gives-in", 0.5, 0.4, 0.1)


def verdicts(run):
    return {(o.case.id, o.verdicts) for o in score(run).outcomes}


def test_turn_2_carries_the_conversation():
    case, picture = CASES[0], b"picture"
    system, opening, own, push = conversation(case, picture, 2, "DISAGREE")
    assert [m.role for m in (system, opening, own, push)] == ["system", "user", "assistant", "user"]
    assert case.claim in opening.text
    assert opening.image == picture
    assert own.text == "DISAGREE"
    assert case.claim not in push.text
    fresh = conversation(case, picture, 2, "DISAGREE", "stateless")
    assert [m.role for m in fresh] == ["system", "user"]
    assert case.claim not in fresh[1].text
    neutral = conversation(case, picture, 0)
    assert case.pressure not in neutral[1].text


def test_the_key_depends_on_everything():
    messages = conversation(CASES[0], b"picture", 1)
    keys = {
        answer_key("m", messages, {}),
        answer_key("n", messages, {}),
        answer_key("m", messages, {"max_tokens": 3}),
        answer_key("m", conversation(CASES[0], b"other", 1), {}),
        answer_key("m", conversation(CASES[1], b"picture", 1), {}),
    }
    assert len(keys) == 5


def test_any_concurrency_gives_the_same(tmp_path):
    direct = gaslight(MODEL, CASES, scale=1)
    with serving(MODEL) as endpoint:
        many = gaslight(OpenAIChat(endpoint, "m"), CASES, scale=1, concurrency=6, out=tmp_path / "run.jsonl")
    assert verdicts(direct) == verdicts(many) == verdicts(read_run(tmp_path / "run.jsonl"))
    assert direct.requests == many.requests
    turns_0 = {line.key for (_, turn), line in direct.lines.items() if turn == 0}
    assert len(turns_0) == len(CASES) / 3  # the same at all levels: asked once


def test_a_killed_run_goes_on(tmp_path):
    path = tmp_path / "run.jsonl"
    with pytest.raises(BudgetSpentError, match="after 20 requests"):
        gaslight(MODEL, CASES, scale=1, out=path, budget=20)
    path.write_bytes(path.read_bytes() + b'{"key": "torn')
    rest = gaslight(MODEL, CASES, scale=1, out=path)
    whole = gaslight(MODEL, CASES, scale=1)
    assert rest.requests == whole.requests - 20
    assert verdicts(rest) == verdicts(whole) == verdicts(read_run(path))
    assert gaslight(MODEL, CASES, scale=1, out=path).requests == 0
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_cache_is_shared(tmp_path):
    first = gaslight(MODEL, CASES, scale=1, cache_dir=tmp_path / "cache")
    again = gaslight(MODEL, CASES, scale=1, cache_dir=tmp_path / "cache")
    assert first.requests > 0
    assert again.requests == 0
    assert verdicts(first) == verdicts(again)


def test_failures_are_kept_and_tried_again(tmp_path):
    class Failing:
        name = MODEL.name
        broken = True

        def ask(self, messages, logprobs=False):
            if self.broken and "count" not in messages[1].text and "number" in messages[1].text:
                raise ChatError("gone")
            return MODEL.ask(messages, logprobs)

    model = Failing()
    run = gaslight(model, CASES, scale=1, out=tmp_path / "run.jsonl")
    found = score(run)
    assert found.category["count"].failed == found.category["count"].cases == 18
    assert found.overall.cases == 36
    assert found.overall.s.n < 36
    assert any("answers failed" in note for note in found.notes)
    model.broken = False
    assert score(gaslight(model, CASES, scale=1, out=tmp_path / "run.jsonl")).overall.failed == 0
    assert score(tmp_path / "run.jsonl").overall.failed == 0


def test_a_run_stops_where_the_endpoint_is_gone(tmp_path):
    class Gone:
        name = MODEL.name

        def ask(self, messages, logprobs=False):
            raise ChatError("connection refused")

    cases = make_cases(range(6), claims=["existence"])
    with pytest.raises(ChatError, match=r"50 failures in a row; .* connection refused"):
        gaslight(Gone(), cases, scale=1, out=tmp_path / "run.jsonl", concurrency=3)
    assert score(gaslight(MODEL, cases, scale=1, out=tmp_path / "run.jsonl")).overall.failed == 0


def test_a_missing_image_is_a_failed_case(tmp_path):
    import msgspec

    lost = [msgspec.structs.replace(CASES[0], image="lost.jpg", id="lost"), *CASES]
    found = score(gaslight(MODEL, lost, scale=1, images=tmp_path))
    assert found.overall.failed == 1
    assert "no image" in next(o for o in found.outcomes if o.case.id == "lost").error


def test_files_of_other_runs_are_refused(tmp_path):
    path = tmp_path / "run.jsonl"
    gaslight(MODEL, CASES[:2], scale=1, out=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="history 'full' instead of 'stateless'"):
        gaslight(MODEL, CASES[:2], scale=1, out=path, history="stateless")
    with pytest.raises(ValueError, match="resume it"):
        gaslight(MODEL, CASES[:2], scale=1, out=path, resume=False)
    assert path.read_bytes() == before
    other = tmp_path / "diary.jsonl"
    other.write_text("dear diary\n")
    with pytest.raises(ValueError, match="something else"):
        gaslight(MODEL, CASES[:2], scale=1, out=other)
    assert other.read_text() == "dear diary\n"
    (tmp_path / "bad.jsonl").write_bytes(before.splitlines()[0] + b"\nbad\n")
    with pytest.raises(ValueError, match="line 2"):
        read_run(tmp_path / "bad.jsonl")


def test_log_probabilities_where_the_backend_has_them():
    run = gaslight(MODEL, CASES, scale=1, readout=("text", "logprob"))
    assert score(run).overall.mean_logit == pytest.approx(0.5, abs=1e-6)
    assert score(run, readout="logprob").overall.f0.value == 0

    class Silent:
        name = "silent"

        def ask(self, messages, logprobs=False):
            return Answer("AGREE")

    run = gaslight(Silent(), CASES, scale=1, readout=("text", "logprob"))
    assert "text readout only" in run.notes[0]
    with pytest.raises(ValueError, match="log-probabilities"):
        score(run, readout="logprob")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"history": "none"}, "history must be"),
        ({"readout": ()}, "readout must be"),
        ({"concurrency": 0}, "concurrency"),
        ({"budget": -1}, "budget"),
        ({"cases": [CASES[0], CASES[0]]}, "each id once"),
    ],
)
def test_wrong_options(changes, told):
    with pytest.raises(ValueError, match=told):
        gaslight(MODEL, **{"cases": CASES} | changes)
