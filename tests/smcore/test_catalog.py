"""The catalogue's gate: nothing runs, nothing reaches out, and what is wrong is said with file and field."""

from pathlib import Path

import pytest
import yaml
from factories import catalogue, tiny_cube

from smcore.catalog import CatalogEntry, add_entry, load_catalog, open_with_intake, read_file
from smcore.errors import CatalogError


def entry(folder: Path, **changes) -> CatalogEntry:
    values = {
        "id": "one", "title": "One", "kind": "observed", "layout": "cube", "location": folder / "one",
        "variables": {"sm": "m3 m-3"}, "period": ("2018-01-01", "2018-01-02"), "colour_range": (0.0, 0.5),
        "layer_m": (0.0, 0.05), "inputs": ("smap",), "roles": ("product", "target"), "synthetic": True,
        "extra": {"hidden": True},
    }  # fmt: skip
    return CatalogEntry(**(values | changes))


def document(folder: Path) -> dict:
    add_entry(folder / "c.yml", entry(folder))
    return yaml.safe_load((folder / "c.yml").read_text())


def written(folder: Path, content) -> Path:
    file = folder / "changed.yml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def test_an_entry_comes_back_as_it_was_written(tmp_path):
    add_entry(tmp_path / "c.yml", entry(tmp_path))
    assert load_catalog([tmp_path / "c.yml"]).get("one") == entry(tmp_path)


def test_adding_keeps_the_other_entries_and_replaces_the_same_id(tmp_path):
    file = tmp_path / "c.yml"
    add_entry(file, entry(tmp_path))
    add_entry(file, entry(tmp_path, id="two"))
    add_entry(file, entry(tmp_path, title="Changed"))
    assert [(e.id, e.title) for e in read_file(file)] == [("one", "Changed"), ("two", "One")]


def test_the_file_can_move_with_its_stores(tmp_path):
    add_entry(tmp_path / "c.yml", entry(tmp_path))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "c.yml").rename(moved / "c.yml")
    assert read_file(moved / "c.yml")[0].location == moved / "one"


def test_intake_opens_what_we_write(tmp_path):
    cube = tiny_cube(count=3)
    file = catalogue(tmp_path, {"tiny": cube})
    found = open_with_intake(load_catalog([file]).get("tiny"), file)
    assert float(abs(found["sm"] - cube["sm"]).max()) < 1e-6


def test_a_function_call_is_refused_before_intake_sees_it(tmp_path):
    content = document(tmp_path)
    content["entries"]["one"]["kwargs"]["chunks"] = "{func(os:mkdir)}"
    with pytest.raises(CatalogError, match=r"could run code"):
        read_file(written(tmp_path, content))


@pytest.mark.parametrize("template", ["{env(HOME)}", "{import(os)}", "{{ config }}", "{% for x in y %}", "{shell(ls)}"])
def test_every_other_template_is_refused_wherever_it_stands(tmp_path, template):
    for place in ("metadata", "aliases", "user_parameters"):
        content = document(tmp_path)
        content[place] = {"x": [template]}
        with pytest.raises(CatalogError, match="could run code"):
            read_file(written(tmp_path, content))


def test_a_foreign_reader_or_datatype_is_refused(tmp_path):
    content = document(tmp_path)
    content["entries"]["one"]["reader"] = "subprocess:Popen"
    with pytest.raises(CatalogError, match=r"subprocess:Popen.*not allowed"):
        read_file(written(tmp_path, content))
    content = document(tmp_path)
    content["data"]["one.data"]["datatype"] = "intake.readers.datatypes:PickleFile"
    with pytest.raises(CatalogError, match="PickleFile"):
        read_file(written(tmp_path, content))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c["data"]["one.data"]["kwargs"].update(storage_options={"fo": "http://example.org"}), "storage_opt"),
        (lambda c: c["data"]["one.data"]["kwargs"].update(anon=True), "'anon'"),
        (lambda c: c["entries"]["one"]["kwargs"].update(engine="my.module"), "'engine'"),
        (lambda c: c["entries"]["one"].update(func="os:system"), "'func'"),
        (lambda c: c["entries"]["one"].update(output_instance="os:system"), "'os:system'"),
        (lambda c: c["entries"]["one"].update(user_parameters={"p": {"cls": "os:system"}}), "'user_parameters'"),
        (lambda c: c.update(user_parameters={"p": {"cls": "os:system"}}), "Parameters of a catalogue"),
        (lambda c: c["entries"]["one"].update(kwargs=["x"]), "not a mapping"),
    ],
)
def test_an_option_that_intake_would_hand_on_is_refused(tmp_path, change, named):
    content = document(tmp_path)
    change(content)
    with pytest.raises(CatalogError, match=named):
        read_file(written(tmp_path, content))


def test_an_address_is_checked_also_where_no_entry_points_to_it(tmp_path):
    content = document(tmp_path)
    content["data"]["spare"] = content["data"]["one.data"] | {"kwargs": {"url": "http://example.org/x.zarr"}}
    with pytest.raises(CatalogError, match="not a local path"):
        read_file(written(tmp_path, content))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x.zarr",
        "s3://bucket/x",
        "//host/share",
        "",
        "/x::http://example.org/x",
        ["http://example.org"],
    ],
)
def test_an_address_beyond_this_machine_is_refused(tmp_path, url):
    content = document(tmp_path)
    content["data"]["one.data"]["kwargs"]["url"] = url
    with pytest.raises(CatalogError, match="not a local path"):
        read_file(written(tmp_path, content))


def test_python_tags_in_yaml_are_refused(tmp_path):
    file = written(tmp_path, "version: 2\nentries: !!python/object/apply:os.mkdir ['/tmp/never']\n")
    with pytest.raises(CatalogError, match="safe YAML"):
        read_file(file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.pop("title"), "'title' is missing"),
        (lambda m: m.update(kind="guessed"), "'guessed' is unknown"),
        (lambda m: m.update(layout="heap"), "'heap' is unknown"),
        (lambda m: m.update(colour_range=[1]), "two values"),
        (lambda m: m.update(colour_range=["a", "b"]), "no numbers"),
        (lambda m: m.update(synthetic="yes"), "true or false"),
        (lambda m: m.update(inputs="smap"), "must be a list"),
        (lambda m: m.update(variables=["sm"]), "map names to units"),
    ],
)
def test_a_wrong_field_is_named_with_its_file_and_entry(tmp_path, change, said):
    content = document(tmp_path)
    change(content["entries"]["one"]["metadata"])
    with pytest.raises(CatalogError, match=said) as error:
        read_file(written(tmp_path, content))
    assert "entry one" in error.value.sentence


def test_an_intake_1_catalogue_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(CatalogError, match="intake 1"):
        read_file(written(tmp_path, {"sources": {"x": {"driver": "zarr"}}}))


@pytest.mark.parametrize("content", ["[1, 2", "just text", "- a\n- b\n", "version: 3\n", "version: 2\nentries: [1]\n"])
def test_what_is_no_catalogue_is_refused(tmp_path, content):
    with pytest.raises(CatalogError):
        read_file(written(tmp_path, content))


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(CatalogError, match="no such catalogue"):
        load_catalog([tmp_path / "none.yml"])


def test_an_unknown_id_names_the_closest(tmp_path):
    file = tmp_path / "c.yml"
    add_entry(file, entry(tmp_path, id="smap-l3-am"))
    with pytest.raises(CatalogError, match="did you mean smap-l3-am"):
        load_catalog([file]).get("smap-l3")


def test_an_id_that_could_be_a_path_is_refused(tmp_path):
    with pytest.raises(CatalogError, match="can't be an id"):
        add_entry(tmp_path / "c.yml", entry(tmp_path, id="../x"))


def test_two_writers_lose_nothing(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    file = tmp_path / "c.yml"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: add_entry(file, entry(tmp_path, id=f"e{i}")), range(24)))
    assert len(read_file(file)) == 24


def test_hidden_entries_stay_out_of_lists(tmp_path):
    add_entry(tmp_path / "c.yml", entry(tmp_path))
    add_entry(tmp_path / "c.yml", entry(tmp_path, id="two", extra={}))
    catalog = load_catalog([tmp_path / "c.yml"])
    assert [e.id for e in catalog.having(layout="cube", role="target")] == ["two"]
