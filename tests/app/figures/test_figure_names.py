"""Names of files of figures: by what they hold; and those that no disk can have are of no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.figures.files import FILES, PACKAGE, file_name, found_file
from smcore.figures.recipe import Recipe


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "ö" * 200, "..", ".hidden", "a/b", "a\0b", ""])
def test_a_name_that_no_file_can_have_is_not_found(tmp_path: Path, name: str) -> None:
    figure = "0123456789ab"
    (tmp_path / figure / FILES).mkdir(parents=True)
    (tmp_path / figure / FILES / "a.png").write_bytes(b"x")
    assert found_file(tmp_path, figure, name) is None
    assert found_file(tmp_path, figure, "a.png") is not None


def test_a_figure_without_a_title_is_named_by_its_panels() -> None:
    of_map = Recipe("map", data={"told": {"title": "SMAP <36 km>/../x"}})
    of_run = Recipe("metric_map", data={"run": "first", "products": ["coarse", "fine"]})
    both = Recipe("panels", panels=(of_map, of_run, of_run))
    assert file_name(both, "pdf") == "map-metric-map_SMAP-36-km-..-x.pdf"
    assert file_name(of_run, PACKAGE) == "metric-map_coarse-fine.zip"
    assert file_name(Recipe("taylor", data={}), "png") == "taylor.png"
    assert file_name(Recipe("taylor", data={"told": "土"}, title="Fig. 1"), "svg") == "Fig-1.svg"
