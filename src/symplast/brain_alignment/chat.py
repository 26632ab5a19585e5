"""Asking a vision-language model: messages, answers, and any server that speaks the OpenAI chat protocol."""

import base64
import http.client
import json
import math
import os
import threading
import time
import urllib.parse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from symplast.brain_alignment.scenes import encode_png

MOST_BYTES = 4 << 20
"""Largest answer that is read."""

LONGEST_WAIT = 60.0
"""Seconds that a server's Retry-After is obeyed at most."""

REFUSED_OPTIONS = (400, 403, 422, 501)
"""Statuses with which servers refuse log-probabilities."""

PREFLIGHT = "What colour is this image? Answer with one word."

NAMES_OF_RED = ("red", "crimson", "scarlet", "vermilion")


class ChatError(OSError):
    """An endpoint that can't be used, or an answer that never came; the message says why."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        text: what is said.
        image: bytes of a picture that goes with it.
    """

    role: str
    text: str
    image: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        text: the reply.
        logit: log P(AGREE) - log P(DISAGREE) of its first word, where the backend gives both.
        model: as the server names it.
    """

    text: str
    logit: float | None = None
    model: str = ""


@runtime_checkable
class Chat(Protocol):
    """Anything that answers conversations: an endpoint, a local model, a responder."""

    @property
    def name(self) -> str:
        """Of the model."""

    def ask(self, messages: Sequence[Message], logprobs: bool = False) -> Answer:
        """Answer greedily."""


class OpenAIChat:
    """A model behind ``POST <endpoint>/chat/completions`` (vLLM, llama.cpp, Ollama, LM Studio, ...).

    The key is read from the environment when a request is made; it is kept nowhere and in no message. Redirects are not
    followed. 429, 5xx and broken connections are tried again after the server's Retry-After or after 0.5, 1, 2, ... s.

    Args:
        endpoint: such as ``http://127.0.0.1:8000/v1``.
        model: its name on the server.
        api_key_env: environment variable that holds the key.
        timeout: seconds for one answer.
        max_retries: further tries after the first.
        requests_per_second: limit over all threads; None: none.
        max_tokens: of an answer.

    Raises:
        ValueError: an endpoint that is no http(s) URL, a variable that is not set.

    Example:
        >>> OpenAIChat("ftp://x", "m")
        Traceback (most recent call last):
        ValueError: endpoint must be a URL such as http://127.0.0.1:8000/v1, got 'ftp://x'
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        api_key_env: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 4,
        requests_per_second: float | None = None,
        max_tokens: int = 256,
    ):
        try:
            url = urllib.parse.urlsplit(endpoint.rstrip("/"))
            port = url.port
        except ValueError:
            url, port = urllib.parse.urlsplit(""), None
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"endpoint must be a URL such as http://127.0.0.1:8000/v1, got {endpoint!r}")
        if url.username or url.password:
            raise ValueError("endpoint must not hold a password; name a variable of the environment with api_key_env")
        if not model:
            raise ValueError("model must be the name of a model on the server, got an empty text")
        if api_key_env is not None:
            key = _key(api_key_env)
            if not key:
                told = f"api_key_env must name a variable of the environment that is set, got {api_key_env!r}"
                raise ValueError(told)
            if not (key.isascii() and key.isprintable()) or " " in key:  # http.client would quote it in its error
                raise ValueError(f"api_key_env must name a variable that holds one word of ASCII, got {api_key_env!r}")
        if not timeout > 0 or (requests_per_second is not None and not requests_per_second > 0):
            raise ValueError("timeout and requests_per_second must be positive")
        if max_retries < 0:
            raise ValueError(f"max_retries must be at least 0, got {max_retries}")
        if api_key_env and url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
            warnings.warn(f"the key goes to {url.hostname} without encryption; use https", stacklevel=2)
        self._url, self._port = url, port
        self._model, self._key_env = model, api_key_env
        self._timeout, self._retries = timeout, max_retries
        self._spacing = 1 / requests_per_second if requests_per_second else 0.0
        self._max_tokens = max_tokens
        self._next, self._lock = 0.0, threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self.logprobs_refused = False
        self.retries = 0

    @property
    def name(self) -> str:
        """The model's name on the server."""
        return self._model

    @property
    def decoding(self) -> dict[str, Any]:
        """What decides the answer besides the messages."""
        return {"temperature": 0, "max_tokens": self._max_tokens}

    def ask(self, messages: Sequence[Message], logprobs: bool = False) -> Answer:
        """Answer greedily.

        Raises:
            ChatError: no usable answer after all tries, or a refusal that another try can't change.
        """
        body: dict[str, Any] = {"model": self._model, "messages": [_part(m) for m in messages], **self.decoding}
        if logprobs and not self.logprobs_refused:
            body |= {"logprobs": True, "top_logprobs": 20}
        wait, why = 0.5, ""
        for attempt in range(self._retries + 1):
            if attempt:
                with self._lock:
                    self.retries += 1
                time.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            try:
                status, after, data = self._post(json.dumps(body).encode())
            except (OSError, http.client.HTTPException) as error:
                why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                continue
            if status == 200:
                try:
                    return _answer(data)
                except ValueError as error:
                    why = str(error)
                    continue
            told = _told(data)
            if status in REFUSED_OPTIONS and "logprobs" in body and "logprob" in told.lower():
                self.logprobs_refused = True
                del body["logprobs"], body["top_logprobs"]
                wait = 0.0
                continue
            why = f"status {status}{': ' + told if told else ''}"
            if status == 429 or status >= 500:
                wait = after if after is not None else wait
                continue
            raise ChatError(f"{self._where}: {_meaning(status, self._model)} ({why})")
        raise ChatError(f"{self._where} gave no usable answer in {self._retries + 1} tries: {why}")

    @property
    def _where(self) -> str:
        return f"{self._url.scheme}://{self._url.netloc}{self._url.path}"

    def _post(self, content: bytes) -> tuple[int, float | None, bytes]:
        """Status, seconds to wait if the server says so, and the body."""
        if self._spacing:
            with self._lock:
                now = time.monotonic()
                self._next = max(self._next, now) + self._spacing
                pause = self._next - self._spacing - now
            time.sleep(max(0.0, pause))
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            connection = kind(self._url.hostname or "", self._port, timeout=self._timeout)
        try:
            if connection.sock is None:
                connection.connect()
                _send_at_once(connection)
            found, again = self._exchange(connection, content)
        except BaseException:
            connection.close()
            raise
        if again:
            with self._lock:
                self._idle.append(connection)
        else:
            connection.close()
        return found

    def _exchange(
        self, connection: http.client.HTTPConnection, content: bytes
    ) -> tuple[tuple[int, float | None, bytes], bool]:
        """One request and its response, and whether the connection can be used again."""
        headers = {"Content-Type": "application/json"}
        key = _key(self._key_env) if self._key_env else ""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        connection.request("POST", f"{self._url.path}/chat/completions", content, headers)
        response = connection.getresponse()
        data = response.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise http.client.HTTPException(f"an answer of more than {MOST_BYTES >> 20} MiB")
        if key:  # some servers quote it in their refusal
            data = data.replace(key.encode(), b"(key)")
        after = response.getheader("Retry-After")
        try:
            seconds = min(float(after), LONGEST_WAIT) if after is not None else None
        except ValueError:
            seconds = None
        seconds = seconds if seconds is None or seconds >= 0 else None
        return (response.status, seconds, data), not response.will_close

    def close(self) -> None:
        """Close the connections that are kept open; further requests open new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def __del__(self) -> None:
        if hasattr(self, "_idle"):
            self.close()


def _key(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _send_at_once(connection: http.client.HTTPConnection) -> None:
    import socket

    if connection.sock is not None:
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _meaning(status: int, model: str) -> str:
    if status in (401, 403):
        return "the server refuses the key; set its variable and name it with --api-key-env"
    if status == 404:
        return f"no chat endpoint there, or no model {model!r}; the URL usually ends in /v1"
    if 300 <= status < 400:
        return "the server redirects, which is not followed; give the final URL"
    if status in (400, 413, 415, 422):
        return "the server refuses the request; does the model take images?"
    return "the server refuses the request"


def _told(data: bytes) -> str:
    """A server's message, short and printable."""
    text = data[:2000].decode("utf-8", "replace")
    try:
        found = json.loads(text)
        error = found.get("error", found) if isinstance(found, dict) else found
        text = str(error.get("message", error) if isinstance(error, dict) else error)
    except ValueError:
        pass
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def media_type(image: bytes) -> str:
    """Of a picture, by its first bytes."""
    for start, name in ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp")):
        if image.startswith(start):
            return f"image/{name}"
    return "application/octet-stream"


def _part(message: Message) -> dict[str, Any]:
    if message.image is None:
        return {"role": message.role, "content": message.text}
    url = f"data:{media_type(message.image)};base64,{base64.b64encode(message.image).decode()}"
    picture = {"type": "image_url", "image_url": {"url": url}}
    return {"role": message.role, "content": [picture, {"type": "text", "text": message.text}]}


def _answer(data: bytes) -> Answer:
    """The answer in a response.

    Raises:
        ValueError: the response holds none.
    """
    try:
        found = json.loads(data)
        choice = found["choices"][0]
        content = choice["message"]["content"]
        if isinstance(content, list):
            content = "".join(part.get("text", "") for part in content)
        if content is None:
            content = ""
        if not isinstance(content, str):
            raise TypeError
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"an answer that is no chat completion: {_told(data) or 'nothing'}") from None
    return Answer(content, _logit(choice.get("logprobs")), str(found.get("model", ""))[:200])


def _logit(logprobs: Any) -> float | None:
    """log P(AGREE) - log P(DISAGREE) at the first token that is one of them; None where they are not given."""
    try:
        for token in logprobs["content"][:8]:
            mass = {"agree": 0.0, "disagree": 0.0}
            for other in token["top_logprobs"]:
                word = other["token"].strip().lower().lstrip("\u2581\u0120*\"'")
                for verdict in mass:
                    if len(word) >= 2 and verdict.startswith(word):
                        mass[verdict] += math.exp(min(0.0, float(other["logprob"])))
            if mass["agree"] > 0 and mass["disagree"] > 0:
                return math.log(mass["agree"]) - math.log(mass["disagree"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return None


def preflight(chat: Chat) -> None:
    """Ask for the colour of one plain red picture, before thousands of requests are made.

    Raises:
        ChatError: unreachable, refused, text only, or a picture that is ignored in silence.
    """
    plain = encode_png(np.ones((64, 64), np.uint8))
    answer = chat.ask([Message("user", PREFLIGHT, plain)])
    if not any(name in answer.text.lower() for name in NAMES_OF_RED):
        said = " ".join(answer.text.split())[:80]
        raise ChatError(
            f"{chat.name} was shown a red picture and called it {said!r}: it does not see images (skip this check with "
            "--no-preflight)"
        )
