"""RO-Crate 1.1 metadata of a bundle, so that archives and other programs know what its files are.

https://www.researchobject.org/ro-crate/specification/1.1: one flat JSON-LD graph with a descriptor of itself, the root
data set with name, description, date and licence, and an entity for each file.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any, Final

from smcore.bundle.layout import CITATIONS, CRATE, FIGURES, HASHES, PAIRS, README, REPORT
from smcore.bundle.licences import Licence

_SPECIFICATION: Final = "https://w3id.org/ro/crate/1.1"
_TYPES: Final = {
    ".nc": "application/x-netcdf", ".sqlite": "application/vnd.sqlite3", ".bib": "application/x-bibtex",
    ".npz": "application/zip", ".csv": "text/csv", ".json": "application/json", ".html": "text/html",
    ".svg": "image/svg+xml", ".pdf": "application/pdf", ".png": "image/png", ".txt": "text/plain",
}  # fmt: skip
_TOLD: Final = {
    "run.json": "Record of the run: options, data sets with fingerprints, counts, sentences, versions",
    "metrics.csv": "Metrics of every location with intervals and status, then pooled and median",
    "metrics.nc": "The metrics as CF NetCDF",
    "common.csv": "Metrics on the reference records that all products have",
    "versus.csv": "Every two products at every location: gain, interval, p, q, verdict",
    "strata.csv": "Metrics by strata",
    "triple.csv": "Triple collocation",
    "stability.csv": "Metrics in moving windows",
    "qa4sm.nc": "The metrics as QA4SM writes them",
    "density.npz": "Numbers of pairs in a raster of product against reference",
    "station_density.npz": "Numbers of pairs of each station in bins that hold enough of them",
    "review.sqlite": "Log of the review, append-only",
    "review/review.json": "The review as JSON",
    "review/review.csv": "The review as a table",
    REPORT: "Report of the run",
    CITATIONS: "BibTeX of data and methods",
    README: "What is in this folder, in words",
    HASHES: "SHA-256 and size of every other file",
}


def crate(
    record: Mapping[str, Any],
    sizes: Mapping[str, int],
    licences: Sequence[Licence],
    reviewers: Sequence[str],
    *,
    date: str,
    title: str,
) -> str:
    """The text of ``ro-crate-metadata.json``.

    Parameters
    ----------
    sizes
        Name → bytes of every other file of the bundle but the list of hashes, whose size is not known yet.
    reviewers
        Who has left an event in the review log.
    date
        ISO day that the bundle is of.
    """
    data = [_data_set(one, of) for one, of in zip((*record["products"], record["reference"]), licences, strict=True)]
    unique = {one["@id"]: one for one in data}
    people = [{"@id": f"#reviewer-{i}", "@type": "Person", "name": name} for i, name in enumerate(reviewers, 1)]
    loam = {
        "@id": "#loam", "@type": "SoftwareApplication", "name": "Loam", "softwareVersion": str(record["loam"]),
        "softwareRequirements": ", ".join(f"{name} {version}" for name, version in record["libraries"].items()),
    }  # fmt: skip
    files = [_file(name, size) for name, size in sorted(sizes.items())] + [_file(HASHES, None)]
    made = {
        "@id": "#run", "@type": "CreateAction", "name": "loam validate", "instrument": {"@id": "#loam"},
        "object": _one_or_all([{"@id": one} for one in unique]),
        "result": _one_or_all([{"@id": name} for name in sorted(record["files"]) if name in sizes]),
    }  # fmt: skip
    root = {
        "@id": "./", "@type": "Dataset", "name": title, "datePublished": date,
        "description": f"Validation run, made with Loam {record['loam']}: record, metrics, review, figures and report.",
        "license": {"@id": "#licence"}, "hasPart": [{"@id": one["@id"]} for one in files],
        "mentions": {"@id": "#run"},
    }  # fmt: skip
    if people:
        root["contributor"] = _one_or_all([{"@id": one["@id"]} for one in people])
    licence = {
        "@id": "#licence", "@type": "CreativeWork", "name": "Licences of the data that were compared",
        "description": " ".join(f"{one.name}: {one.text or 'none stated'}." for one in licences),
    }  # fmt: skip
    about = {
        "@id": CRATE, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": _SPECIFICATION},
    }  # fmt: skip
    graph = [about, root, licence, loam, made, *unique.values(), *people, *files]
    return json.dumps({"@context": f"{_SPECIFICATION}/context", "@graph": graph}, indent=1, ensure_ascii=False) + "\n"


def _one_or_all(values: list[Any]) -> Any:
    """A single value stands without a list, as RO-Crate asks of flattened JSON-LD."""
    return values[0] if len(values) == 1 else values


def _data_set(one: Mapping[str, Any], licence: Licence) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@id": f"#data-{one['id']}", "@type": "Dataset", "name": str(one["title"]), "version": str(one["version"]),
        "license": licence.text or "none stated", "identifier": f"sha256:{one['fingerprint']}",
        "temporalCoverage": str(one["period"]).replace(" to ", "/"),
    }  # fmt: skip
    if one["citation"]:
        found["citation"] = str(one["citation"])
    if one["doi"]:
        found["sameAs"] = _one_or_all([f"https://doi.org/{doi}" for doi in str(one["doi"]).split()])
    return found


def _file(name: str, size: int | None) -> dict[str, Any]:
    suffix = f".{name.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    found: dict[str, Any] = {"@id": name, "@type": "File", "name": _name(name), "encodingFormat": kind}
    if size is not None:
        found["contentSize"] = str(size)
    return found


def _name(name: str) -> str:
    if name.startswith(f"{PAIRS}/"):
        return "Pairs of one product and the reference, station by station"
    if name.startswith(f"{FIGURES}/"):
        return "Recipe of a figure" if name.endswith(".json") else "Figure, or the data behind it"
    return _TOLD.get(name, name)
