"""ResNet, U-Net and ViT beside PSCNet: how far they see, and the same value for a cell from any window."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from smcore.models import pscnet, resnet, unet, vit
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.images.model import ImageModel
from smcore.models.images.training import Channels
from smcore.models.registry import build_model
from tests.smcore.models.image_tasks import SPECS, coarse_data, make_inputs, wetness, window_of

QUICK = {"epochs": 1, "most_steps": 2, "batch": 2, "crop": 16}
SMALL = {
    "pscnet": pscnet.Config(**QUICK, hidden=8, depths=(1, 1), kernels=(3, 5), window=3),
    "plain_se": pscnet.Config(**QUICK, hidden=8, depths=(1, 1), kernels=(3, 5), window=0),
    "resnet": resnet.Config(**QUICK, hidden=8, blocks=2),
    "unet": unet.Config(**QUICK, widths=(4, 6, 8)),
    "vit": vit.Config(**QUICK, token=4, square=16, width=12, depth=1, heads=2),
}


def small(name: str) -> ImageModel:
    """A small model of each kind, with the lattice and halo that its own file declares for its sizes."""
    config = SMALL[name]
    if isinstance(config, pscnet.Config):
        alone = config.window == 0
        make, patch, halo = pscnet.Network, 16 if alone else 1, pscnet.reach(config)
    elif isinstance(config, resnet.Config):
        alone, make, patch, halo = False, resnet.Network, 1, resnet.reach(config)
    elif isinstance(config, unet.Config):
        alone, make, patch, halo = False, unet.Network, unet.lattice(config), unet.reach(config)
    else:
        alone, make, patch, halo = False, vit.Network, config.square, 0
    spec = dataclasses.replace(pscnet.SPEC, inputs=SPECS, patch=patch, halo=halo)
    return ImageModel(spec, config, make, alone=alone)


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.slow if name in ("plain_se", "unet", "resnet") else ()) for name in SMALL
    ],
    scope="module",
)
def fitted(request: pytest.FixtureRequest) -> ImageModel:
    model = small(request.param)
    model.fit(coarse_data((24, 24), origin=(3, 5)), FitRun(seed=2))
    for module in model.network.modules():  # what batches of noise leave behind is too even to tell cells apart
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, std=0.5, generator=torch.Generator().manual_seed(1))
    return model


def _holey(inputs: Inputs) -> Inputs:
    """With a lake, missing at every step, and a few cells missing at one step."""
    assert inputs.shape is not None
    height, width = inputs.shape
    dynamic = inputs.dynamic.copy().reshape(-1, height, width, inputs.dynamic.shape[-1])
    dynamic[:, 20:26, 30:37] = np.nan
    dynamic[8, 40:44, 20:40] = np.nan
    return dataclasses.replace(inputs, dynamic=dynamic.reshape(inputs.dynamic.shape))


def test_a_cell_gets_the_same_value_from_any_window_that_holds_its_surroundings(fitted):
    inputs = _holey(make_inputs((75, 83), steps=9, seed=7, origin=(3, 5)))
    whole = fitted.predict(dataclasses.replace(inputs, first=7))["sm"].reshape(9, 75, 83)[7:]
    margin = fitted.spec.halo + fitted.spec.patch - 1
    for top, left in ((0, 0), (11, 6), (17, 14)):
        rows, columns = slice(top, min(top + 58, 75)), slice(left, min(left + 61, 83))
        part = dataclasses.replace(window_of(inputs, rows, columns), first=7)
        found = fitted.predict(part)["sm"].reshape(9, *part.shape)[7:]
        inner = [
            slice(0 if a.start == 0 else margin, (a.stop - a.start) - (0 if a.stop == size else margin))
            for a, size in ((rows, 75), (columns, 83))
        ]
        expected = whole[:, rows, columns][:, inner[0], inner[1]]
        assert expected.size
        np.testing.assert_allclose(found[:, inner[0], inner[1]], expected, atol=3e-6)


def test_missing_cells_around_the_data_change_nothing(fitted):
    inputs = make_inputs((30, 30), steps=9, seed=7, origin=(16, 16))
    bare = fitted.predict(inputs)["sm"].reshape(9, 30, 30)
    around = make_inputs((62, 62), steps=9, origin=(0, 0))
    wide = np.full((9, 62, 62, 2), np.nan)
    wide[:, 16:46, 16:46] = inputs.dynamic.reshape(9, 30, 30, 2)
    static = around.static.copy().reshape(62, 62, 1)
    static[16:46, 16:46] = inputs.static.reshape(30, 30, 1)
    lat, lon = around.lat.copy().reshape(62, 62), around.lon.copy().reshape(62, 62)
    lat[16:46, 16:46], lon[16:46, 16:46] = inputs.lat.reshape(30, 30), inputs.lon.reshape(30, 30)
    margin = dataclasses.replace(
        around, dynamic=wide.reshape(9, -1, 2), static=static.reshape(-1, 1), lat=lat.ravel(), lon=lon.ravel()
    )
    found = fitted.predict(margin)["sm"].reshape(9, 62, 62)
    np.testing.assert_allclose(found[:, 16:46, 16:46], bare, atol=3e-6)
    assert np.isnan(found[:, :16]).all()


def test_round_the_globe_the_last_column_is_beside_the_first(fitted):
    if fitted.spec.halo == 0 or fitted.alone:
        pytest.skip("nothing is read across the seam of two squares")
    inputs = dataclasses.replace(make_inputs((16, 48), steps=9, seed=7), wraps=True)
    order = np.roll(np.arange(16 * 48).reshape(16, 48), 8, axis=1).ravel()
    turned = dataclasses.replace(inputs.at(order), shape=(16, 48), wraps=True)
    back = fitted.predict(turned)["sm"].reshape(9, 16, 48)
    np.testing.assert_allclose(np.roll(back, -8, axis=2), fitted.predict(inputs)["sm"].reshape(9, 16, 48), atol=3e-6)


def test_large_rectangles_in_pieces_are_the_same_as_in_one(fitted, monkeypatch):
    from smcore.models.images import model as image_fit

    if fitted.alone:
        pytest.skip("always in pieces: its pictures")
    inputs = dataclasses.replace(make_inputs((90, 200), steps=8, seed=3), first=7)
    whole = fitted.predict(inputs)["sm"][7:]
    monkeypatch.setattr(image_fit, "_SIDE", 80)
    np.testing.assert_allclose(fitted.predict(inputs)["sm"][7:], whole, atol=3e-6)


@pytest.mark.parametrize("module", [resnet, unet], ids=["resnet", "unet"])
def test_the_declared_halo_is_what_the_layers_reach(module):
    config = module.CONFIGS["pscnet"]
    halo = module.reach(config)
    config = dataclasses.replace(config, **({"hidden": 8} if module is resnet else {"widths": (8, 8, 8, 8)}))
    torch.manual_seed(0)
    network = module.Network(Channels(2, 2, 1), config).double().eval()
    middle = 8 * (halo // 8 + 2)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(layer.bias, 3.0)  # no unit is silent
    x = torch.randn(1, 2, 8, 2 * middle, 2, dtype=torch.float64, requires_grad=True)
    static = torch.zeros(1, 8, 2 * middle, 1, dtype=torch.float64)
    furthest = 0
    for column in (middle, middle + 5):
        x.grad = None
        network(x, static, None)[0, 4, column].backward()
        touched = np.flatnonzero(x.grad.abs().sum(dim=(0, 1, 2, 4)).numpy())
        furthest = max(furthest, column - touched.min(), touched.max() - column)
    assert furthest <= halo
    assert furthest > halo - (1 if module is resnet else 8)  # the least that its lattice allows


def test_tokens_of_one_square_do_not_see_another():
    torch.manual_seed(0)
    network = vit.Network(Channels(2, 2, 1), SMALL["vit"]).eval()
    x, static = torch.randn(1, 2, 32, 48, 2), torch.zeros(1, 32, 48, 1)
    before = network(x, static, None)
    x[:, :, 16:, 16:32] += 1
    changed = (network(x, static, None) != before)[0]
    assert changed[16:, 16:32].all()
    assert changed.sum() == 16 * 16


def test_a_square_is_the_same_network_wherever_it_lies():
    torch.manual_seed(0)
    network = vit.Network(Channels(2, 2, 1), SMALL["vit"]).eval()
    x, static = torch.randn(1, 2, 32, 48, 2), torch.randn(1, 32, 48, 1)
    alone = network(x[:, :, 16:, 32:].contiguous(), static[:, 16:, 32:].contiguous(), None)
    torch.testing.assert_close(network(x, static, None)[:, 16:, 32:], alone)


@pytest.mark.parametrize(("name", "config", "history"), [("resnet", "smsnet", 4), ("unet", "pscnet_demo", 7)])
def test_a_configuration_takes_the_inputs_of_the_paper_that_it_is_named_after(name, config, history):
    model = build_model(name, config)
    assert model.spec.history == history
    assert ("lst" in {i.name for i in model.spec.inputs}) == (config == "smsnet")


def test_sizes_are_those_proposed():
    assert resnet.CONFIGS["pscnet"].blocks == 8
    assert unet.CONFIGS["pscnet"].widths == (32, 64, 128, 256)
    chosen = vit.CONFIGS["pscnet"]
    assert (chosen.token, chosen.width, chosen.depth, chosen.heads) == (4, 192, 6, 6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet", "unet", "vit"])
def test_each_learns_from_targets_one_to_one(name):
    inputs = make_inputs((16, 16), steps=16, wavy=True)
    model = small(name)
    model.config = dataclasses.replace(model.config, epochs=6, most_steps=10, rate=5e-3)
    model.fit(TrainingData(Task(inputs, wetness(inputs))), FitRun(seed=0))
    fresh = make_inputs((16, 16), steps=12, seed=4, wavy=True)
    truth, found = wetness(fresh)[7:], model.predict(fresh)["sm"][7:]
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.7
