"""Whom to cite for a figure, as BibTeX: every product, network, model and method that it shows, and the software."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from smcore import __version__
from smcore.figures.data import Credit, Told

_SPECIAL: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
_GRUBER: Final = {
    "key": "gruber2020validation", "author": "Gruber, A. and others", "year": "2020",
    "journal": "Remote Sensing of Environment",
    "title": "Validation practices for satellite soil moisture retrievals: What are (the) errors?", "volume": "244",
    "pages": "111806", "doi": "10.1016/j.rse.2020.111806",
}  # fmt: skip
_ENTEKHABI: Final = {
    "key": "entekhabi2010performance", "author": "Entekhabi, D. and Reichle, R. H. and Koster, R. D. and Crow, W. T.",
    "title": "Performance Metrics for Soil Moisture Retrievals and Application Requirements", "year": "2010",
    "journal": "Journal of Hydrometeorology", "volume": "11", "pages": "832--840", "doi": "10.1175/2010JHM1223.1",
}  # fmt: skip
METHODS: Final[dict[str, Mapping[str, str]]] = {
    **dict.fromkeys(("pearson_r", "spearman_r", "bias", "rmsd", "climatology", "anomaly"), _GRUBER),
    "ubrmsd": _ENTEKHABI,
    "taylor": {
        "key": "taylor2001summarizing", "author": "Taylor, K. E.", "year": "2001", "volume": "106",
        "pages": "7183--7192",
        "title": "Summarizing multiple aspects of model performance in a single diagram",
        "journal": "Journal of Geophysical Research: Atmospheres", "doi": "10.1029/2000JD900719",
    },
    "nse": {
        "key": "nash1970river", "author": "Nash, J. E. and Sutcliffe, J. V.", "year": "1970", "volume": "10",
        "title": "River flow forecasting through conceptual models part I: A discussion of principles",
        "journal": "Journal of Hydrology", "pages": "282--290", "doi": "10.1016/0022-1694(70)90255-6",
    },
    "kge": {
        "key": "gupta2009decomposition", "author": "Gupta, H. V. and Kling, H. and Yilmaz, K. K. and Martinez, G. F.",
        "title": "Decomposition of the mean squared error and NSE performance criteria", "year": "2009",
        "volume": "377",
        "journal": "Journal of Hydrology", "pages": "80--91", "doi": "10.1016/j.jhydrol.2009.08.003",
    },
    "triple": {
        "key": "mccoll2014extended", "author": "McColl, K. A. and others", "year": "2014", "volume": "41",
        "title": "Extended triple collocation: Estimating errors and correlation coefficients with respect to an "
        "unknown target",
        "journal": "Geophysical Research Letters", "pages": "6229--6236", "doi": "10.1002/2014GL061322",
    },
    "permutation": {
        "key": "breiman2001random", "author": "Breiman, L.", "year": "2001", "volume": "45", "pages": "5--32",
        "title": "Random Forests", "journal": "Machine Learning", "doi": "10.1023/A:1010933404324",
    },
    "ease-2": {
        "key": "brodzik2012ease", "author": "Brodzik, M. J. and others", "year": "2012", "volume": "1",
        "title": "EASE-Grid 2.0: Incremental but Significant Improvements for Earth-Gridded Data Sets",
        "journal": "ISPRS International Journal of Geo-Information", "pages": "32--45", "doi": "10.3390/ijgi1010032",
    },
}  # fmt: skip
"""Method → its source. Metrics of Loam that have no entry are defined in its manual."""


def escaped(text: str) -> str:
    """Text that LaTeX prints letter by letter and runs nothing of; marks that can't be seen go."""
    seen = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return "".join(_SPECIAL.get(letter, letter) for letter in " ".join("".join(seen).split()))


def bibliography(tolds: Iterable[Told], methods: Iterable[str] = ()) -> str:
    """BibTeX of all that some figures show; each source once, in the order in which they are shown.

    A catalogue keeps a citation as one line, and a line is what the entry's ``note`` holds: no author is guessed.
    """
    told = list(tolds)
    entries: dict[str, str] = {}
    for one in (credit for each in told for credit in each.credits):
        entries.setdefault(_key(one), _entry(one))
    for name in dict.fromkeys([*(m for each in told for m in each.methods), *methods]):
        if name in METHODS:
            source = dict(METHODS[name])
            key = source.pop("key")
            entries.setdefault(key, _block("article", key, {k: escaped(v) for k, v in source.items()}))
    own = {"title": "{Loam}: a workbench for satellite soil moisture", "version": escaped(__version__)}
    entries["loam"] = _block("misc", "loam", own)
    return "\n".join(entries.values())


def _key(credit: Credit) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", credit.id.lower()).strip("-") or "source"
    return f"{credit.role}:{slug[:80]}"


def _entry(credit: Credit) -> str:
    fields = {
        "title": escaped(credit.title or credit.id), "note": escaped(credit.citation),
        "version": escaped(credit.version),
        "doi": escaped(credit.doi), "howpublished": escaped(f"licence: {credit.licence}") if credit.licence else "",
        "annote": "SYNTHETIC data" if credit.synthetic else "",
    }  # fmt: skip
    return _block("misc", _key(credit), fields)


def _block(kind: str, key: str, fields: Mapping[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])
