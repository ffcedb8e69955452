"""The report says what the tables say, holds no foreign markup, and needs nothing but itself."""

from __future__ import annotations

import html.parser
import itertools
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hostile import HOSTILE

from smcore.catalog import load_catalog
from smcore.errors import ExportError, SmcoreError
from smcore.report.compared import KINDS
from smcore.report.gather import gather
from smcore.report.markup import VOID, doi_link, is_number, tag, with_links
from smcore.report.material import Material
from smcore.report.page import POLICY, report, station_report, write_page
from smcore.report.pictures import pictures, recipes
from smcore.review.log import REVIEW_LOG, ReviewLog
from smcore.validation.metric_text import plain
from smcore.validation.runs.identity import run_identity
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run_pairs import read_pairs

Hostile = tuple[Path, Path]


class Page(html.parser.HTMLParser):
    """What a browser finds in a file: elements with attributes, headings, rows of tables, texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)
        if name == "tr":
            self.rows.append([])
        if name in ("th", "td") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, name: str) -> None:
        assert self.open, f"</{name}> closes nothing"
        assert self.open[-1] == name, f"</{name}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, text: str) -> None:
        self.texts.append(text)
        if {"th", "td"} & set(self.open) and self.rows:
            self.rows[-1][-1] += text

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == name]


@pytest.fixture(scope="module")
def material(hostile: Hostile) -> Material:
    return gather(open_run(hostile[1]), load_catalog([hostile[0]]))


@pytest.fixture(scope="module")
def page(material: Material) -> Page:
    return Page(report(material, with_pictures=False))


def test_pictures_have_captions_and_alternative_texts_and_fault_costs_no_more_than_itself(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = dict(recipes(material, str(material.results.folder)))
    assert {"metric-map", "boxes", "taylor", "scatter", "stations"} <= {one.kind for one in drawn.values()}
    bad = drawn["taylor"].changed(data={**drawn["taylor"].data, "products": ["gone"]})
    monkeypatch.setattr(
        "smcore.report.pictures.recipes", lambda *_: [("scatter-1", drawn["scatter-1"]), ("broken", bad)]
    )
    found = Page(pictures(material))
    (image,) = found.all("img")
    assert str(image["src"]).startswith("data:image/png;base64,iVBOR")
    assert "A <b>bold</b> product" in str(image["alt"])
    told = "".join(found.texts)
    assert "A <b>bold</b> product" in told
    assert "broken: The run has no product 'gone'" in told


def test_names_of_the_data_are_text_and_never_markup(page: Page) -> None:
    told = "".join(page.texts)
    for name in (*HOSTILE, "A <b>bold</b> product", "Ann <i>et al.</i> (2020)"):
        assert name in told
    names = {name for name, _ in page.elements}
    assert not names & {"script", "b", "i", "iframe", "object", "embed", "link", "base", "form", "input"}
    handlers = [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert handlers == []
    assert page.open == []


def test_every_name_of_the_data_is_isolated_from_the_direction_of_the_rest(material: Material, page: Page) -> None:
    text = report(material, with_pictures=False)
    turned = HOSTILE[4]
    outside = re.sub(r"<bdi>[^<]*</bdi>|<title>[^<]*</title>|=\"[^\"]*\"", "", text)
    assert turned in text
    assert turned not in outside
    assert "\u202e" not in outside


def test_the_page_asks_for_nothing_and_its_policy_forbids_it(page: Page) -> None:
    policy = next(one for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == POLICY
    assert POLICY.startswith("default-src 'none'")
    assert "script-src" not in POLICY
    for name, attributes in page.elements:
        for key in ("src", "srcset", "poster", "data", "background", "action"):
            assert str(attributes.get(key, "data:")).startswith("data:"), (name, attributes)
    assert all(one["href"].startswith(("#", "https://doi.org/10.")) for one in page.all("a"))
    style = "".join(page.texts[i] for i, _ in enumerate(page.texts) if "--paper" in page.texts[i])
    assert "url(" not in style
    assert "@import" not in style


def test_headings_tables_and_pictures_can_be_read_without_eyes(page: Page) -> None:
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels)), "a level of headings is skipped"
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(one.get("scope") in ("col", "row") for one in page.all("th"))
    assert all(one.get("role") == "img" and one.get("aria-label") for one in page.all("svg"))
    assert all(one.get("alt") for one in page.all("img"))
    ids = [one["id"] for _, one in page.elements if one.get("id")]
    assert len(ids) == len(set(ids))
    targets = {one["href"][1:] for one in page.all("a") if one["href"].startswith("#")}
    assert targets <= set(ids)
    assert next(iter(page.all("html")))["lang"] == "en"


def test_numbers_of_the_report_are_those_of_the_tables(material: Material, page: Page) -> None:
    rows = [row for row in page.rows if len(row) > 4]
    for product in ("a", "b"):
        table = material.results.locations(product, "pearson_r")
        for subject, value, lower, upper in zip(table.sensor, table.value, table.lower, table.upper, strict=True):
            told = plain("pearson_r", value, "m3 m-3")
            if np.isfinite(lower):
                told += f" [{plain('pearson_r', lower, 'm3 m-3')}, {plain('pearson_r', upper, 'm3 m-3')}]"
            assert any(row[0] == subject and row[1] == product and told in row for row in rows), (subject, product)
    median = material.results.summary("a").loc["ubrmsd", "value"]
    found = next(row for row in rows if row[:2] == ["a", "median of locations"])
    assert any(cell.startswith(plain("ubrmsd", median, "m3 m-3")) for cell in found)


def test_the_methods_say_what_the_run_did_and_nothing_else(page: Page) -> None:
    told = " ".join("".join(page.texts).split())
    assert "each other's nearest within 1 h" in told or "by UTC day" in told
    assert "Triple collocation gives" in told
    assert "quality flag was G" in told
    for other in ("brought to the distribution", "turned into anomalies", "block bootstrap", "morning"):
        assert other not in told


def test_pairs_read_again_give_the_scores_of_the_run(material: Material) -> None:
    for pairs in material.pairs:
        table = material.results.locations(pairs.name, "bias")
        np.testing.assert_array_equal(pairs.count, table["n"])
        for row in range(len(table)):
            product, reference, _ = pairs.scored(row, material.transforms[pairs.name])
            np.testing.assert_allclose((product - reference).mean(), table["value"][row], atol=1e-12)


def test_without_the_data_the_report_says_why_nothing_is_drawn(hostile: Hostile) -> None:
    found = gather(open_run(hostile[1]), load_catalog([]))
    assert found.pairs == ()
    told = "".join(Page(report(found, with_pictures=False)).texts)
    assert "No pairs are drawn: There is no entry 'a'" in told
    with pytest.raises(SmcoreError):
        read_pairs(open_run(hostile[1]).record, load_catalog([]))


def test_a_station_can_have_a_report_of_its_own(material: Material, tmp_path: Path) -> None:
    subject = material.stations["subject"][0]
    found = Page(station_report(material, subject))
    assert subject in "".join(found.texts)
    assert material.stations["subject"][1] not in "".join(found.texts)
    with pytest.raises(ExportError, match="The run has no station 'x'"):
        station_report(material, "x")


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there.html").mkdir()
    with pytest.raises(ExportError, match="no plain file"):
        write_page("x", tmp_path / "there.html")
    with pytest.raises(ExportError, match="can't be written"):
        write_page("x", Path("/proc/report.html"))
    assert [one.name for one in tmp_path.iterdir()] == ["there.html"]


def test_the_review_is_printed_with_exclusions_notes_and_history(hostile: Hostile, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(hostile[1], folder)
    results = open_run(folder)
    log = ReviewLog(folder / REVIEW_LOG, run_identity(results.record))
    subject = str(results.locations("a", "n")["sensor"][0])
    period = {"start": "2018-01-10T00:00:00", "end": "2018-01-20T23:59:59", "reason": "flat", "text": "<em>flat</em>"}
    excluded = log.append("exclude", subject, "Ann <u>", period)
    log.append("note", subject, "Ann <u>", {"text": "=HYPERLINK(1) <img src=x>"})
    log.append("sign", subject, "Ann <u>", {"verdict": 2, "reasons": ["flat"], "exclusions": [excluded.id]})
    material = gather(results, load_catalog([hostile[0]]))
    found = Page(report(material, with_pictures=False))
    for kind, median in (
        ("none", results.summary("a").loc["ubrmsd", "value"]),
        ("all", _median_without(material, period)),
    ):
        told = [row for row in found.rows if row[:2] == ["a", "median of locations"] and KINDS[kind] in row[2]]
        assert [row for row in told if any(cell.startswith(plain("ubrmsd", median, "m3 m-3")) for cell in row)], kind
    told = "".join(found.texts)
    assert "=HYPERLINK(1) <img src=x>" in told
    assert not [one for one in found.all("img") if one.get("src") == "x"]
    row = next(row for row in found.rows if row[:1] == [subject] and "2018-01-10 00:00:00" in row)
    assert row[1:] == ["2018-01-10 00:00:00", "2018-01-20 23:59:59", "flat: the sensor repeats one value", "no"]
    assert "signed: a first reader has signed; a second has not read it" in told
    assert "2 usable with periods excluded" in told
    assert [row[2] for row in found.rows if row[1:2] == ["Ann <u>"]] == [
        "excluded a period", "wrote a note", "signed the verdict and the exclusions",
    ]  # fmt: skip
    assert any(one.get("class") == "excluded" for one in found.all("rect"))


def _median_without(material: Material, period: dict[str, str]) -> float:
    """Median ubRMSD of the first product without a period of the first station, from its pairs."""
    start, end = (np.datetime64(period[key], "us").astype(np.int64) for key in ("start", "end"))
    pairs, found = material.pairs[0], []
    for row in range(len(pairs.sensor)):
        product, reference, time = pairs.of(row)
        kept = (time < start) | (time > end) if row == 0 else np.full(len(time), True)
        found.append(np.std((product - reference)[kept]))
    return float(np.median(found))


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("10.5194/essd-12-177-2020", "https://doi.org/10.5194/essd-12-177-2020"),
        ("javascript:alert(1)", None),
        ('10.1234/x" onclick="y', None),
    ],
)
def test_only_a_doi_becomes_a_link(text: str, link: str | None) -> None:
    found = Page(doi_link(text)).all("a")
    assert [one["href"] for one in found] == ([link] if link else [])


def test_a_doi_inside_a_sentence_ends_before_its_full_stop() -> None:
    found = Page(with_links("Sen (1968), doi:10.1080/01621459.1968.10480934. Then more."))
    assert [one["href"] for one in found.all("a")] == ["https://doi.org/10.1080/01621459.1968.10480934"]
    assert "".join(found.texts) == "Sen (1968), doi:10.1080/01621459.1968.10480934. Then more."


def test_characters_that_no_page_may_hold_are_replaced() -> None:
    assert tag("p", "a\x00b\x1bc\ud800") == "<p>a\ufffdb\ufffdc\ufffd</p>"


@pytest.mark.parametrize(("cell", "expected"), [("0.12 [−0.1, 0.2]", True), ("5\u202f320", True), ("too few", False)])
def test_numbers_stand_right_and_words_left(cell: str, expected: bool) -> None:
    assert is_number(cell) is expected
