"""What every gridded reader must do, tried on its sample files (``reader_samples.py``)."""

from __future__ import annotations

import fnmatch
import inspect
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from dask.callbacks import Callback

from smcore import names, plugins
from smcore.cubes.check import check_cube, check_pixels
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from tests.contracts.reader_samples import SAMPLES, Sample

PACKAGE = "smcore.cubes.readers"
KINDS = plugins.names(PACKAGE)
CONTRACT = ("KIND", "TITLE", "PATTERNS", "LAYOUT", "VARIABLES", "read")
CODES = {"not_found", "not_netcdf", "truncated", "missing_variable", "wrong_kind", "bad_values", "bad_archive", "empty"}


@dataclass(frozen=True)
class Case:
    """One reader with its sample, read once."""

    module: ModuleType
    sample: Sample
    paths: list[Path]
    reading: Reading
    tasks: int  # dask tasks run while reading


@contextmanager
def counted() -> Iterator[list[Any]]:
    """Collect the keys of all dask tasks that run inside."""
    keys: list[Any] = []
    with Callback(pretask=lambda key, _dsk, _state: keys.append(key)):
        yield keys


@pytest.fixture(scope="module", params=[kind for kind in KINDS if kind in SAMPLES])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    sample = SAMPLES[request.param]
    realdata = request.getfixturevalue("realdata") if sample.build is None else None
    paths = sample.paths(realdata, tmp_path_factory.mktemp(request.param))
    module = plugins.load(PACKAGE, request.param)
    with counted() as keys:
        reading = module.read(paths)
    return Case(module, sample, paths, reading, len(keys))


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_defines_the_contract_under_its_own_name(kind: str) -> None:
    module = plugins.load(PACKAGE, kind, CONTRACT)
    assert kind == module.KIND
    assert module.TITLE
    assert isinstance(module.PATTERNS, tuple)
    assert isinstance(module.VARIABLES, tuple)
    assert all(isinstance(text, str) for text in (*module.PATTERNS, *module.VARIABLES))
    assert module.LAYOUT in ("cube", "pixels")
    assert "Raises" in (inspect.getdoc(module.read) or "")
    parameters = inspect.signature(module.read).parameters
    assert list(parameters)[:2] == ["paths", "variable"]
    assert parameters["variable"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["variable"].default is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_has_sample_files(kind: str) -> None:
    assert kind in SAMPLES, "add the kind to tests/contracts/reader_samples.py"


def test_every_sample_belongs_to_a_reader() -> None:
    assert set(SAMPLES) <= set(KINDS)


def test_the_dataset_keeps_the_data_model(case: Case) -> None:
    check = check_cube if case.module.LAYOUT == "cube" else check_pixels
    check(case.reading.dataset)
    attrs = case.reading.dataset.attrs
    for name in ("title", "kind", "synthetic", "product", "licence", "citation", "inputs"):
        assert name in attrs, name
    assert attrs["synthetic"] == (case.sample.build is not None)
    for attribute in attrs.values():
        assert isinstance(attribute, str | int | float | np.number), attribute


def test_soil_moisture_says_its_unit_and_layer(case: Case) -> None:
    dataset = case.reading.dataset
    assert case.sample.main in dataset
    if names.SM in dataset:
        assert dataset[names.SM].dtype == np.float32
        assert dataset[names.SM].attrs["units"] in (names.VOLUMETRIC, names.SATURATION)
        top, bottom = map(float, dataset.attrs["layer_m"].split())
        assert 0 <= top < bottom
        support = dataset.attrs["time_support"].split(":")
        assert support[0] in (names.INSTANT, names.DAY_MEAN, "mean")
        if support[0] == "mean":
            assert float(support[1]) > 0
            assert support[2] in ("start", "end")


def test_other_variables_are_in_the_units_of_the_vocabulary_or_a_note_says_so(case: Case) -> None:
    for name, variable in case.reading.dataset.data_vars.items():
        if name in names.VARIABLES and name not in (names.SM, names.SM_UNCERTAINTY):
            kept = any("unit" in note and str(name) in note for note in case.reading.notes)
            assert variable.attrs["units"] == names.VARIABLES[str(name)].units or kept, name


def test_reading_computes_nothing_and_makes_a_block_for_each_file_or_step(case: Case) -> None:
    assert case.tasks == 0
    for name, variable in case.reading.dataset.data_vars.items():
        assert variable.chunks is not None, f"{name} is not lazy"
        assert np.prod(variable.data.chunksize) * variable.dtype.itemsize <= 2**28, f"a block of {name} is too large"
    if case.module.LAYOUT == "cube":
        main = case.reading.dataset[case.sample.main]
        used = len(case.reading.sources)
        assert len(main.chunksizes[names.TIME]) >= min(used, main.sizes[names.TIME])


def test_asking_for_one_step_reads_that_step_only(case: Case) -> None:
    main = case.reading.dataset[case.sample.main]
    if names.TIME not in main.dims or len(main.chunksizes[names.TIME]) < 3:
        pytest.skip("fewer than three blocks along time")
    with counted() as one:
        main.isel({names.TIME: 0}).compute()
    with counted() as every:
        main.compute()
    assert len(one) < len(every)


def test_values_are_finite_or_nan_and_some_are_there(case: Case) -> None:
    values = case.reading.dataset[case.sample.main].values
    assert np.isfinite(values).any()
    assert not np.isinf(values).any()
    if case.reading.dataset[case.sample.main].attrs["units"] == names.VOLUMETRIC:
        assert np.nanmin(values) >= 0
        assert np.nanmax(values) <= 1


def test_flags_say_what_their_bits_mean(case: Case) -> None:
    dataset = case.reading.dataset
    if names.QUALITY not in dataset:
        pytest.skip("the sample has no quality flag")
    quality = dataset[names.QUALITY]
    assert quality.dtype == np.int32
    masks = np.atleast_1d(quality.attrs["flag_masks"])
    assert len(masks) == len(quality.attrs["flag_meanings"].split())
    if names.SM in dataset and "recommended_bits" in quality.attrs:
        assert (quality.values[np.isnan(dataset[names.SM].values)] == -1).all()


def test_observation_times_are_dates_where_there_is_an_observation(case: Case) -> None:
    if names.OBS_TIME not in case.reading.dataset:
        pytest.skip("the sample has no observation times")
    times = case.reading.dataset[names.OBS_TIME]
    assert times.dtype == np.dtype("datetime64[ns]")
    assert np.array_equal(np.isnat(times.values), np.isnan(case.reading.dataset[names.SM].values))


def test_overpasses_are_am_pm_or_unknown(case: Case) -> None:
    if names.OVERPASS not in case.reading.dataset.coords:
        pytest.skip("the sample has no overpasses")
    overpass = case.reading.dataset[names.OVERPASS]
    assert overpass.dims == (names.TIME,)
    assert set(overpass.values) <= {names.AM, names.PM, names.UNKNOWN}


def test_the_reading_says_which_files_it_used(case: Case) -> None:
    assert set(case.reading.sources) <= set(case.paths)
    skipped = {Path(one.path) for one in case.reading.skipped}
    assert set(case.reading.sources) | skipped == set(case.paths)
    assert all(isinstance(note, str) and note for note in case.reading.notes)


def test_the_file_names_fit_the_patterns(case: Case) -> None:
    if not case.sample.usual_names:
        pytest.skip("the sample's files were renamed by those who passed them on")
    for path in case.paths:
        assert any(fnmatch.fnmatch(path.name, pattern) for pattern in case.module.PATTERNS), path.name


def test_the_order_of_the_files_of_a_cube_changes_nothing(case: Case) -> None:
    if case.module.LAYOUT == "pixels":
        pytest.skip("the locations of a pixel set follow its files")
    again = case.module.read(list(reversed(case.paths))).dataset
    assert again.attrs == case.reading.dataset.attrs
    np.testing.assert_array_equal(again[case.sample.main].values, case.reading.dataset[case.sample.main].values)


def test_a_missing_file_is_refused_with_a_sentence(case: Case, tmp_path: Path) -> None:
    with pytest.raises(ReaderError) as error:
        case.module.read([tmp_path / case.paths[0].name])
    assert error.value.code == "not_found"


def test_a_file_of_another_kind_is_refused_with_a_sentence(case: Case, tmp_path: Path) -> None:
    foreign = tmp_path / case.paths[0].name
    foreign.write_text("latitude,longitude\nnot what you look for\n")
    with pytest.raises(ReaderError) as error:
        case.module.read([foreign])
    assert error.value.code in CODES
    assert "\n" not in str(error.value)
    assert foreign.name in str(error.value)


def test_a_file_cut_short_is_refused_and_the_others_survive(case: Case, tmp_path: Path) -> None:
    if not case.sample.can_break:
        pytest.skip("such files can't tell that they were cut short")
    whole = case.paths[0].read_bytes()
    broken = tmp_path / case.paths[0].name
    broken.write_bytes(whole[: len(whole) * 3 // 5])
    with pytest.raises(ReaderError) as error:
        case.module.read([broken])
    assert error.value.code == "truncated"
    if len(case.paths) > 1:
        reading = case.module.read([broken, *case.paths[1:]])
        assert [(one.path, one.code) for one in reading.skipped if one.path == str(broken)] == [
            (str(broken), "truncated")
        ]
        assert reading.dataset[case.sample.main].notnull().any()


def test_a_variable_that_is_not_there_is_refused(case: Case) -> None:
    with pytest.raises(ReaderError) as error:
        case.module.read(case.paths[:1], variable="no_such_variable")
    assert "no_such_variable" in str(error.value)


def test_sources_are_left_as_they_are(case: Case, tmp_path: Path) -> None:
    copy = Path(shutil.copy(case.paths[0], tmp_path / case.paths[0].name))
    before = (copy.read_bytes(), sorted(tmp_path.iterdir()))
    case.module.read([copy]).dataset[case.sample.main].values  # noqa: B018 - read it
    assert (copy.read_bytes(), sorted(tmp_path.iterdir())) == before
