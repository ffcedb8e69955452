"""AutoResNet is the network that its authors' code describes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from smcore.models import autoresnet
from smcore.models.networks.autoresnet import AutoResNetNetwork

NODES = (32, 16, 8, 4)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return AutoResNetNetwork(10, NODES, 0.2)


def test_it_has_the_parameters_of_its_layers(network):
    def dense(inputs: int, outputs: int) -> int:
        return inputs * outputs + outputs

    widths = [(10, 32), (32, 16), (16, 8), (8, 4), (4, 8), (8, 16), (16, 32)]
    layers = sum(dense(a, b) + 2 * b for a, b in widths) + 2 * (8 + 16 + 32) + dense(32, 10) + 2 * 10 + dense(10, 1)
    assert sum(value.numel() for value in network.parameters()) == layers == 2485


def test_weights_begin_as_glorot_and_biases_at_zero(network):
    first = network.encoder[0].linear
    limit = np.sqrt(6 / (10 + 32))
    assert first.weight.abs().max() <= limit
    assert first.weight.abs().max() > 0.9 * limit
    assert all((layer.bias == 0).all() for layer in network.modules() if isinstance(layer, torch.nn.Linear))


def test_normalisation_follows_the_activation(network):
    network.eval()
    layer, x = network.encoder[0], torch.randn(5, 10)
    torch.testing.assert_close(layer(x), layer.normal(torch.relu(layer.linear(x))))


def test_the_last_stored_layer_is_added_first(network):
    network.eval()
    x = torch.randn(5, 10)
    kept = [network.encoder[0](x)]
    for layer in list(network.encoder)[1:]:
        kept.append(layer(kept[-1]))
    coded = kept[3]
    for place, like in enumerate((kept[2], kept[1], kept[0])):
        coded = network.merged[place](torch.relu(network.decoder[place](coded) + like))
    expected = network.last(network.normal(torch.relu(network.back(coded) + x)))[:, 0]
    torch.testing.assert_close(network(x), expected)


def test_only_the_code_is_dropped(network):
    assert [type(m).__name__ for m in network.modules()].count("Dropout") == 1
    seen = []
    network.dropout.register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    network(torch.randn(5, 10))
    assert seen == [(5, 4)]


def test_the_schedule_is_that_of_the_example():
    model = autoresnet.build()
    config = model.config
    assert (config.nodes, config.dropout, config.batch, config.epochs, config.plateau) == (NODES, 0.2, 2560, 30, 15)
    assert isinstance(model._optimiser(torch.nn.Linear(1, 1)), torch.optim.RMSprop)
    assert model.departures == ()


@pytest.mark.parametrize("config", autoresnet.SPEC.configs)
def test_only_the_layout_with_series_sees_the_target(config):
    assert autoresnet.build(config).spec.sees_target == (config == "tssmnet")
