"""The Transformer on feature vectors: tokens, attention, pooling, and its cap."""

from __future__ import annotations

import pytest
import torch

from smcore.models import transformer
from smcore.models.networks.transformer import FeatureTransformer, _Layer


@pytest.fixture
def network():
    torch.manual_seed(0)
    return FeatureTransformer(9, 64, 3, 4, 128, 0.1).eval()


def test_it_has_the_parameters_of_its_layers(network):
    width, hidden = 64, 128
    layer = 4 * width + 3 * width * (width + 1) + width * (width + 1) + hidden * (width + 1) + width * (hidden + 1)
    expected = 2 * 9 * width + 3 * layer + 2 * width + width + 1
    assert sum(value.numel() for value in network.parameters()) == expected == 101_761


def test_a_layer_is_attention_and_two_dense_layers_as_torch_has_them():
    torch.manual_seed(1)
    own = _Layer(16, 4, 32, 0.1).eval()
    theirs = torch.nn.TransformerEncoderLayer(16, 4, 32, 0.1, "gelu", batch_first=True, norm_first=True).eval()
    names = {
        "self_attn.in_proj_weight": own.mix.weight,
        "self_attn.in_proj_bias": own.mix.bias,
        "self_attn.out_proj.weight": own.out.weight,
        "self_attn.out_proj.bias": own.out.bias,
        "linear1.weight": own.dense[0].weight,
        "linear1.bias": own.dense[0].bias,
        "linear2.weight": own.dense[2].weight,
        "linear2.bias": own.dense[2].bias,
        "norm1.weight": own.before.weight,
        "norm1.bias": own.before.bias,
        "norm2.weight": own.between.weight,
        "norm2.bias": own.between.bias,
    }
    theirs.load_state_dict({name: value.detach() for name, value in names.items()})
    x = torch.randn(2, 5, 16)
    torch.testing.assert_close(own(x), theirs(x), atol=1e-5, rtol=1e-5)


def test_a_feature_keeps_its_place_but_the_order_of_places_means_nothing(network):
    x = torch.randn(4, 9)
    before = network(x)
    turned = torch.randperm(9)
    assert not torch.allclose(network(x[:, turned]), before)
    with torch.no_grad():
        network.direction.copy_(network.direction[turned].clone())
        network.start.copy_(network.start[turned].clone())
    torch.testing.assert_close(network(x[:, turned]), before, atol=1e-5, rtol=1e-5)


def test_its_cap_is_on_the_card():
    assert transformer.build().departures == ("8 epochs of at most 60 steps of 256 samples (our cap)",)


@pytest.mark.parametrize("config", transformer.SPEC.configs)
def test_only_the_layout_with_series_sees_the_target(config):
    assert transformer.build(config).spec.sees_target == (config == "tssmnet")
