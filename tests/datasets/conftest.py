"""A data set of two small files, a local server for them that can misbehave, and an empty cache."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from symplast.datasets import DatasetInfo, FileInfo, registry

CONTENT = {"first.csv": b"a,b\n" + b"1,2\n" * 20_000, "second.csv": b"c\n3\n"}


@dataclass
class Server:
    """``behaviour``: whole, truncated, corrupted, missing, silent, slow or endless."""

    url: str
    behaviour: str = "whole"
    sent: int = 0
    together: int = 1  # requests for the first file that are there before any of it is sent
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/")
            about.requests.append(name)
            body, behaviour = CONTENT[name], about.behaviour
            deadline = time.monotonic() + 20
            while about.requests.count("first.csv") < about.together and time.monotonic() < deadline:
                time.sleep(0.01)
            if behaviour == "missing":
                self.send_error(404)
                return
            if behaviour == "silent":
                time.sleep(2)
                return
            self.send_response(200)
            if behaviour != "endless":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            while behaviour == "endless" and about.sent < 200 * len(body):
                about.sent += self.wfile.write(body)
            if behaviour == "truncated":
                self.wfile.write(body[: len(body) // 2])
            elif behaviour == "endless":
                return
            elif behaviour == "corrupted":
                self.wfile.write(body[:-1] + b"?")
            elif behaviour == "slow":
                for begin in range(0, len(body), 8192):
                    self.wfile.write(body[begin : begin + 8192])
                    self.wfile.flush()
                    time.sleep(0.05)
            else:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # clients that are killed or time out
            pass

    with Quiet(("127.0.0.1", 0), Handler) as http:
        about = Server(f"http://127.0.0.1:{http.server_port}")
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        yield about
        http.shutdown()


@pytest.fixture
def make_info(server: Server) -> Callable[..., DatasetInfo]:
    """Makes the data set; its files come from the given servers, in order."""

    def make(*bases: str) -> DatasetInfo:
        files = tuple(
            FileInfo(
                name=name,
                holds=name.removesuffix(".csv"),
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                urls=tuple(f"{base}/{name}" for base in bases or (server.url,)),
            )
            for name, content in CONTENT.items()
        )
        return DatasetInfo(
            name="toy",
            title="Two tables",
            reader="csv",
            licence="CC0",
            terms="",
            citation="",
            home="https://example.org/toy",
            files=files,
        )

    return make


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the toy data set in an empty cache; no folder of the user's own."""
    monkeypatch.setenv("SYMPLAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SYMPLAST_DATA", raising=False)
    return tmp_path / "cache" / "data" / "toy"


@pytest.fixture
def toy(make_info: Callable[..., DatasetInfo], cache: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetInfo:
    """The toy data set, registered as the only one."""
    info = make_info()
    monkeypatch.setattr(registry, "_registry", lambda: {"toy": info})
    return info


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> Path:
    """The user's own folder with a good copy of the toy data set."""
    place = tmp_path / "own" / "toy"
    place.mkdir(parents=True)
    for name, content in CONTENT.items():
        (place / name).write_bytes(content)
    monkeypatch.setenv("SYMPLAST_DATA", str(tmp_path / "own"))
    return place
