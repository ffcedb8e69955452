"""The command line as a whole: help, options that every command has, and what it does with bad input.

What only one command does is tested beside its library: ingest, validate, train and predict have tests of their own.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
from factories import catalogue, tiny_cube, tiny_stations

from app import cli
from smcore import kinds, plugins

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = [name for name in plugins.names("app.commands") if name != "worker"]
KINDS = [kind.id for kind in kinds.kinds()]
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def loam(loam_home: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Run the command in this process: its status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of two cubes and three stations."""
    data = {
        "cube": tiny_cube(),
        "other": tiny_cube(seed=3, kind="observed"),
        "nets": tiny_stations(),
    }
    return catalogue(tmp_path_factory.mktemp("catalog"), data)


def sentence(result: tuple[int, str, str]) -> str:
    """The one line of a refusal."""
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("loam: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert len(err) > len("loam: \n"), "a refusal says something"
    return err


def everything(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


# -- help ------------------------------------------------------------------------------------------------------------


def test_help_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys; from app.cli import main; status = main(['--help'])\n"
        "heavy = {'torch', 'numba', 'panel', 'bokeh', 'xarray', 'matplotlib', 'sklearn', 'intake', 'dask', 'pandas'}\n"
        "print('loaded', sorted(heavy & set(sys.modules)), [m for m in sys.modules if m.startswith('app.commands.')])\n"
        "sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    *said, loaded = done.stdout.strip().splitlines()
    assert loaded == "loaded [] []"
    listed = [line.split()[0] for line in said if line.startswith("  ")]
    assert listed == COMMANDS
    assert all(len(line.split()) > 3 for line in said if line.startswith("  ")), "each says what it does"


@pytest.mark.parametrize("way", [[], ["-h"], ["--help"], ["help"]])
def test_help_is_what_nothing_and_every_way_of_asking_give(loam: Said, way: list[str]) -> None:
    status, out, err = loam(*way)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: loam COMMAND")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself_with_its_units(loam: Said, name: str) -> None:
    status, out, err = loam(name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: loam {name}")
    assert "[deg]" in out or "--bbox" not in out
    assert "[km]" in out or "--max-distance" not in out


def test_the_version_is_one_line(loam: Said) -> None:
    status, out, _ = loam("--version")
    assert status == 0
    assert out.split()[0] == "loam"


# -- what every command refuses --------------------------------------------------------------------------------------


def test_an_unknown_command_names_the_known_ones_and_no_inner_one(loam: Said) -> None:
    said = sentence(loam("valdiate"))
    assert "no command 'valdiate'" in said
    assert all(name in said for name in COMMANDS)
    assert "worker" not in said


@pytest.mark.parametrize("name", [*COMMANDS, "catalog list"])
def test_an_unknown_option_is_named(loam: Said, name: str) -> None:
    assert "--nonsense" in sentence(loam(*name.split(), "--nonsense"))


@pytest.mark.parametrize("way", [[], ["--json"]])
def test_ctrl_c_is_said_and_has_a_status_of_its_own(
    loam: Said, catalog: Path, monkeypatch: pytest.MonkeyPatch, way: list[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.Context, "load_catalog", stopped)
    status, out, err = loam("catalog", "list", "--catalog", catalog, *way)
    assert (status, err) == (130, "loam: Stopped on request.\n")
    assert out == ('{"error": "Stopped on request."}\n' if way else "")


@pytest.mark.parametrize("name", ["catalog", "catalog show", "ingest", "predict", "train", "validate"])
def test_a_missing_argument_is_a_sentence(loam: Said, name: str) -> None:
    assert "Missing" in sentence(loam(*name.split()))


def test_an_unknown_word_after_catalog_is_a_sentence(loam: Said) -> None:
    assert "'shwo'" in sentence(loam("catalog", "shwo"))


# -- --json and --catalog --------------------------------------------------------------------------------------------


QUIET = ["doctor", "catalog list", "catalog show", "catalog check", "ingest", "predict", "train", "validate"]


def calls(catalog: Path, out: Path) -> dict[str, tuple[object, ...]]:
    """A good call of every command that neither serves nor builds a world."""
    farm = out / "farm.csv"
    farm.write_text("time,lat,lon,depth,sm\n2018-01-01,48.1,-16.2,.05,.25\n2018-01-02,48.1,-16.2,.05,.26\n")
    return {
        "doctor": ("doctor",),
        "catalog list": ("catalog", "list"),
        "catalog show": ("catalog", "show", "cube"),
        "catalog check": ("catalog", "check", catalog),
        "ingest": ("ingest", "auto", farm, "--into", out / "farm"),
        "predict": ("predict", "spline", "--data", "other", "--out", out / "p"),
        "train": ("train", "climatology", "--data", "other", "--split", "site", "--out", out / "t"),
        "validate": ("validate", "--product", "cube", "--reference", "nets", "--out", out / "run"),
    }


@pytest.mark.parametrize("name", QUIET)
def test_json_is_exactly_one_object_on_stdout(loam: Said, catalog: Path, tmp_path: Path, name: str) -> None:
    call = calls(catalog, tmp_path)[name]
    status, out, _ = loam(*call, "--json", "--catalog", catalog)
    assert status == 0
    assert isinstance(json.loads(out), dict)
    assert out.count("\n") == 1


@pytest.mark.parametrize("name", QUIET)
def test_without_json_people_read_words(loam: Said, catalog: Path, tmp_path: Path, name: str) -> None:
    status, out, _ = loam(*calls(catalog, tmp_path)[name], "--catalog", catalog)
    assert status == 0
    assert out.strip()
    assert not out.startswith("{")


def test_json_of_a_mistake_is_an_object_too(loam: Said, catalog: Path) -> None:
    status, out, err = loam("catalog", "show", "cubes", "--json", "--catalog", catalog)
    assert status == 2
    assert json.loads(out) == {"error": err.removeprefix("loam: ").strip()}
    assert "did you mean cube" in err


def test_several_catalogues_are_one_and_the_last_wins(loam: Said, catalog: Path, tmp_path: Path) -> None:
    second = catalogue(tmp_path, {"cube": tiny_cube(title="The newer one"), "more": tiny_cube()})
    _, out, _ = loam("catalog", "list", "--json", "--catalog", catalog, "--catalog", second)
    titles = {entry["id"]: entry["title"] for entry in json.loads(out)["entries"]}
    assert {"cube", "other", "nets", "more"} <= set(titles)
    assert titles["cube"] == "The newer one"


def test_a_catalogue_that_is_not_there_is_said_where_it_is_only_read(loam: Said, catalog: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.yml"
    assert str(gone) in sentence(loam("catalog", "list", "--catalog", gone, "--catalog", catalog))
    assert str(gone) in sentence(loam("catalog", "check", gone))


READING = (
    "compare a b", "report a --out x.html", "bundle a --out b", "review show a", "figure r.json --out x.png",
    "export cube --out x.nc", "film cube --out x.gif", "validate --product a --reference b --out x", "serve --no-open",
    "doctor", "catalog list", "predict m --data a --out x", "ingest auto f --into x",
)  # fmt: skip


@pytest.mark.parametrize("call", READING)
def test_a_catalogue_that_is_not_there_is_refused_by_all_that_add_no_entry(
    loam: Said, tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "There is no such catalogue file (gone.yml)" in sentence(loam(*call.split(), "--catalog", "gone.yml"))
    assert everything(tmp_path) == []


HOSTILE = {
    "a function": ("{func(os:system)}", "refused"),
    "the environment": ("{env(HOME)}", "refused"),
    "a template": ("{{ 7 * 7 }}", "refused"),
}


def spoil(catalog: Path, file: Path, old: str, new: str) -> Path:
    text = catalog.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def callers(catalog: Path, out: Path) -> dict[str, tuple[object, ...]]:
    """A call of every command that looks into catalogues."""
    there = ("--catalog", catalog)
    return {
        "catalog list": ("catalog", "list", *there),
        "catalog show": ("catalog", "show", "cube", *there),
        "catalog check": ("catalog", "check", catalog),
        "ingest": ("ingest", "stations-csv", ROOT / "README.md", "--into", out / "s", "--id", "mine", *there),
        "predict": ("predict", "spline", "--data", "cube", "--out", out / "p", *there),
        "serve": ("serve", catalog, "--no-open"),
        "train": ("train", "ridge", "--data", "cube", "--out", out / "t", *there),
        "validate": ("validate", "--product", "cube", "--reference", "nets", "--out", out / "v", *there),
    }


@pytest.mark.parametrize("name", list(callers(Path(), Path())))
@pytest.mark.parametrize("what", [*HOSTILE, "a foreign reader"])
def test_a_hostile_catalogue_is_refused_by_every_command(
    loam: Said, catalog: Path, tmp_path: Path, name: str, what: str
) -> None:
    file = tmp_path / "bad.yml"
    if what == "a foreign reader":
        spoil(catalog, file, "intake.readers.readers:XArrayDatasetReader", "os:system")
        word = "'os:system'"
    else:
        expression, word = HOSTILE[what]
        spoil(catalog, file, "title: Tiny cube", f"title: '{expression}'")
    before = everything(tmp_path)
    said = sentence(loam(*callers(file, tmp_path)[name]))
    assert word in said
    assert str(file) in said
    assert everything(tmp_path) == before


def test_doctor_says_what_is_wrong_with_a_catalogue_and_exits_with_1(loam: Said, catalog: Path, tmp_path: Path) -> None:
    bad = spoil(catalog, tmp_path / "bad.yml", "version: 2", "version: 1")
    status, out, _ = loam("doctor", "--json", "--catalog", bad)
    assert status == 1
    assert len(json.loads(out)["problems"]) == 1
    status, out, _ = loam("doctor", "--catalog", bad)
    assert status == 1
    assert "Problems:" in out


# -- entries whose data are not what they say ------------------------------------------------------------------------


def users(store: str, catalog: Path, out: Path) -> dict[str, tuple[object, ...]]:
    """A call of every command that opens an entry."""
    there = ("--catalog", catalog)
    return {
        "predict": ("predict", "spline", "--data", store, "--out", out / "p", *there),
        "train": ("train", "climatology", "--data", store, "--out", out / "t", *there),
        "validate": ("validate", "--product", store, "--reference", "nets", "--out", out / "v", *there),
    }


@pytest.mark.parametrize("name", list(users("", Path(), Path())))
@pytest.mark.parametrize("state", ["gone", "empty", "damaged"])
def test_an_entry_without_its_data_is_refused(loam: Said, tmp_path: Path, name: str, state: str) -> None:
    file = catalogue(tmp_path, {"cube": tiny_cube(count=12), "nets": tiny_stations(count=12)})
    store = tmp_path / "cube"
    record = store / "manifest.json"
    if state == "gone":
        store.rename(tmp_path / "elsewhere")
    elif state == "empty":
        record.unlink()
    else:
        record.write_bytes(record.read_bytes()[:200])
    before = everything(tmp_path)
    said = sentence(loam(*users("cube", file, tmp_path)[name]))
    assert str(store) in said
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", list(users("", Path(), Path())))
def test_an_unknown_id_is_refused_with_the_closest(loam: Said, catalog: Path, tmp_path: Path, name: str) -> None:
    assert "did you mean" in sentence(loam(*users("cubes", catalog, tmp_path)[name]))
    assert everything(tmp_path) == []


EMPTY = {
    "predict: a box elsewhere": ("predict", "spline", "--data", "other", "--bbox", "0", "0", "5", "5", "--out", "p"),
    "predict: days elsewhere": ("predict", "spline", "--data", "other", "--start", "1999-01-01", "--end", "1999-02-01",
                                "--out", "p"),
    "train: a box elsewhere": ("train", "climatology", "--data", "other", "--bbox", "0", "0", "5", "5", "--out", "t"),
    "validate: days elsewhere": ("validate", "--product", "cube", "--reference", "nets", "--start", "1999-01-01",
                                 "--end", "1999-02-01", "--out", "v"),
}  # fmt: skip


@pytest.mark.parametrize("call", list(EMPTY))
def test_an_empty_overlap_is_refused(loam: Said, catalog: Path, tmp_path: Path, call: str) -> None:
    *words, name = EMPTY[call]
    sentence(loam(*words, tmp_path / name, "--catalog", catalog))
    assert everything(tmp_path) == []


def test_a_window_without_the_inputs_of_a_model_names_them(loam: Said, catalog: Path, tmp_path: Path) -> None:
    said = sentence(loam("train", "ridge", "--data", "other", "--out", tmp_path / "t", "--catalog", catalog))
    assert "precipitation" in said
    assert everything(tmp_path) == []


def test_a_place_that_is_taken_is_refused_before_work(loam: Said, catalog: Path, tmp_path: Path) -> None:
    taken = tmp_path / "mine"
    taken.write_text("a file of somebody's")
    for name, call in users("other", catalog, tmp_path).items():
        words = [taken if word in (tmp_path / "p", tmp_path / "t", tmp_path / "v") else word for word in call]
        assert str(taken) in sentence(loam(*words)), name
    assert taken.read_text() == "a file of somebody's"


# -- source files of every kind --------------------------------------------------------------------------------------


def usual_name(kind: str) -> str:
    """A file name by which a kind is known."""
    return {
        "smap-l2": "SMAP_L2_SM_P_00001_A_20160101T000000_R1_001.h5",
        "smap-l3": "SMAP_L3_SM_P_20160101_R1_001.h5",
        "smap-l3e": "SMAP_L3_SM_P_E_20160101_R1_001.h5",
        "smap-l4": "SMAP_L4_SM_gph_20160101T013000_Vv1_001.h5",
        "geotiff": "sm_20160101.tif",
        "ismn": "N_N_S_sm_0.050000_0.050000_Probe_20200101_20200201.stm",
        "stations-csv": "farm.csv",
        "uscrn": "CRND0103-2020-KS_Manhattan_6_SSW.txt",
        "smos-l3": "SM_OPER_MIR_CLF31A_20160101T000000_20160101T235959_300_001_7.DBL.nc",
    }.get(kind, "file_20160101.nc")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_of_any_kind_is_named(loam: Said, tmp_path: Path, kind: str) -> None:
    gone = tmp_path / usual_name(kind)
    assert str(gone) in sentence(loam("ingest", kind, gone, "--into", tmp_path / "s"))
    assert everything(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_no_such_file_is_refused_by_any_kind(loam: Said, tmp_path: Path, kind: str) -> None:
    file = tmp_path / usual_name(kind)
    file.write_bytes(b"\x00\x01 nothing of the kind\n")
    assert file.name in sentence(loam("ingest", kind, file, "--into", tmp_path / "s"))
    assert everything(tmp_path) == [file]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if usual_name(kind).endswith((".h5", ".nc"))])
def test_a_truncated_file_is_refused_by_any_kind(loam: Said, tmp_path: Path, kind: str) -> None:
    file = tmp_path / usual_name(kind)
    if file.suffix == ".h5":
        with h5py.File(file, "w") as made:
            made["soil_moisture"] = np.zeros((300, 300))
    else:
        with netCDF4.Dataset(file, "w") as made:
            made.createDimension("x", 90_000)
            made.createVariable("sm", "f8", ("x",))[:] = 0.2
    file.write_bytes(file.read_bytes()[:9000])
    said = sentence(loam("ingest", kind, file, "--into", tmp_path / "s"))
    assert "cut short" in said
    assert file.name in said
    assert everything(tmp_path) == [file]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("member", ["../{}", "/{}", "a/../../{}", "C:/{}"])
def test_an_archive_that_reaches_outside_is_refused_by_any_kind(
    loam: Said, tmp_path: Path, kind: str, member: str
) -> None:
    archive = tmp_path / "in" / "data.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr(member.format(usual_name(kind)), "x")
    before = everything(tmp_path)
    said = sentence(loam("ingest", kind, archive, "--into", tmp_path / "s"))
    assert "points outside" in said
    assert str(archive) in said
    assert everything(tmp_path) == before


def test_an_archive_that_swells_is_refused(loam: Said, tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("file_20160101.nc", bytes(300 * 2**20))
    assert "would unpack to" in sentence(loam("ingest", "cf", archive, "--into", tmp_path / "s"))
    assert everything(tmp_path) == [archive]


def test_files_whose_kind_cannot_be_guessed_are_refused(loam: Said, tmp_path: Path) -> None:
    file = tmp_path / "picture.jpg"
    file.write_bytes(b"x")
    assert "choose the kind yourself" in sentence(loam("ingest", "auto", file, "--into", tmp_path / "s"))


# -- demo, real, serve -----------------------------------------------------------------------------------------------


def test_demo_leaves_what_is_not_a_demo_world_alone(loam: Said, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    assert str(tmp_path) in sentence(loam("demo", "--dir", tmp_path))
    assert str(tmp_path / "thesis.tex") in sentence(loam("demo", "--dir", tmp_path / "thesis.tex"))
    assert [path.name for path in everything(tmp_path)] == ["thesis.tex"]


def test_real_says_when_there_are_no_real_files(loam: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOAM_REALDATA", raising=False)
    assert "--realdata" in sentence(loam("real", "--ingest-only", "--home", tmp_path / "h"))
    assert str(tmp_path) in sentence(loam("real", "--ingest-only", "--realdata", tmp_path, "--home", tmp_path / "h"))
    assert everything(tmp_path) == []


def test_the_dashboard_stays_on_this_machine(loam: Said) -> None:
    assert "this machine only" in sentence(loam("serve", "--address", "0.0.0.0", "--no-open"))


def test_a_port_in_use_is_said_with_another(loam: Said) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"--port {port + 1}" in sentence(loam("serve", "--port", port, "--no-open"))


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_is_a_sentence(loam: Said, port: str) -> None:
    assert "--port" in sentence(loam("serve", "--port", port, "--no-open"))
