"""Handouts as HTML. Markdown's own HTML is not let through, and what is left goes through a sanitiser besides."""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt

#: Characters of a handout that are rendered.
LONGEST = 500_000
_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
#: The page about all lessons, to which each handout leads.
COURSE = "course"
_README = re.compile(r"(?:\.\./)?(?:([a-z][a-z0-9]*)/)?README\.md(?:#.*)?")


def rendered(text: str) -> str:
    """A handout's Markdown as HTML in which a browser finds nothing to run or to load."""
    html = _MARKDOWN.render(text[:LONGEST])
    return nh3.clean(
        html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"}, attribute_filter=_address
    )


def _address(tag: str, name: str, value: str) -> str | None:
    """Where a link of a handout leads here: to another one, or elsewhere; files beside it are not shown here."""
    if handout := _README.fullmatch(value):
        return f"/lessons/{handout[1] or COURSE}"
    return value if value.startswith(("https://", "http://", "#")) else None
