"""The small server: the site, search, and subscriptions. Everything on it works without a script.

It writes no address and no token to its log, sets no cookie, and lets nothing load from elsewhere.
"""

import logging
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlencode

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from symplast.catalogue.catalogue import EventFilter
from symplast.catalogue.feeds import feed
from symplast.catalogue.filters import Filter
from symplast.catalogue.mail import MailError
from symplast.catalogue.search import LONGEST
from symplast.catalogue.serving import Asset, LiveSite, asset
from symplast.catalogue.subscriptions import Subscriptions, TooManyRequestsError

log = logging.getLogger("symplast.site")

BODY = 4096
"""Bytes of a form at most."""
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
CHOICES = ("topic", "verdict", "kind", "scale", "year", "data")


class Site:
    """The answers to requests.

    Args:
        live: the site in memory.
        subscriptions: None where mail is not set up.
        behind_proxy: take the client's address from the last entry of X-Forwarded-For.
    """

    def __init__(self, live: LiveSite, subscriptions: Subscriptions | None, *, behind_proxy: bool = False):
        self.live, self.subscriptions, self.behind_proxy = live, subscriptions, behind_proxy

    def app(self) -> ASGIApp:
        """The application."""
        routes = [
            Route("/search", self.search),
            Route("/search.atom", self.search_feed),
            Route("/subscribe", self.subscribe_form, methods=["GET"]),
            Route("/subscribe", self.subscribe, methods=["POST"]),
            Route("/confirm/{token}", self.confirm_page, methods=["GET"]),
            Route("/confirm/{token}", self.confirm, methods=["POST"]),
            Route("/u/{token}", self.unsubscribe_page, methods=["GET"]),
            Route("/u/{token}", self.unsubscribe, methods=["POST"]),
            Route("/{path:path}", self.file),
        ]
        inner = Starlette(routes=routes, exception_handlers={HTTPException: self.refused, Exception: self.broken})
        return secured(inner)

    async def file(self, request: Request) -> Response:
        """A file of the site: looked up by its whole name, never on a disk."""
        path = request.path_params["path"] or "index.html"
        found = self.live.current().assets.get(path)
        if found is None:
            raise HTTPException(404)
        return answer(request, found)

    async def search(self, request: Request) -> Response:
        """The page of a search."""
        query, cut, form, wanted = asked(request)
        edition = self.live.current()
        catalogue, pages = edition.catalogue, edition.pages
        hits = await run_in_threadpool(catalogue.search, query, 25, wanted) if query or form else []
        rankers = list(catalogue.index.rankers) if query else []
        return HTMLResponse(pages.search(query, hits, rankers, cut=cut, form=form))

    async def search_feed(self, request: Request) -> Response:
        """What changed with the systems that a search finds."""
        query, _, form, wanted = asked(request)
        catalogue = self.live.current().catalogue
        hits = await run_in_threadpool(catalogue.search, query, 25, wanted)
        slugs = [hit.slug for hit in hits]
        events = catalogue.events(EventFilter(systems=slugs)) if slugs else []
        base = self.live.base_url
        address = f"{base}search.atom?{urlencode({'q': query, **form})}"
        number = request.query_params.get("page", "1")
        try:
            page = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0
            cards = {slug: catalogue.card(slug) for slug in slugs}
            title = f"symplast: what changed for “{query}”"
            content = feed(events, address, base, cards, title=title, page=page)
        except ValueError:
            raise HTTPException(404) from None
        newest = max((event.time for event in events), default=None)
        return answer(request, asset("search.atom", content, newest))

    async def subscribe_form(self, request: Request) -> Response:
        """The form; 503 where there is no mail."""
        mail = self.subscriptions is not None
        return HTMLResponse(self.live.current().pages.subscribe(mail=mail), 200 if mail else 503)

    async def subscribe(self, request: Request) -> Response:
        """Always the same answer, whether the address is known, new or wrong."""
        pages = self.live.current().pages
        if self.subscriptions is None:
            return HTMLResponse(pages.subscribe(mail=False), 503)
        form = parse_qs((await body(request)).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)
        try:
            wanted = EventFilter(**{name: form.get(name, []) for name in ("systems", "kinds", "outcomes")})
            email, cadence = form.get("email", [""])[0], form.get("cadence", ["weekly"])[0]
            systems = list(self.live.current().pages.by_slug)
            client = self.client(request)
            await run_in_threadpool(
                self.subscriptions.subscribe, email, wanted, cadence, client=client, systems=systems
            )
        except TooManyRequestsError:
            page = pages.message(
                "Too many requests", "Too many subscriptions were asked for from here. Try in an hour."
            )
            return HTMLResponse(page, 429, {"retry-after": "3600"})
        except (ValueError, msgspec.ValidationError):
            log.info("a subscription was refused: not a plain address, or an unknown choice")
        except MailError as error:
            log.warning("a confirmation was not taken by the relay: %s", error)
        page = pages.message(
            "Look into your mailbox",
            "If the address can receive mail, a link to confirm is on its way. It works for 48 hours.",
            "Nothing else is sent before you have confirmed. Nothing came? Check the spelling and try again.",
        )
        return HTMLResponse(page, 202)

    async def confirm_page(self, request: Request) -> Response:
        """A button: mail scanners open links, and a scanner can't consent."""
        pages, token = self.live.current().pages, request.path_params["token"]
        if self.subscriptions is None or not await run_in_threadpool(self.subscriptions.is_confirmable, token):
            return self._expired()
        said = "Press the button and the digest is yours. You can end it with one click in every mail."
        return HTMLResponse(pages.message("Confirm your digest", said, root="../", button="Yes, send me the digest"))

    async def confirm(self, request: Request) -> Response:
        """Consent."""
        pages, token = self.live.current().pages, request.path_params["token"]
        if self.subscriptions is None or await run_in_threadpool(self.subscriptions.confirm, token) == "expired":
            return self._expired()
        said = "From now on you get a mail when something that you follow has changed, and not otherwise."
        return HTMLResponse(pages.message("You are subscribed", said, root="../"))

    async def unsubscribe_page(self, request: Request) -> Response:
        """A button; opening the page changes nothing."""
        if self.subscriptions is None or not await run_in_threadpool(
            self.subscriptions.knows, request.path_params["token"]
        ):
            raise HTTPException(404)
        page = self.live.current().pages.message(
            "End the digest?", "Your address is deleted at once.", root="../", button="Unsubscribe"
        )
        return HTMLResponse(page)

    async def unsubscribe(self, request: Request) -> Response:
        """RFC 8058: at once, whatever the body says; no cookie, no login, no redirect."""
        if self.subscriptions is None or (
            await run_in_threadpool(self.subscriptions.unsubscribe, request.path_params["token"]) == "unknown"
        ):
            raise HTTPException(404)
        page = self.live.current().pages.message(
            "You are unsubscribed", "Your address is deleted, and no other mail will come.", root="../"
        )
        return HTMLResponse(page)

    async def refused(self, request: Request, error: Exception) -> Response:
        """A page for what can't be answered."""
        status = error.status_code if isinstance(error, HTTPException) else 400
        said = {
            400: ("Not understood", "The address holds a word that means nothing here."),
            404: ("Not found", "There is nothing at this address."),
            405: ("Not allowed", "This page does not take such a request."),
            413: ("Too much", f"A form may have {BODY} bytes at most."),
        }.get(status, ("Refused", "This can't be answered."))
        detail = error.detail if isinstance(error, HTTPException) and status == 400 else ""
        root = "../" * max(request.url.path.count("/") - 1, 0)
        page = self.live.current().pages.message(said[0], detail or said[1], root=root)
        return HTMLResponse(page, status)

    async def broken(self, request: Request, error: Exception) -> Response:
        """A fault of ours: its kind goes to the log, without what was asked."""
        log.error("a request failed: %s", type(error).__name__)
        page = self.live.current().pages.message("A fault", "The server could not answer. The fault is ours.")
        return HTMLResponse(page, 500)

    def client(self, request: Request) -> str:
        """Who asks, for the rate limit."""
        if self.behind_proxy:
            forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
            if forwarded:
                return forwarded[:64]
        return request.client.host if request.client else "unknown"

    def _expired(self) -> Response:
        said = "This link is unknown, or older than 48 hours."
        page = self.live.current().pages.message("This link has expired", said, root="../", again=True)
        return HTMLResponse(page, 410)


def asked(request: Request) -> tuple[str, bool, dict[str, str], Filter]:
    """The query, whether it was cut, the choices as they were written, and what they mean.

    Raises:
        HTTPException: 400 for a word that means nothing.
    """
    text = request.query_params.get("q", "")
    form = {name: value for name in CHOICES if (value := request.query_params.get(name, ""))}
    try:
        year = form.get("year")
        if year is not None and not (year.isascii() and year.isdigit() and len(year) == 4):
            raise ValueError("year must have four digits")
        wanted = Filter(**{**form, "year": int(year) if year else None})  # type: ignore[arg-type]
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    return text[:LONGEST], len(text) > LONGEST, form, wanted


async def body(request: Request) -> bytes:
    """The body of a form.

    Raises:
        HTTPException: 413 where it is too long.
    """
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > BODY:
            raise HTTPException(413)
    return found


def answer(request: Request, found: Asset) -> Response:
    """A file, or 304 where the reader has it already."""
    headers = {"etag": found.etag, "cache-control": "no-cache", "content-type": found.kind}
    if found.modified:
        headers["last-modified"] = found.modified
    same = found.etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if "if-none-match" not in request.headers and found.modified:
        same = _is_no_newer(found.modified, request.headers.get("if-modified-since", ""))
    if same:
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers)


def _is_no_newer(modified: str, since: str) -> bool:
    try:
        known = parsedate_to_datetime(since)
    except ValueError:
        return False
    if known.tzinfo is None:
        known = known.replace(tzinfo=UTC)
    return parsedate_to_datetime(modified) <= known


def secured(app: ASGIApp) -> ASGIApp:
    """Adds the headers that keep a page to itself to every answer."""
    fixed = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *fixed]
            await send(message)

        await app(scope, receive, sending if scope["type"] == "http" else send)

    return wrapped
