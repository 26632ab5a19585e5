"""A responder behind a local server that speaks the OpenAI chat protocol: a dry run without GPU, network or key."""

import base64
import binascii
import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from symplast.brain_alignment.chat import Answer, Message
from symplast.brain_alignment.responders import Responder

MOST_BYTES = 32 << 20
"""Largest request that is read."""


class Handler(BaseHTTPRequestHandler):
    """Answers ``POST .../chat/completions`` and ``GET .../models``."""

    protocol_version = "HTTP/1.1"
    responder: Responder
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        """The list of models."""
        if self.path.rstrip("/").endswith("/models"):
            self._send(200, {"object": "list", "data": [{"id": self.responder.name, "object": "model"}]})
        else:
            self._send(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        """One answer."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            length = -1
        if not 0 <= length <= MOST_BYTES:
            self.close_connection = True
            self._send(413, {"error": {"message": "the request needs a Content-Length of at most 32 MiB"}})
            return
        data = self.rfile.read(length)
        if not self.path.rstrip("/").endswith("/chat/completions"):
            self._send(404, {"error": {"message": "not found"}})
            return
        try:
            body = json.loads(data)
            wanted = bool(body.get("logprobs"))
            answer = self.responder.ask(read_messages(body), logprobs=wanted)
        except (ValueError, AttributeError, RecursionError) as error:
            self._send(400, {"error": {"message": str(error) or "bad request"}})
            return
        self._send(200, completion(answer, wanted))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def read_messages(body: Any) -> list[Message]:
    """Messages of a request.

    Raises:
        ValueError: a request that holds none, or a picture that can't be read.
    """
    try:
        found = []
        for message in body["messages"]:
            content, image = message["content"], None
            texts: list[str] = []
            parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for part in parts:
                if part["type"] == "text":
                    texts.append(part["text"])
                elif part["type"] == "image_url":
                    _, _, data = part["image_url"]["url"].partition(";base64,")
                    image = base64.b64decode(data, validate=True)
            found.append(Message(message["role"], "\n".join(texts), image))
        return found
    except (KeyError, TypeError, binascii.Error):
        raise ValueError(
            "messages must be as the OpenAI chat protocol has them, pictures as base64 data URLs"
        ) from None


def completion(answer: Answer, logprobs: bool = False) -> dict[str, Any]:
    """A response in the protocol's form."""
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text},
        "finish_reason": "stop",
        "logprobs": None,
    }
    if logprobs and answer.logit is not None:
        p = 1 / (1 + math.exp(-answer.logit))
        top = [{"token": word, "logprob": math.log(q)} for word, q in (("AGREE", p), ("DIS", 1 - p)) if q > 0]
        choice["logprobs"] = {"content": [{"token": "AGREE", "logprob": math.log(p), "top_logprobs": top}]}
    return {"object": "chat.completion", "model": answer.model, "choices": [choice]}


class Server(ThreadingHTTPServer):
    """The server; its threads end with the program."""

    daemon_threads = True
    request_queue_size = 64


def make_server(responder: Responder, port: int = 0, handler: type[Handler] = Handler) -> Server:
    """A server on 127.0.0.1.

    Args:
        responder: who answers.
        port: 0 takes a free one.
        handler: its class, for servers that misbehave in tests.

    Raises:
        OSError: the port is taken.
    """
    own = type("Handler", (handler,), {"responder": responder})
    return Server(("127.0.0.1", port), own)


@contextmanager
def serving(responder: Responder, handler: type[Handler] = Handler) -> Iterator[str]:
    """The endpoint of a server that runs while the block does.

    Example:
        >>> with serving(Responder("truthful")) as endpoint:
        ...     endpoint.startswith("http://127.0.0.1:") and endpoint.endswith("/v1")
        True
    """
    server = make_server(responder, handler=handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
