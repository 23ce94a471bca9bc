"""HTML of strangers as it may be shown: no script, no form, nothing fetched from anywhere; pictures only out of the mail itself."""

from __future__ import annotations

import base64
import html as entities
import re
from collections.abc import Callable

import nh3

_TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "font", "h1",
    "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike",
    "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
})  # fmt: skip
_ANY = {"align", "dir", "lang", "style", "title", "valign"}
_ATTRIBUTES = {
    "*": _ANY, "a": {"href"}, "img": {"src", "alt", "width", "height"}, "font": {"color", "size"}, "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "width"}, "td": {"colspan", "rowspan", "width"},
    "th": {"colspan", "rowspan", "width"}, "col": {"span", "width"},
}  # fmt: skip
_STYLES = frozenset({
    "background-color", "border", "border-bottom", "border-collapse", "border-left", "border-right", "border-top", "color",
    "font-family", "font-size", "font-style", "font-weight", "line-height", "list-style-type", "margin", "margin-bottom",
    "margin-left", "margin-right", "margin-top", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top",
    "text-align", "text-decoration", "vertical-align", "white-space", "width",
})  # fmt: skip
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})
_SILENT = frozenset({"head", "script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"})
Picture = Callable[[str], tuple[str, bytes] | None]


def cleaned(written: str, picture: Picture) -> str:
    """``picture``: type and content of a picture by its Content-ID (``cid:``), or nothing."""

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            return _inline(value, picture)
        return None if attribute == "style" and "url(" in value.lower() else value

    return nh3.clean(
        written, tags=set(_TAGS), clean_content_tags=set(_SILENT), attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=allowed, url_schemes={"http", "https", "mailto", "tel", "cid", "data"}, link_rel="noopener noreferrer nofollow",
        filter_style_properties=set(_STYLES), set_tag_attribute_values={"a": {"target": "_blank"}},
    )  # fmt: skip


def _inline(source: str, picture: Picture) -> str | None:
    if not source.lower().startswith("cid:"):
        return None
    found = picture(source[4:])
    if found is None or found[0] not in _PICTURES:
        return None
    return f"data:{found[0]};base64,{base64.b64encode(found[1]).decode()}"


def words(written: str) -> str:
    """The words of HTML, a line a block, for whoever answers it in plain text."""
    broken = re.sub(r"(?i)<(br|/p|/div|/tr|/li|/h[1-6]|/blockquote)\b[^>]*>", lambda found: found.group(0) + "\n", written)
    bare = nh3.clean(broken, tags=set(), clean_content_tags=set(_SILENT))
    lines = [" ".join(line.split()) for line in entities.unescape(bare).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
