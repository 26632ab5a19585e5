"""What the server answers with: the site in memory, made again when the published verdicts change."""

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

from symplast.catalogue.catalogue import Catalogue
from symplast.catalogue.pages import Pages
from symplast.catalogue.site import checked_url, site_files

TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "atom": "application/atom+xml; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
LOOK_S = 5.0
"""Seconds between looks at the folder of published verdicts."""


class Asset(NamedTuple):
    """A file of the site, ready to be sent."""

    content: bytes
    kind: str
    etag: str
    modified: str


class Edition(NamedTuple):
    """The site as of one moment."""

    catalogue: Catalogue
    pages: Pages
    assets: dict[str, Asset]


class LiveSite:
    """The site in memory.

    The first edition comes quickly, with verdicts whose code is not yet compared; a second one follows in the
    background. After that a change of the published verdicts is seen within seconds.

    Args:
        read: makes a catalogue; its argument says whether code is compared.
        base_url: of the site.
        figures: folder where drawn figures of the reader's own runs are kept; None draws none.
    """

    def __init__(self, read: Callable[[bool], Catalogue], base_url: str, *, figures: Path | None = None):
        self._read, self.base_url, self._figures = read, checked_url(base_url), figures
        self._working = threading.Lock()
        self._looked = time.monotonic()
        self.problem = ""
        self.edition = self._make(check_code=False)
        self._seen = self._signature()
        self._start(check_code=True)

    def current(self) -> Edition:
        """The newest edition there is; when files have changed, another one is begun."""
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            if self._signature() != self._seen:
                self._start(check_code=True)
        return self.edition

    def wait(self) -> Edition:
        """The edition after the work that is going on."""
        with self._working:
            return self.edition

    def _start(self, *, check_code: bool) -> None:
        if self._working.acquire(blocking=False):
            threading.Thread(target=self._renew, args=(check_code,), daemon=True).start()

    def _renew(self, check_code: bool) -> None:
        try:
            seen = self._signature()
            self.edition = self._make(check_code=check_code)
            self._seen, self.problem = seen, ""
            self.edition.catalogue.index  # noqa: B018 - ready before somebody asks
        except (ValueError, OSError) as error:
            self.problem = str(error)  # the last sound edition stays
        finally:
            self._working.release()

    def _make(self, *, check_code: bool) -> Edition:
        catalogue = self._read(check_code)
        options = {"served": True, "compared": check_code, "figures": self._figures}
        newest = max((event.time for event in catalogue.events()), default=None)
        assets = {
            path: asset(path, content, newest)
            for path, content in site_files(catalogue, self.base_url, **options)  # type: ignore[arg-type]
        }
        pages = Pages(catalogue, self.base_url, **options)  # type: ignore[arg-type]
        return Edition(catalogue, pages, assets)

    def _signature(self) -> list[tuple[str, int, int]]:
        found = []
        for path in sorted(self.edition.catalogue.folder.glob("*.json*")):
            try:
                about = path.stat()
            except OSError:
                continue
            found.append((path.name, about.st_mtime_ns, about.st_size))
        return found


def asset(path: str, content: bytes, modified: datetime | None) -> Asset:
    """A file with what HTTP says of it."""
    kind = TYPES[path.rpartition(".")[2]]
    etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    when = format_datetime(modified.replace(microsecond=0), usegmt=True) if modified else ""
    return Asset(content, kind, etag, when if path.endswith(".atom") else "")
