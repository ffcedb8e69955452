"""Pages that describe code say what the code says."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from smcore import kinds, names
from smcore.catalog import DATATYPES, CatalogEntry, read_file
from smcore.errors import ReaderError, SpecMismatch, Status
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.spec import InputSpec
from smcore.validation.metrics import registry
from tests.docs.pages import ROOT, blocks, headings, name_of, pages, text_of


def test_the_page_of_metrics_is_what_the_docstrings_say() -> None:
    spec = importlib.util.spec_from_file_location("make_metrics_doc", ROOT / "tools" / "make_metrics_doc.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert text_of(ROOT / "docs" / "metrics.md") == tool.page(), "run: python tools/make_metrics_doc.py"


def test_every_kind_of_file_has_its_paragraph() -> None:
    titles = {word for heading in re.findall(r"^### (.+)$", text_of(ROOT / "docs" / "readers.md"), re.M)
              for word in heading.split(", ")}  # fmt: skip
    assert titles == {kind.id for kind in kinds.kinds()}


def test_the_numbers_of_kinds_in_the_readme_are_right() -> None:
    stations = sum(kind.layout == "stations" for kind in kinds.kinds())
    said = re.search(r"reads (\d+) kinds of grids and pixel\s+sets and (\d+) kinds", text_of(ROOT / "README.md"))
    assert said is not None
    assert (int(said[1]), int(said[2])) == (len(kinds.kinds()) - stations, stations)


def test_the_codes_of_skipped_files_are_explained() -> None:
    page = text_of(ROOT / "docs" / "readers.md")
    for code in re.findall(r"``(\w+)``", (ReaderError.__doc__ or "").partition("Codes:")[2]):
        assert f"`{code}`" in page, code


def test_every_status_is_explained() -> None:
    page = text_of(ROOT / "docs" / "validation.md")
    assert [status for status in Status if f"| {status} |" not in page] == []


def test_every_unit_of_the_vocabulary_is_among_the_conventions() -> None:
    page = text_of(ROOT / "docs" / "conventions.md")
    spelled = re.sub(r"[`,;]", " ", page)
    units = {variable.units for variable in names.VARIABLES.values()} - {"1", "m2 m-2", "kg m-2"}
    assert [unit for unit in sorted(units) if unit not in spelled] == []


def test_the_example_of_the_catalogue_passes_the_gate(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "catalogs" / "README.md", "yaml")
    file = tmp_path / "catalog.yml"
    file.write_text(example, encoding="utf-8")
    (entry,) = read_file(file)
    assert entry.id == "smap-36"
    assert entry.location == tmp_path / "stores" / "smap-36"
    assert entry.period == ("2015-04-01", "2016-03-31")
    assert entry.layer_m == (0.0, 0.05)
    assert entry.extra == {}
    block = yaml.safe_load(example)["entries"]["smap-36"]["metadata"]
    fields = {field.name for field in dataclasses.fields(CatalogEntry)} - {"id", "location", "extra"}
    assert set(block) == fields, "the example has every field once"


def test_every_field_kind_and_datatype_of_the_catalogue_is_explained() -> None:
    page = text_of(ROOT / "catalogs" / "README.md")
    for field in dataclasses.fields(CatalogEntry):
        if field.name not in ("id", "location", "extra"):
            assert f"`{field.name}`" in page, field.name
    words = [*names.KINDS, *names.LAYOUTS, *(name.rpartition(":")[2] for name in (*DATATYPES, *DATATYPES.values()))]
    assert [word for word in words if word not in page] == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_python_in_the_pages_can_be_parsed_and_imports_what_exists(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("smcore", "app"):
                module = importlib.import_module(node.module or "")
                missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert missing == [], f"{name_of(page)}: {node.module} has no {missing}"


def test_the_tree_names_every_module_and_package() -> None:
    tree = next(block for block in blocks(ROOT / "docs" / "architecture.md", "") if block.startswith("smcore/"))
    words = set(re.findall(r"\w+", tree))
    for package in ("smcore", "app"):
        names = {path.stem for path in (ROOT / package).glob("*.py") if not path.stem.startswith("_")}
        names |= {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
        assert sorted(names - words) == [], package


def recipe(start: str) -> str:
    """The block of docs/adding.md that begins so."""
    (found,) = [block for block in blocks(ROOT / "docs" / "adding.md", "python") if block.startswith(start)]
    return found


def test_the_model_of_the_recipe_keeps_the_contract() -> None:
    space: dict = {"__name__": "wetness_index"}
    exec(compile(recipe('"""Wetness'), "wetness_index.py", "exec"), space)
    rain = np.random.default_rng(1).gamma(0.3, 9.0, (80, 5, 1)).astype("f4")
    time = np.datetime64("2019-01-01", "ns") + np.arange(80) * np.timedelta64(1, "D")
    place = np.linspace(30.0, 40.0, 5)
    inputs = Inputs(time=time, dynamic=rain, static=np.empty((5, 0)), lat=place, lon=place, specs=space["SPEC"].inputs)
    target = np.where(rain[..., 0] > 1, 0.3, 0.1).astype("f4")
    model = space["build"]()
    model.fit(TrainingData(Task(inputs, target)), FitRun())
    given = model.predict(inputs)["sm"]
    assert given.shape == (80, 5)
    assert np.corrcoef(given[30:].ravel(), target[30:].ravel())[0, 1] > 0
    again = space["build"]()
    again.load(model.save())
    np.testing.assert_array_equal(again.predict(inputs)["sm"], given)
    later = model.predict(inputs.during(slice(20, 80)))["sm"]
    np.testing.assert_allclose(later[30:], given[50:], rtol=1e-4)
    foreign = dataclasses.replace(inputs, specs=(InputSpec("wind_u", "m s-1"),))
    with pytest.raises(SpecMismatch):
        model.predict(foreign)


def test_the_metric_of_the_recipe_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    declared: dict = {}
    monkeypatch.setattr(registry, "METRICS", declared)
    space: dict = {"__name__": "robust"}
    exec(compile(recipe('"""Differences'), "robust.py", "exec"), space)
    assert list(declared) == ["median_difference"]
    assert declared["median_difference"].unit_for("m3 m-3") == "m3 m-3"
    assert space["median_difference"]([0.1, 0.3, 0.9, np.nan], [0.2, 0.1, 0.1, 0.5]) == pytest.approx(0.2)


def test_headings_become_anchors() -> None:
    assert "smap-l3-smap-l3e" in headings(ROOT / "docs" / "readers.md")
