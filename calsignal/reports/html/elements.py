"""HTML in which nothing a stranger wrote is anything but text.

Every string that enters an element is cleaned as for a terminal and escaped here, so that no report can forget it;
only what an element returned passes as it is. A document carries its style and its script inside, and a
Content-Security-Policy that allows these two by their hashes and nothing else: no request, no form, no other script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from html import escape
from importlib.resources import files

from calsignal.reports.safe import clean


class Safe(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | None
_VOID = frozenset({"br", "meta", "input"})
_SHAPES = frozenset({"circle", "line", "path", "rect", "polyline"})  # SVG is no HTML: an element has an end


def text(value: str) -> Safe:
    """Return what a stranger may have written as HTML that is only text; one blank at either end stays."""
    if isinstance(value, Safe):
        return value
    body = clean(value)
    before = " " if value[:1] == " " and body else ""
    after = " " if value[-1:] == " " and body else ""
    return Safe(escape(f"{before}{body}{after}" or value[:1].strip()))


def join(children: Iterable[Child], between: str = "") -> Safe:
    """Return children side by side; what is None is left out."""
    return Safe(between.join(text(child) for child in children if child is not None))


def el(tag: str, /, *children: Child, **attributes: object) -> Safe:
    """Return an element. In the name of an attribute `_` stands for `-`, and one at the end is dropped (`class_`).

    An attribute that is None or False is left out, one that is True has no value.
    """
    written = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    inside = "".join(text(child) for child in children if child is not None)
    if tag in _VOID:
        return Safe(f"<{tag}{written}>")
    return Safe(f"<{tag}{written}/>" if tag in _SHAPES and not inside else f"<{tag}{written}>{inside}</{tag}>")


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name == "viewbox":
        name = "viewBox"
    return f" {name}" if value is True else f' {name}="{escape(clean(str(value)))}"'


@cache
def _part(name: str) -> str:
    return (files("calsignal.reports.html") / name).read_text("utf-8").strip()


def _hash(body: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"


def document(title: str, *body: Child) -> str:
    """Return a whole page: one file, complete in itself."""
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    head = join(
        [
            el("meta", charset="utf-8"),
            el("meta", http_equiv="Content-Security-Policy", content=policy),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("meta", name="referrer", content="no-referrer"),
            el("title", title),
            Safe(f"<style>{style}</style>"),
        ],
        "\n",
    )
    inside = join(body, "\n")
    page = el(
        "html", Safe(f"\n<head>\n{head}\n</head>\n<body>\n{inside}\n<script>{script}</script>\n</body>\n"), lang="en"
    )
    return f"<!doctype html>\n{page}\n"
