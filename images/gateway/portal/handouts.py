"""Handouts as HTML. Markdown's own HTML is not let through, and what is left goes through a sanitiser besides."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

#: Characters of a handout that are rendered.
LONGEST = 500_000
_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def rendered(text: str) -> str:
    """A handout's Markdown as HTML in which a browser finds nothing to run or to load."""
    html = _MARKDOWN.render(text[:LONGEST])
    return nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https"})
