"""Own data from the page: what may be read, what is refused in a sentence, what stays behind, and where it ends up."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import tiny_cube

from app.catalogue import adding, uploads
from app.catalogue.adding import Wish, ingest_job, look_job, proposed_id
from app.catalogue.data_folders import find
from app.catalogue.watch import CatalogueWatch
from app.commands.worker import run
from app.jobs import CANCELLED, FAILED, Queue
from app.session import Session
from app.settings import Settings
from smcore.catalog import load_catalog
from smcore.cubes.store import open_store
from smcore.errors import Cancelled, CatalogError, ReaderError
from smcore.grids import ease
from smcore.progress import never, quiet

FARM = "time,sm,lat,lon,depth_from,depth_to\n" + "".join(f"2020-01-01T0{h}:00,0.2,40.1,-98.2,0,0.05\n" for h in "01")
UNNAMED = "when,theta,y,x,z\n2020-01-01 00:00,21.5,50.1,8.2,5\n2020-01-01 01:00,22,50.1,8.2,5\n"


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with folders for own data."""
    (tmp_path / "data").mkdir()
    return replace(settings, uploads=tmp_path / "uploads", data_folders=(tmp_path / "data",))


@pytest.fixture
def cube(own: Settings) -> Path:
    """A small NetCDF file below the allowed folder."""
    file = own.data_folders[0] / "My cube (v2).nc"
    tiny_cube(ease("M36").cut(slice(70, 76), slice(190, 198)), count=4, gaps=0.3, title="Mine").to_netcdf(file)
    return file


def look(wish: Wish, folder: Path) -> dict[str, object]:
    return look_job(wish.to_json(), folder, quiet, never)


def worked_off(queue: Queue) -> None:
    """Have the worker's code do what waits."""
    while (job := queue.claim()) is not None:
        run(queue, job)


def nothing_of(settings: Settings, name: str) -> bool:
    """Whether no store, draft or entry of an id is left."""
    left = [p.name for p in settings.stores.iterdir()] if settings.stores.is_dir() else []
    file = settings.writable_catalog
    return left == [] and (not file.exists() or name not in load_catalog([file]))


def test_only_what_lies_below_the_allowed_folders_may_be_named(tmp_path: Path) -> None:
    data, secret = tmp_path / "data", tmp_path / "secret"
    for folder in (data / ".keys", secret):
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text(FARM)
    (data / "a.csv").write_text(FARM)
    assert find(f"{data}/*.csv", [data]) == find(f'"{data}/a.csv"', [data]) == [data / "a.csv"]
    (data / "link.csv").symlink_to(secret / "a.csv")
    for text in (
        f"{secret}/a.csv",
        f"{data}/../secret/a.csv",
        f"{secret}/*.csv",
        f"{data}/link.csv",
        str(data),
        f"{secret}/no",
    ):
        with pytest.raises(ReaderError, match="outside of the folders"):
            find(text, [data])
    for text, said in {
        f"{data}/.keys/a.csv": "Hidden", f"{data}/no.csv": "no such file", "": "No path", "a.csv": "begin at the root",
        "https://x/a.nc": "an address", "/a\nb": "no path", "~nobody-of-that-name/a": "no such user",
    }.items():  # fmt: skip
        with pytest.raises(ReaderError, match=said):
            find(text, [data])


def test_a_look_names_the_variables_or_columns_also_where_the_files_cannot_be_read_yet(
    own: Settings, tmp_path: Path
) -> None:
    table = own.data_folders[0] / "farm.csv"
    table.write_text(UNNAMED)
    found = look(Wish.of(own, path=str(table)), tmp_path / "job")
    assert found["preview"] is None
    assert found["columns"]["headings"] == ("when", "theta", "y", "x", "z")  # type: ignore[index]
    assert str(found["said"]).endswith("choose it below")
    columns = {"time": "when", "value": "theta", "unit": "%", "lat": "y", "lon": "x"}
    depths = {"depth_from": "z", "depth_to": "z", "depth_unit": "cm"}
    found = look(Wish.of(own, path=str(table), columns=columns | depths), tmp_path / "job")
    assert (found["said"], found["preview"]["places"], found["preview"]["low"]) == ("", 1, pytest.approx(0.215))  # type: ignore[index]


def test_what_cannot_be_used_is_told_in_a_sentence_and_leaves_nothing(
    own: Settings, cube: Path, tmp_path: Path
) -> None:
    folder, content = own.data_folders[0], cube.read_bytes()
    bad = {
        "cut.nc": (content[: len(content) // 2], "cut short"), "none.nc": (b"", "not a NetCDF file"),
        "words.nc": (b"hello", "not a NetCDF file"), "what.xyz": (b"?", "No file has a name that is known"),
        "empty.csv": (b"time,sm\n", "no rows"), "broken.zip": (b"PK\x03\x04", "name that is known"),
    }  # fmt: skip
    for name, (held, said) in bad.items():
        (folder / name).write_bytes(held)
        wish = Wish.of(own, path=str(folder / name), id="mine")
        assert said in str(look(wish, tmp_path / "job")["said"]), name
        with pytest.raises(ReaderError, match=said):
            ingest_job(wish.to_json(), tmp_path / "job", quiet, never)
    (folder / "sub").mkdir()
    said = str(look(Wish.of(own, path=str(folder / "sub")), tmp_path / "job")["said"])
    assert said.startswith("No file has a name that is known")
    assert nothing_of(own, "mine")


def test_files_become_an_entry_with_what_was_said_of_them_and_an_id_is_given_once(
    own: Settings, cube: Path, tmp_path: Path
) -> None:
    wish = Wish.of(own, path=str(cube), id="mine", title="My own", licence="CC BY 4.0", citation="Me, 2020")
    told = ingest_job(wish.to_json(), tmp_path / "job", quiet, never)
    entry = load_catalog([own.writable_catalog]).get("mine")
    assert (entry.title, entry.licence, entry.citation, entry.location) == (
        "My own",
        "CC BY 4.0",
        "Me, 2020",
        own.stores / "mine",
    )
    assert (told["layout"], told["is_layer"], told["steps"]) == ("cube", True, 4)
    assert told["bbox"] == pytest.approx(open_store(entry.location).grid.bbox)
    assert [p.name for p in own.stores.iterdir()] == ["mine"]
    with pytest.raises(CatalogError, match="an entry 'mine' already"):
        ingest_job(wish.to_json(), tmp_path / "other", quiet, never)
    with pytest.raises(CatalogError, match="an entry 'coarse' already"):
        ingest_job(replace(wish, id="coarse").to_json(), tmp_path / "other", quiet, never)


def test_nothing_stays_of_an_ingest_that_is_stopped_fails_or_is_killed(
    own: Settings, cube: Path, tmp_path: Path
) -> None:
    wish = Wish.of(own, path=str(cube), id="mine")
    with pytest.raises(Cancelled):
        ingest_job(wish.to_json(), tmp_path / "job", quiet, lambda: True)
    assert nothing_of(own, "mine")
    queue = Queue(own.jobs)
    killed = queue.submit(adding.INGEST, wish.to_json())
    draft = own.stores / f".{killed}"
    (draft / "mine.partial").mkdir(parents=True)
    queue.end(killed, FAILED)
    adding.sweep(queue)
    assert nothing_of(own, "mine")


def sent(own: Settings, token: str, batch: int, name: str, content: bytes) -> str:
    folder = uploads.dropped(own.uploads, f"{token}/{batch}")
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    return f"{token}/{batch}"


def test_sent_files_go_with_their_ingest_or_their_tab_and_never_under_a_running_job(
    own: Settings, tmp_path: Path
) -> None:
    token, queue = uploads.begin(), Queue(own.jobs)
    drop = sent(own, token, 1, "farm.csv", FARM.encode())
    wish = Wish.of(own, drop=drop, id="farm")
    assert look(wish, tmp_path / "job")["preview"] is not None
    waiting = queue.submit(adding.INGEST, wish.to_json())
    uploads.end(token, own.uploads, own.jobs)
    assert wish.sources() == [own.uploads / token / "1" / "farm.csv"]
    worked_off(queue)
    job = queue.get(waiting)
    assert job is not None
    assert job.result["layout"] == "stations"
    with pytest.raises(ReaderError, match="are gone"):
        wish.sources()
    drop = sent(own, token, 2, "farm.csv", FARM.encode())
    uploads.sweep(own.uploads, own.jobs)
    assert (own.uploads / drop).is_dir()  # this process lives
    uploads.end(token, own.uploads, own.jobs)
    assert not (own.uploads / token).exists()


def test_what_a_server_that_is_gone_left_behind_is_removed(own: Settings) -> None:
    gone = f"{2**22 + 1}-{'0' * 32}"
    sent(own, gone, 1, "a.csv", b"x")
    (own.uploads / "something-else").mkdir()
    uploads.sweep(own.uploads, own.jobs)
    assert [p.name for p in own.uploads.iterdir()] == ["something-else"]


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("a.nc", b"CDF\x01", ""), ("a.nc", b"\x89HDF\r\n\x1a\n", ""), ("a.h5", b"CDF\x01", "no h5 file"),
        ("a.csv", b"a,b\n1,2", ""), ("a.csv", b"a\x00b", "no text file"), ("a.zip", b"hello", "no zip file"),
        ("a.exe", b"MZ", "no kind of file"), ("a", b"", "no kind of file"),
    ],
)  # fmt: skip
def test_a_file_is_told_by_its_ending_and_how_it_begins(name: str, head: bytes, said: str) -> None:
    assert (said in uploads.wrong_content(name, head)) if said else uploads.wrong_content(name, head) == ""


def test_names_of_sent_files_are_plain_and_keep_their_dates() -> None:
    assert uploads.plain_name("../../etc/passwd.CSV") == "passwd.csv"
    assert uploads.plain_name("C:\\x\\SMAP_L3_SM_P_20160101_R18290_001.h5") == "SMAP_L3_SM_P_20160101_R18290_001.h5"
    assert uploads.plain_name(".hidden;rm -rf.nc") == "hidden_rm_-rf.nc"
    for name in ("x", "../x/1", f"{os.getpid()}-{'0' * 32}/../1"):
        with pytest.raises(ValueError, match="x"):
            uploads.dropped(Path("/u"), name if "x" in name else name + "x")
    assert proposed_id("SMAP L3 (März).nc4") == "smap-l3-m-rz"
    assert proposed_id("...") == "my-data"


@pytest.fixture
def tab(own: Settings) -> Callable[..., Session]:
    return lambda **query: Session(own, query)


def test_the_card_looks_proposes_a_free_id_and_puts_the_layer_on_the_map(
    tab: Callable[..., Session], cube: Path
) -> None:
    session = tab(product="coarse")
    session.sheet.open_adding()
    card = session.sheet.add_data
    assert card is not None
    card.path.value = str(cube)
    card.look_at.clicks += 1
    worked_off(card.queue)
    card.hear()
    assert "First values" in card.seen.object
    assert "6 × 8" in card.seen.object
    assert card.id.value == "my-cube-v2"
    card.id.value = "coarse"
    card.add.clicks += 1
    assert "an entry &#x27;coarse&#x27; already" in card.said.object
    card.id.value = "mine"
    card.add.clicks += 1
    assert "add=" in session.link()
    reloaded = tab(product="coarse", add=session.selection.adding)
    assert "about to begin" in reloaded.line.state.object
    worked_off(card.queue)
    for one in (session, reloaded):
        one.line.look()
        assert (one.selection.product, one.selection.adding) == ("mine", "")
        assert "It is the layer on the map" in one.line.state.object
    assert not np.isnan(session.store.field(session.store.entry, 0)).all()


def test_a_waiting_ingest_is_stopped_and_what_was_sent_goes(tab: Callable[..., Session], own: Settings) -> None:
    session = tab()
    drop = sent(own, uploads.begin(), 1, "farm.csv", FARM.encode())
    job = session.line.queue.submit(adding.INGEST, Wish.of(own, drop=drop, id="farm").to_json())
    session.selection.adding = job
    session.line.cancel.clicks += 1
    stopped = session.line.queue.get(job)
    assert stopped is not None
    assert stopped.state == CANCELLED
    assert "nothing was kept" in session.line.state.object
    assert not (own.uploads / drop).exists()
    assert nothing_of(own, "farm")


def test_another_tab_sees_what_was_added_and_a_broken_catalogue_changes_nothing(
    own: Settings, cube: Path, tmp_path: Path
) -> None:
    other = Session(own, {})
    watch = CatalogueWatch(other.store)
    ingest_job(Wish.of(own, path=str(cube), id="mine").to_json(), tmp_path / "job", quiet, never)
    watch.look()
    assert "mine" in other.store.catalog
    assert "mine" in other.layers.choice.options.values()
    own.writable_catalog.write_text("version: [")
    with pytest.raises(CatalogError):
        watch.look()
    watch.look()  # told once
    assert "mine" in other.store.catalog
