"""What every exported file says of itself: product, licence, citation, window, what is left out, version, and when."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from smcore import __version__
from smcore.export.source import Source
from smcore.time_support import nominal_note
from smcore.titles import DEMONSTRATION, is_demonstration, short_title

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
MOST_NOTES = 10


def one_line(text: object) -> str:
    """Text from data without control characters and line breaks, as attributes of files take it."""
    return " ".join(_CONTROL.sub(" ", str(text)).split())


def made_up(source: Source) -> str:
    """The mark of made-up data, or of what weights of a made-up world gave; empty for real data."""
    if is_demonstration(source.entry):
        return f"{DEMONSTRATION}: weights of a made-up world on real data, a demonstration only"
    return "SYNTHETIC data" if source.entry.synthetic else ""


def title(source: Source) -> str:
    """The product's title; a demonstration's begins with its mark."""
    return one_line(short_title(source.entry) if is_demonstration(source.entry) else source.entry.title)


def left_out(source: Source) -> str:
    """What the mask removed, as a sentence; empty where it removes nothing."""
    mask = source.mask
    parts = [f"quality rule {mask.quality}"] if mask.quality != "all" else []
    parts += [f"without {rule}" for rule in mask.rules]
    parts += [f"{rule} could not be applied: the product does not tell" for rule in mask.unanswered]
    return "; ".join(parts)


def period(source: Source) -> str:
    """First and last step in UTC; empty without steps."""
    if not source.is_timed:
        return ""
    first, last = (str(t.astype("datetime64[m]")).replace("T", " ") for t in (source.time[0], source.time[-1]))
    return f"{first} to {last} UTC"


def place(source: Source) -> str:
    """The box asked for, or the one that the cells fill."""
    box = source.window
    if source.is_cube:
        west, south, east, north = source.grid.bbox
        over = " over the dateline" if east > 180.0 + 1e-6 and east - west < 360.0 - 1e-6 else ""
        east = east - 360.0 if over else east
        return (
            f"cells from {west:.4f} to {east:.4f} degrees east{over} and from {south:.4f} to {north:.4f} degrees north"
        )
    over = " over the dateline" if box.crosses_dateline else ""
    across = f"{box.west:g} to {box.east:g} degrees east{over}"
    return f"places from {across} and from {box.south:g} to {box.north:g} degrees north"


def attributes(source: Source) -> dict[str, Any]:
    """Global attributes of a file: CF's own, and what a reader needs to cite and to redo it."""
    entry, stored = source.entry, source.prepared.attrs
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = "; ".join(filter(None, [", ".join(source.variables), period(source), place(source), left_out(source)]))
    found = {
        "Conventions": "CF-1.11",
        "title": title(source),
        "summary": "; ".join(filter(None, [made_up(source), asked])),
        "source": f"{stored.get('product') or entry.title} (kind: {entry.kind})",
        "history": f"{now} exported by Loam {__version__} from {entry.id}: {asked}",
        "references": "; ".join(filter(None, [entry.citation, f"doi:{entry.doi}" if entry.doi else ""])),
        "citation": entry.citation,
        "doi": entry.doi,
        "licence": entry.licence,
        "license": entry.licence,
        "comment": " ".join(filter(None, [made_up(source), left_out(source), *source.prepared.notes[:MOST_NOTES]])),
        "product": stored.get("product", ""),
        "product_version": entry.version,
        "inputs": " ".join(entry.inputs),
        "kind": entry.kind,
        "id": entry.id,
        "source_fingerprint": source.prepared.fingerprint,
        "date_created": now,
    }
    told = {name: one_line(text) for name, text in found.items()}
    return {name: text for name, text in told.items() if text} | {"synthetic": int(entry.synthetic)}


def caption(source: Source) -> list[str]:
    """The same as lines for the head of a table or a caption."""
    entry = source.entry
    lines = [
        title(source), made_up(source), period(source), place(source), left_out(source),
        nominal_note(source.prepared.attrs, source.prepared.variables) if source.is_timed else "",
        f"licence: {entry.licence}" if entry.licence else "", entry.citation, entry.doi,
        f"exported by Loam {__version__} from {entry.id}, fingerprint {source.prepared.fingerprint[:16]}",
    ]  # fmt: skip
    return [one_line(line) for line in lines if line]
