"""Data out from the page: what is asked for, the job, and who may fetch the file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from one_request import fetch

from app.commands import worker
from app.files import downloads, exporting
from app.files.export_store import ExportStore
from app.jobs import CANCELLED, DONE, FAILED, Queue
from app.session import Session
from app.settings import Settings
from smcore.masks import Mask, _Test
from smcore.validation.matching.mask_rules import named

OPEN = {"product": "coarse", "t": "2018-01-10", "outwhere": "all"}


@pytest.fixture
def tab(open_tab: Callable[..., Session]) -> Callable[..., Session]:
    """A tab with the export card open."""

    def opened(**query: str) -> Session:
        made = open_tab(**(OPEN | query))
        made.data_out.fold.turn()
        return made

    return opened


def ended(tab: Session) -> Any:
    """Run the job of the tab's Export button to its end."""
    tab.data_out._run()
    queue = Queue(tab.settings.jobs)
    job = queue.claim()
    assert job is not None
    worker.run(queue, job)
    tab.data_out.look()
    return queue.get(job.id)


def test_the_size_is_stated_before_anything_is_written_and_the_file_is_the_month_on_the_map(tab: Any) -> None:
    page = tab()
    assert "About <b>" in page.data_out.size.object
    assert "31 steps, 192 places" in page.data_out.size.object
    assert not page.data_out.run.disabled
    job = ended(page)
    assert job.state == DONE
    file = exporting.file_of(Queue(page.settings.jobs), job.id)
    assert file is not None
    assert file.name == "coarse_sm_2018-01-01_2018-01-31.nc"
    with xr.open_dataset(file) as data:
        assert data.sizes == {"time": 31, "y": 12, "x": 16, "bnds": 2}
    assert f'href="export/{job.id}/{file.name}"' in page.data_out.list.object
    assert "compared with the source" in page.data_out.state.object


def test_what_is_watched_and_what_is_done_are_there_after_a_reload(tab: Any, open_tab: Any) -> None:
    page = tab()
    page.data_out._run()
    again = open_tab(**OPEN, export=page.selection.exporting)
    assert again.data_out.fold.body.visible
    assert "waiting" in again.data_out.state.object
    again.data_out._cancel()
    assert "Stopped" in again.data_out.state.object
    job = Queue(page.settings.jobs).get(page.selection.exporting)
    assert job is not None
    assert job.state == CANCELLED


def test_the_mask_and_the_colours_of_the_map_go_with_it(
    open_tab: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_tab(**OPEN, quality="recommended", mask="frozen_ground", outas="gif", cm="batlow", range="0.1,0.3")
    asked = ExportStore(page.store).asked(page.map.extent())
    assert (asked.quality, asked.rules) == ("all", ())  # the product tells neither, and is not masked on the map
    assert asked.look == {"colours": "batlow", "colour_range": [0.1, 0.3]}
    masked = Mask("recommended", 1, (_Test("frozen_ground", named("frozen_ground"), "quality", 4),))
    monkeypatch.setattr(page.store.masks, "of", lambda *_: masked)
    asked = ExportStore(page.store).asked(page.map.extent())
    assert (asked.quality, asked.rules) == ("recommended", ("frozen_ground",))


def test_stations_and_a_zipped_store_are_written_too(tab: Any) -> None:
    page = tab(out="stations", outas="zarr", outsince="2018-01-02", outuntil="2018-01-03")
    job = ended(page)
    file = exporting.file_of(Queue(page.settings.jobs), job.id)
    assert file is not None
    assert file.name == "nets_2018-01-02_2018-01-03.zarr.zip"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(file.parent)
    with xr.open_zarr(file.with_suffix("")) as data:
        assert data.sizes["time"] == 48


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"outwhere": "box"}, "There is no box yet"),
        ({"outsince": "2018-02-01", "outuntil": "2018-01-01"}, "The last day is before the first"),
        ({"outsince": "2030-01-01", "outuntil": "2030-01-02"}, "No step between"),
        ({"out": "stations", "outas": "cog"}, "is for grids"),
    ],
)
def test_what_can_not_be_exported_is_said_and_can_not_be_begun(tab: Any, query: dict[str, str], said: str) -> None:
    page = tab(**query)
    assert said in page.data_out.size.object
    assert page.data_out.run.disabled


def test_more_than_the_quota_can_not_be_begun(tab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAM_EXPORT_QUOTA", "1kB")
    page = tab(outas="csv")
    assert "an export may have 1 kB" in page.data_out.size.object.replace("1.0 kB", "1 kB")
    assert page.data_out.run.disabled


def test_a_job_whose_request_is_no_longer_possible_fails_in_a_sentence(tab: Any) -> None:
    page = tab()
    page.data_out._asked = exporting.Outgoing("gone", "", "netcdf", catalogs=page.data_out._asked.catalogs)
    assert ended(page).state == FAILED
    assert "There is no entry" in page.data_out.state.object


def test_the_film_button_opens_the_card_for_a_film(open_tab: Callable[..., Session]) -> None:
    page = open_tab(**OPEN)
    assert not page.data_out.fold.body.visible
    page.data_out.open_film()
    assert page.selection.out_format == "gif"
    assert "frames" in page.data_out.size.object


def test_old_files_make_room_for_new_ones(tmp_path: Path) -> None:
    queue, made = Queue(tmp_path), []
    for number in range(3):
        job = queue.submit(exporting.EXPORT, {})
        queue.path(job).mkdir()
        (queue.path(job) / "file.nc").write_bytes(b"x" * 100)
        queue.end(job, DONE, result={"file": "file.nc", "number": number})
        made.append(job)
    lost = queue.submit(exporting.EXPORT, {})
    queue.path(lost).mkdir()
    (queue.path(lost) / ".file.12345678.partial.nc").write_bytes(b"x")
    queue.end(lost, FAILED, "The worker process ended before the run did")
    exporting.make_room(queue, 250)
    assert not queue.path(lost).exists()
    assert [exporting.file_of(queue, job) is not None for job in made] == [False, True, True]


def test_a_file_is_sent_whole_and_only_to_this_server_s_own_page(tmp_path: Path) -> None:
    settings = Settings(jobs=tmp_path / "jobs", figures=tmp_path / "figures")
    queue = Queue(settings.jobs)
    job = queue.submit(exporting.EXPORT, {})
    queue.path(job).mkdir()
    (queue.path(job) / "a b.csv").write_bytes(b"0123456789" * 300_000)
    (queue.path(job) / "secret.txt").write_bytes(b"no")
    queue.end(job, DONE, result={"file": "a b.csv"})
    path = downloads.link(job, "a b.csv")
    answer = fetch(settings, path)
    assert answer.code == 200
    assert answer.body == b"0123456789" * 300_000
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.csv"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert fetch(settings, path, Host="evil.example:80").code == 403
    assert fetch(settings, path, **{"Sec-Fetch-Site": "cross-site"}).code == 403
    assert fetch(settings, path, **{"Sec-Fetch-Site": "same-origin"}).code == 200
    for other in (f"export/{job}/secret.txt", "export/000000000000/a", f"export/{job}/..%2fqueue.sqlite",
                  f"figure/{job}/a%20b.csv", "export/x"):  # fmt: skip
        assert fetch(settings, other).code == 404
