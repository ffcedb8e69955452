"""What a row's model is asked, and the bench's own methods."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from benchmarks.systems.running import _WhereScored
from benchmarks.systems.smoothing import bicubic


def test_bicubic_gives_a_plane_back_and_nothing_beside_a_gap():
    row, column = np.meshgrid(np.arange(8.0), np.arange(9.0), indexing="ij")
    plane = (0.1 + 0.01 * row + 0.02 * column)[None]
    at = np.array([2.3, 4.0]), np.array([3.6, 4.5])
    np.testing.assert_allclose(bicubic(plane, *at)[0], 0.1 + 0.01 * at[0] + 0.02 * at[1], rtol=1e-6)
    plane[0, 3, 4] = np.nan
    assert np.isnan(bicubic(plane, *at)).all()


def test_a_model_of_vectors_is_asked_where_something_is_scored_and_nowhere_else():
    asked = []

    def predict_at(inputs, wanted, device):
        asked.append(wanted)
        return {"sm": np.where(wanted, 0.2, np.nan)}

    days = np.datetime64("2019-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D")
    frame = SimpleNamespace(time=days, lat=np.array([40.0, 41.0]), lon=np.array([-100.0, -99.0]),
                            step=np.array([0, 3, 3]), cell=np.array([1, 0, 1]))  # fmt: skip
    model = SimpleNamespace(spec=None, used=(), predict_at=predict_at)
    inputs = SimpleNamespace(time=np.append(days[:1] - np.timedelta64(1, "D"), days),
                             lat=np.array([41.0, 45.0, 40.0001]), lon=np.array([-99.0, -99.0, -100.0]))  # fmt: skip
    _WhereScored(model, frame).predict(inputs)
    expected = np.zeros((5, 3), bool)
    expected[[1, 4, 4], [0, 2, 0]] = True
    np.testing.assert_array_equal(asked[0], expected)
