"""What a page's source would load, send or run, and what it says without any of that."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

LOADING = ("src", "srcset", "data", "poster", "action", "formaction", "background", "ping", "manifest")
"""Attributes whose address is loaded or posted to."""
ARXIV = "https://arxiv.org/abs/"


class PageSource(HTMLParser):
    """A page as its source has it.

    Attributes:
        tags: every element with its attributes.
        text: what can be read without scripts.
        scripts: text inside script elements.
        styles: text inside style elements.
        hidden: ids of elements that stay hidden without a script.
    """

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.hidden: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        self.tags.append((tag, about))
        if "hidden" in about:
            self.hidden.append(about.get("id", tag))
        if tag in ("script", "style"):
            self._inside = tag
            (self.scripts if tag == "script" else self.styles).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside == "style":
            self.styles[-1] += data
        else:
            self.text += data


def foreign(text: str, base_url: str = "") -> list[str]:
    """What would leave the site's origin: everything but links of ``<a>`` to arXiv.

    Args:
        text: of a page or a picture.
        base_url: of the site, whose full addresses are its own.
    """
    page = PageSource(text)
    found = []
    for tag, about in page.tags:
        for name, value in about.items():
            if name in LOADING or name in ("href", "xlink:href"):
                outside = not (base_url and value.startswith(base_url)) and _leaves(value)
                if outside and not (tag == "a" and name == "href" and value.startswith(ARXIV)):
                    found.append(f"<{tag} {name}={value!r}>")
            if name == "style":
                found += [f"style {url}" for url in _urls(value) if _leaves(url)]
            if name == "http-equiv" and value.lower() == "refresh":
                found.append("a refresh")
    for style in page.styles:
        found += [f"style {url}" for url in _urls(style) if _leaves(url)]
        found += ["@import"] * style.count("@import")
    return found


def active(text: str) -> list[str]:
    """What would run that is not ours: handlers, scripts in the page, addresses that are scripts."""
    page = PageSource(text)
    found = []
    for tag, about in page.tags:
        found += [f"<{tag} {name}>" for name in about if name.startswith("on")]
        addresses = {name: value for name, value in about.items() if name in LOADING or name.endswith("href")}
        found += [f"<{tag} {n}>" for n, v in addresses.items() if re.match(r"\s*(javascript|vbscript):", v, re.I)]
        if (
            tag == "script"
            and about.get("type") != "application/ld+json"
            and about.get("src", "")[-12:] != "catalogue.js"
        ):
            found.append("<script>")
        if tag in ("iframe", "object", "embed", "base"):
            found.append(f"<{tag}>")
    return found


def _urls(style: str) -> list[str]:
    return re.findall(r"url\(\s*['\"]?([^'\")]*)", style)


def _leaves(address: str) -> bool:
    parts = urlsplit(address.strip())
    return bool(parts.scheme or parts.netloc) and parts.scheme != "data"
