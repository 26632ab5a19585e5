"""``symplast site``: the catalogue as files, as a server, and by e-mail."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from symplast.cli.console import err, out, print_json, tell, tell_damages
from symplast.cli.naming import naming
from symplast.cli.options import AS_JSON
from symplast.cli.search import RESULTS, opened

if TYPE_CHECKING:
    from symplast.catalogue import Catalogue, SMTPMailer
    from symplast.catalogue.mail import Mailer

app = typer.Typer(help="The catalogue of papers and verdicts: as files, as a server, by e-mail.", no_args_is_help=True)

STORE = typer.Option(None, "--store", help="Show your own runs next to the published verdicts: a folder or fsspec URL.")
DB = typer.Option(Path("symplast-site/subscriptions.sqlite"), "--db", help="File of the subscriptions.", dir_okay=False)
FROM = typer.Option("", "--from", help="Sender of the mails. The relay is named by SYMPLAST_SMTP.")
MAILBOX = typer.Option(
    "", "--unsubscribe-mailbox", help="A mailbox that somebody reads and that takes 'unsubscribe' too."
)


@app.command()
def build(
    to: Annotated[Path, typer.Option(help="Folder that becomes the site.", file_okay=False)] = Path(
        "symplast-site/site"
    ),
    url: Annotated[str, typer.Option(help="Where it will be, e.g. https://verdicts.example.org, for feeds.")] = "",
    store: str | None = STORE,
    results: Path | None = RESULTS,
    as_json: bool = AS_JSON,
) -> None:
    """Write the site as files that any file server can serve."""
    from symplast.catalogue import write_site
    from symplast.catalogue.site import checked_url

    with naming("to", "url"):
        checked_url(url)  # before anything is read
        catalogue = _with_store(store)(results, check_code=True)
        index = write_site(catalogue, to, url, figures=to.parent / ".figures" if store else None)
    if as_json:
        print_json({"site": str(index), "systems": len(catalogue.cards())})
    else:
        out.print(f"site: {index}", soft_wrap=True)


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine need a reverse proxy.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    url: Annotated[str, typer.Option(help="Where readers find it, e.g. https://verdicts.example.org.")] = "",
    db: Path = DB,
    sender: str = FROM,
    mailbox: str = MAILBOX,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Take clients' addresses from the proxy's X-Forwarded-For.")
    ] = False,
    store: str | None = STORE,
    results: Path | None = RESULTS,
) -> None:
    """Serve the site with search and, where mail is set up, subscriptions."""
    if not 0 <= port <= 65535:
        raise ValueError(f"--port must be from 0 to 65535, got {port}")
    try:
        import starlette  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise ValueError('site serve needs the extra web; install it: pip install "symplast[web]"') from error
    import logging
    import socket

    from symplast.catalogue.server import Site
    from symplast.catalogue.serving import LiveSite
    from symplast.catalogue.subscriptions import Subscriptions
    from symplast.lab.provenance import utc_now

    with naming("url", "email"):
        mailer = _mailer(sender)
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        place = f"[{host}]" if ":" in host else host
        here = f"http://{place}:{listening.getsockname()[1]}/"
        open_catalogue = _with_store(store)
        live = LiveSite(
            lambda check_code: open_catalogue(results, check_code=check_code),
            url or (here if host in ("127.0.0.1", "localhost", "::1") else ""),
            figures=db.parent / "figures" if store else None,
        )
        subscriptions = None
        if mailer is not None:
            subscriptions = Subscriptions(db, utc_now, mailer, live.base_url, mailbox=mailbox)
    log = logging.getLogger("symplast.site")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    served = Site(live, subscriptions, behind_proxy=behind_proxy).app()
    # no access log: paths hold tokens, and lines of it clients' addresses
    config = uvicorn.Config(
        served, log_level="warning", access_log=False, server_header=False, proxy_headers=False, timeout_keep_alive=10
    )
    tell(f"serving {url or here} at {here} (Ctrl-C ends it){'' if mailer else '; mail is not set up'}")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


@app.command()
def digest(
    url: Annotated[str, typer.Option(help="Where the site is; links in the mails begin so.")] = "",
    db: Path = DB,
    sender: str = FROM,
    mailbox: str = MAILBOX,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be queued and sent; send nothing.")
    ] = False,
    results: Path | None = RESULTS,
    as_json: bool = AS_JSON,
) -> None:
    """Send the digests that are due; for cron or a timer. No address is printed."""
    from symplast.catalogue.subscriptions import Subscriptions
    from symplast.lab.provenance import utc_now

    if not db.is_file():
        raise ValueError(f"--db must be a file of subscriptions, there is none at {db}; symplast site serve makes it")
    mailer: Mailer | None = _mailer(sender)
    if mailer is None and not dry_run:
        raise ValueError("mail is not set up: SYMPLAST_SMTP must name a relay and --from the sender")
    catalogue = opened(results, check_code=False)
    with naming("url", "email"):
        subscriptions = Subscriptions(db, utc_now, mailer, url, mailbox=mailbox)
    now = utc_now()
    if dry_run:
        due = subscriptions.due(now, catalogue.events())
        if as_json:
            print_json({"due": due})
        else:
            out.print(f"{sum(due.values())} mails would be sent" + "".join(f"\n  {p}: {n}" for p, n in due.items()))
        return
    titles = {card.slug: card.system.title for card in catalogue.cards()}
    done = subscriptions.run_digests(now, catalogue.events(), titles)
    if as_json:
        print_json(done)
    else:
        said = ("queued", "sent", "postponed", "failed", "dropped")
        out.print(", ".join(f"{getattr(done, name)} {name}" for name in said))
    for problem in done.problems:
        err.print(f"the relay did not take a mail: {problem}")
    if done.failed:
        raise typer.Exit(1)


@app.command()
def history(
    results: Annotated[
        Path, typer.Option(help="Folder of the published verdicts, in a checkout.", file_okay=False)
    ] = Path("results"),
    as_json: bool = AS_JSON,
) -> None:
    """Write results/events.jsonl once, from the history of the repository."""
    from symplast.catalogue.past import write_history

    if not results.is_dir():
        raise ValueError(f"--results must be a folder that exists, got {results}")
    events = write_history(results)
    if as_json:
        print_json({"events": len(events)})
    else:
        out.print(f"{len(events)} events written to {results / 'events.jsonl'}", soft_wrap=True)


def _with_store(url: str | None) -> "Callable[..., Catalogue]":
    """Opens the catalogue, with the reader's own runs where they are asked for."""
    if url is None:
        return opened
    from symplast.lab.store import Store

    def both(results: Path | None, *, check_code: bool) -> "Catalogue":
        store = Store(url)
        catalogue = opened(results, check_code=check_code, store=store)
        tell_damages(store.damages)
        return catalogue

    return both


def _mailer(sender: str) -> "SMTPMailer | None":
    """The relay that the environment names; None where it names none."""
    relay = os.environ.get("SYMPLAST_SMTP", "")
    if not relay:
        return None
    from symplast.catalogue import SMTPMailer
    from symplast.catalogue.addresses import checked_address

    if not sender:
        raise ValueError("--from must be given where SYMPLAST_SMTP is set: the address that mails come from")
    with naming(email="--from"):
        return SMTPMailer(relay, checked_address(sender))
