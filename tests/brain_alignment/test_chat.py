"""The client against servers on this machine that behave well, badly, and not at all."""

import json
import socket
import time
from typing import ClassVar

import pytest

from symplast.brain_alignment import ChatError, Message, OpenAIChat, Responder, draw_scene, preflight, serving
from symplast.brain_alignment.local_server import Handler

SCENE = draw_scene(3)
MESSAGES = [Message("system", "Look."), Message("user", "There is no diamond in the image.", SCENE.png())]
SECRET = "sk-very-secret"


class Odd(Handler):
    """Answers with what a test puts into ``script``: (status, headers, body), the last one for ever."""

    script: ClassVar[list] = []
    seen: ClassVar[list] = []

    def do_POST(self):  # noqa: N802
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((dict(self.headers), json.loads(data)))
        status, headers, body = self.script[0] if len(self.script) == 1 else self.script.pop(0)
        if status == 0:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if callable(body):
            body = body(json.loads(data))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


GOOD = json.dumps({"model": "m-1", "choices": [{"message": {"content": "AGREE"}}]}).encode()


def ask(script, **options):
    handler = type("Own", (Odd,), {"script": list(script), "seen": []})
    with serving(Responder(), handler) as endpoint:
        chat = OpenAIChat(endpoint, "m", timeout=5, **options)
        return chat.ask(MESSAGES, logprobs=True), chat, handler.seen


def test_a_responder_behind_a_server():
    with serving(Responder("truthful")) as endpoint:
        chat = OpenAIChat(endpoint, "responder")
        preflight(chat)
        direct = Responder("truthful").ask(MESSAGES, logprobs=True)
        found = chat.ask(MESSAGES, logprobs=True)
        assert found.text == direct.text
        assert found.logit == pytest.approx(direct.logit, abs=1e-6)
        with pytest.raises(ChatError, match="refuses the request"):
            chat.ask([Message("user", "There is no dog in the image.", b"no picture")])


def test_retry_after_and_server_errors_and_broken_connections():
    begin = time.monotonic()
    found, chat, seen = ask(
        [(429, {"Retry-After": "0"}, b"slow down"), (503, {"Retry-After": "0"}, b""), (0, {}, b""), (200, {}, GOOD)]
    )
    assert (found.text, found.model, chat.retries, len(seen)) == ("AGREE", "m-1", 3, 4)
    assert time.monotonic() - begin < 60


def test_an_endpoint_that_answers_rubbish():
    for body in (b"<html>hello</html>", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 3}}]}'):
        with pytest.raises(ChatError, match="no usable answer in 1 tries: an answer that is no chat completion"):
            ask([(200, {}, body)], max_retries=0)


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "refuses the key"), (404, "usually ends in /v1"), (400, "does the model take images"), (302, "redirects")],
)
def test_refusals_end_at_once(status, told):
    with pytest.raises(ChatError, match=told):
        ask([(status, {}, json.dumps({"error": {"message": "no\x1b[2J"}}).encode())])


def test_refused_logprobs_are_left_out():
    def answer(body):
        return b'{"error": {"message": "logprobs is not supported"}}' if "logprobs" in body else GOOD

    found, chat, seen = ask([(400, {}, b'{"error": {"message": "logprobs unsupported"}}'), (200, {}, answer)])
    assert (found.text, found.logit, chat.logprobs_refused) == ("AGREE", None, True)
    assert "logprobs" in seen[0][1]
    assert "logprobs" not in seen[1][1]


def test_the_key_comes_from_the_environment_and_stays_there(monkeypatch):
    monkeypatch.setenv("OWN_KEY", SECRET)
    _, chat, seen = ask([(200, {}, GOOD)], api_key_env="OWN_KEY")
    assert seen[0][0]["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in repr(vars(chat))
    with pytest.raises(ChatError) as error:
        ask([(401, {}, b"no")], api_key_env="OWN_KEY")
    assert SECRET not in str(error.value)
    with pytest.raises(ChatError, match=r"Incorrect key: \(key\)"):  # a server that quotes it
        ask([(401, {}, f"Incorrect key: {SECRET}".encode())], api_key_env="OWN_KEY")
    for broken in (f"{SECRET}\nX: 1", f"{SECRET} two", f"{SECRET}\u20ac"):  # the HTTP client would quote it
        monkeypatch.setenv("OWN_KEY", broken)
        with pytest.raises(ValueError, match="one word of ASCII, got 'OWN_KEY'") as refused:
            OpenAIChat("http://127.0.0.1:1/v1", "m", "OWN_KEY")
        assert SECRET not in str(refused.value)
    monkeypatch.setenv("OWN_KEY", f"{SECRET}\n")  # as a file that was read into the variable ends
    assert ask([(200, {}, GOOD)], api_key_env="OWN_KEY")[2][0][0]["Authorization"] == f"Bearer {SECRET}"
    with pytest.raises(ValueError, match="variable of the environment that is set"):
        OpenAIChat("http://127.0.0.1:1/v1", "m", "NOT_SET_AT_ALL")
    with pytest.warns(UserWarning, match="without encryption"):
        OpenAIChat("http://models.example/v1", "m", "OWN_KEY")


def test_a_dead_endpoint():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ChatError, match="in 1 tries: ConnectionRefusedError"):
        OpenAIChat(f"http://127.0.0.1:{port}/v1", "m", max_retries=0).ask(MESSAGES)


def test_a_model_that_does_not_see():
    blind = json.dumps({"choices": [{"message": {"content": "I can't see images."}}]}).encode()
    handler = type("Own", (Odd,), {"script": [(200, {}, blind)], "seen": []})
    with serving(Responder(), handler) as endpoint, pytest.raises(ChatError, match="does not see images"):
        preflight(OpenAIChat(endpoint, "m"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ftp://x", "m"), "must be a URL"),
        (("http://[", "m"), "must be a URL"),
        (("http://u:p@x/v1", "m"), "must not hold a password"),
        (("http://x/v1", ""), "empty text"),
    ],
)
def test_wrong_endpoints(arguments, told):
    with pytest.raises(ValueError, match=told):
        OpenAIChat(*arguments)


def test_a_rate_limit_spaces_requests():
    with serving(Responder()) as endpoint:
        chat = OpenAIChat(endpoint, "m", requests_per_second=20)
        begin = time.monotonic()
        for _ in range(4):
            chat.ask(MESSAGES)
        assert time.monotonic() - begin >= 0.14
