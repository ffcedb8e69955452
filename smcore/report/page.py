"""The page: its head, its parts in order, and the file it is written into.

The file needs nothing but itself: styles and pictures are inside, there is no script, and its content-security policy
forbids every request, so that it can be opened from a disk, a mail or an archive of any journal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from smcore.errors import ExportError
from smcore.out_file import drafted
from smcore.progress import Cancel, Progress, never, quiet
from smcore.progress import part as part_of
from smcore.report import analysed, compared, methods, reviewed, stations
from smcore.report.markup import Html, data, esc, join, listing, paragraph, section, table, tag, with_links
from smcore.report.material import Material
from smcore.report.pictures import pictures

POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: the pictures and styles that it holds, nothing from anywhere else."""

_STYLE: Final = Path(__file__).with_name("report.css")


def report(
    material: Material, *, with_pictures: bool = True, progress: Progress = quiet, cancelled: Cancel = never
) -> str:
    """The whole report of a run as the text of an HTML file.

    Parameters
    ----------
    with_pictures
        Also draw maps, boxes, Taylor diagram and scatters, which take a second each.

    Raises
    ------
    Cancelled
        If the user asked to stop.
    """
    progress(0.0, "tables")
    drawn = Html("")
    if with_pictures:
        drawn = pictures(material, progress=part_of(progress, 0.05, 0.5), cancelled=cancelled)
    title = f"{', '.join(material.results.products)} against {material.results.reference}"
    parts = [
        ("compared", "What was compared", compared.compared(material)),
        ("headline", "Headline", compared.headline(material)),
        ("review", "Review", reviewed.progress(material)),
        ("exclusions", "Exclusions", reviewed.exclusions(material)),
        ("pictures", "Pictures", drawn),
        ("tables", "Tables", _tables(material)),
        ("stations", "Stations", _stations(material, progress)),
        ("methods", "Methods", _methods(material)),
        ("software", "Software", _software(material)),
        ("again", "How to compute it again", _again()),
    ]
    progress(1.0, "report")
    shown = [(place, name, part) for place, name, part in parts if part]
    links = listing([tag("a", name, href=f"#{place}") for place, name, _ in shown])
    body = tag("main", _warning(material), *(part for _, _, part in shown))
    return page(title, join([_header(title, material), tag("nav", links, aria_label="Contents"), body]))


def station_report(material: Material, subject: str) -> str:
    """The report of one station of a run.

    Raises
    ------
    ExportError
        If the run has no such station.
    """
    if subject not in material.of_station:
        known = ", ".join(list(material.of_station)[:3])
        hint = f"its stations begin with {known}" if known else "its results are maps"
        raise ExportError(f"The run has no station {subject[:60]!r}", hint=hint)
    title = f"{subject}: {', '.join(material.results.products)} against {material.results.reference}"
    body = join([_warning(material), stations.station(material, subject, level=2), _methods(material)])
    rest = join([_software(material), _again()])
    return page(title, join([tag("header", tag("h1", data(title))), tag("main", body, rest)]))


def page(title: str, body: Html) -> str:
    """A whole HTML file."""
    head = join(
        [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="generator", content="Loam"),
            tag("title", title),
            Html(f"<style>{_STYLE.read_text(encoding='utf-8')}</style>"),
        ]
    )
    return f'<!doctype html>\n<html lang="en">{tag("head", head)}{tag("body", body)}</html>\n'


def write_page(text: str, out: Path, *, overwrite: bool = False) -> None:
    """Write a page, whole or not at all.

    Parameters
    ----------
    overwrite
        Whether a plain file that is there may be replaced, as :func:`smcore.out_file.check_place` has it.

    Raises
    ------
    ExportError
        If something is there already, or the file can't be written.
    """
    with drafted(out, endings=(".html",), overwrite=overwrite) as draft:
        draft.write_text(text, encoding="utf-8")


def _header(title: str, material: Material) -> Html:
    titles = [join([data(material.results.title(name))]) for name in material.results.products]
    against = data(material.results.title(material.results.reference))
    count = len(material.stations) or "all"
    told = join([join(titles, "; "), "; against ", against, f"; {count} {material.results.noun}"])
    return tag("header", tag("h1", "Validation: ", data(title)), paragraph(told, class_="hint"))


def _warning(material: Material) -> Html:
    if not material.results.is_synthetic:
        return Html("")
    return paragraph("Synthetic: something that is compared here is made up. Its numbers say nothing of the Earth.",
                     class_="synthetic")  # fmt: skip


def _tables(material: Material) -> Html:
    parts = [analysed.statuses(material), analysed.versus(material), analysed.strata(material)]
    parts += [analysed.triple(material), analysed.stability(material)]
    whole = stations.overview(material) if len(material.stations) else Html("")
    return section("Tables", whole, *parts, id_="tables")


def _stations(material: Material, progress: Progress) -> Html:
    names = list(material.stations["subject"])
    if not names:
        return Html("")
    missing = paragraph(f"No pairs are drawn: {material.no_pairs}.", class_="hint") if material.no_pairs else ""
    found = []
    for i, subject in enumerate(names):
        progress(0.5 + 0.5 * i / len(names), f"station {i + 1} of {len(names)}")
        found.append(stations.station(material, subject))
    return section("Stations", missing, *found, id_="stations")


def _methods(material: Material) -> Html:
    parts: list[object] = []
    for title, told in methods.sentences(material.record).items():
        parts += [tag("h3", title), paragraph(join(map(esc, told), " "))]
    parts += [tag("h3", "Metrics"), analysed.definitions(material)]
    parts += [tag("h3", "References"), listing([with_links(one) for one in methods.references(material.record)])]
    return section("Methods", *parts, id_="methods")


def _software(material: Material) -> Html:
    versions = [["Loam", material.record["loam"]], *([name, v] for name, v in material.record["libraries"].items())]
    rows = [[data(name), data(version)] for name, version in versions]
    return section("Software", table("Versions that computed the run", ["Package", "Version"], rows), id_="software")


def _again() -> Html:
    return section(
        "How to compute it again",
        paragraph("The run's folder holds run.json with all options. On a machine whose catalogue has the same data:"),
        tag("pre", tag("code", "loam validate --run RUN_FOLDER --out AGAIN")),
        paragraph("It ends with «The same bytes as RUN_FOLDER», or with the names of the files that differ."),
        id_="again",
    )
