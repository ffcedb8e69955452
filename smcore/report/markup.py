"""HTML made of elements, so that no text of the data can be markup: what is not :class:`Html` is escaped.

Texts of the data stand in ``<bdi>``, so that right-to-left marks in a name turn nothing round but the name.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

VOID: Final = ("br", "img", "meta", "hr")
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DOI: Final = re.compile(r"10\.\d{4,9}/[^\s\"'<>]{1,200}")


class Html(str):
    """Text that is markup already, made by the functions of this file."""

    __slots__ = ()


def clean(text: object) -> str:
    """Text without the characters that no HTML file may hold; they become a replacement character."""
    return _FORBIDDEN.sub("\ufffd", str(text))


def esc(text: object) -> Html:
    """Text as HTML; markup stays as it is."""
    return text if isinstance(text, Html) else Html(html.escape(clean(text), quote=True))


def data(text: object) -> Html:
    """Text from data: escaped, and on its own where the direction of writing is concerned."""
    return tag("bdi", text)


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """An element. ``class_`` is ``class``, ``data_x`` is ``data-x``; an attribute that is None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Parts one after the other, each escaped unless it is markup."""
    return Html(between.join(esc(part) for part in parts))


def paragraph(*children: object, **attributes: object) -> Html:
    """A paragraph."""
    return tag("p", *children, **attributes)


def listing(items: Sequence[object], **attributes: object) -> Html:
    """A list of points; nothing where there are none."""
    return tag("ul", *(tag("li", item) for item in items), **attributes) if items else Html("")


def table(
    caption: object, head: Sequence[object], rows: Sequence[Sequence[object]], *, named: int = 1, class_: str = ""
) -> Html:
    """A table: a caption, a row of column headers, and ``named`` row headers in front of each row.

    Cells of text stand left, of numbers (as they are written here: digits, signs, brackets) right.
    """
    if not rows:
        return Html("")
    body, right = [], [False] * len(head)
    for row in rows:
        cells = [tag("th", cell, scope="row") for cell in row[:named]]
        for i, cell in enumerate(row[named:], named):
            numeric = is_number(cell)
            right[i] = right[i] or numeric
            cells.append(tag("td", cell, class_="number" if numeric else None))
        body.append(tag("tr", *cells))
    shown = zip(head, right, strict=True)
    top = tag("tr", *(tag("th", cell, scope="col", class_="number" if numeric else None) for cell, numeric in shown))
    whole = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body), class_=class_ or None)
    return tag("div", whole, class_="scroll", role="region", aria_label=plain(caption), tabindex="0")


def section(title: object, *children: object, id_: str, level: int = 2, class_: str | None = None) -> Html:
    """A part with its heading."""
    return tag("section", tag(f"h{level}", title), *children, id=id_, class_=class_)


def doi_link(doi: str) -> Html:
    """A link to a DOI; as text where it is none."""
    found = _DOI.search(doi)
    if found is None or found[0] != doi.removeprefix("doi:").removeprefix("https://doi.org/"):
        return data(doi)
    return tag("a", f"doi:{found[0]}", href=f"https://doi.org/{found[0]}", rel="noreferrer")


def with_links(text: str) -> Html:
    """Text in which DOIs written as ``doi:10.…`` are links."""
    parts: list[object] = []
    last = 0
    for found in re.finditer(r"doi:(10\.\d{4,9}/[^\s\"'<>]{1,200}?)(?=[.,;)]?(?:\s|$))", text):
        parts += [text[last : found.start()], doi_link(found[1])]
        last = found.end()
    return join([*parts, text[last:]])


def plain(markup: object) -> str:
    """The text of markup, for an attribute."""
    if not isinstance(markup, Html):
        return clean(markup)
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def is_number(cell: object) -> bool:
    """Whether a cell is a number as reports write it."""
    return bool(re.fullmatch(r"[-−+]?\d[\d.,\s\u202f]*(?:\s?\[.*\])?|–", plain(cell)))
