"""Chromium driven over its debugging pipe: what keys reach, and what a screen reader is given."""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Browser:
    """A headless Chromium with one page.

    Args:
        program: its path.
        profile: an empty folder.
        width: of the window, pixels.
    """

    def __init__(self, program: str, profile: Path, width: int = 1280):
        self._number = 0
        from_us, self._to = os.pipe()
        self._back, to_us = os.pipe()
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        options += [f"--user-data-dir={profile}", f"--window-size={width},900", "--remote-debugging-pipe"]
        script = f'exec "$0" "$@" 3<&{from_us} 4>&{to_us}'  # the pipe is at 3 and 4
        self._process = subprocess.Popen(
            ["bash", "-c", script, program, *options], pass_fds=(from_us, to_us), stderr=subprocess.DEVNULL
        )
        os.close(from_us)
        os.close(to_us)
        self._answers = os.fdopen(self._back, "rb")
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        self._answers.close()

    def open(self, url: str) -> None:
        """Load a page and wait until it is loaded."""
        self.ask("Page.enable")
        self.ask("Page.navigate", url=url)
        self._until("Page.loadEventFired")

    def says(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
        if key == "Enter":
            self.ask("Input.dispatchKeyEvent", type="char", text="\r", key=key)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the debugging protocol to the page."""
        return self._ask(method, self._session, **parameters)

    def _ask(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result

    def _until(self, event: str) -> None:
        while self._next().get("method") != event:
            pass

    def _next(self) -> dict[str, Any]:
        letters = bytearray()
        while (letter := self._answers.read(1)) != b"\0":
            assert letter, "the browser ended"
            letters += letter
        said: dict[str, Any] = json.loads(letters)
        return said
