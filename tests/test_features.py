"""Decoder features from nnU-Net's own network, by hooks that leave no other trace."""

from __future__ import annotations

import copy

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from nnunetv2_ducisc.errors import DuCiSCError
from nnunetv2_ducisc.nnunet.features import DecoderFeatures, plain_network

pytestmark = pytest.mark.unit


def unet(dimensions: int = 3, architecture: type = PlainConvUNet) -> nn.Module:
    torch.manual_seed(0)
    blocks = "n_blocks_per_stage" if architecture is ResidualEncoderUNet else "n_conv_per_stage"
    return architecture(
        input_channels=1,
        n_stages=4,
        features_per_stage=[4, 6, 8, 10],
        conv_op=nn.Conv3d if dimensions == 3 else nn.Conv2d,
        kernel_sizes=3,
        strides=[1, 2, 2, 2],
        num_classes=3,
        n_conv_per_stage_decoder=1,
        norm_op=nn.InstanceNorm3d if dimensions == 3 else nn.InstanceNorm2d,
        norm_op_kwargs={"affine": True},
        nonlin=nn.LeakyReLU,
        deep_supervision=True,
        **{blocks: 1},
    )


@pytest.mark.parametrize("architecture", [PlainConvUNet, ResidualEncoderUNet])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_seg_layer_makes_the_logits_of_its_scale_from_the_feature(dimensions, architecture):
    network = unet(dimensions, architecture)
    features = DecoderFeatures(network, num_scales=3)
    with features.recording():
        logits = network(torch.randn(2, 1, *[16] * dimensions))
        recorded = features.finest_first
    seg_layers = list(reversed(network.decoder.seg_layers))
    assert len(recorded) == len(logits) == 3
    for layer, feature, expected in zip(seg_layers, recorded, logits, strict=True):
        torch.testing.assert_close(layer(feature), expected)


def test_num_scales_takes_the_finest_and_a_shallow_network_gives_what_it_has():
    network = unet()
    one, many = DecoderFeatures(network, 1), DecoderFeatures(network, 9)
    with one.recording(), many.recording():
        network(torch.randn(1, 1, 16, 16, 16))
        assert [f.shape[1] for f in one.finest_first] == [4]
        assert [f.shape[1] for f in many.finest_first] == [4, 6, 8]


def test_outside_recording_nothing_is_kept():
    network = unet()
    features = DecoderFeatures(network, 3)
    network(torch.randn(1, 1, 16, 16, 16))
    assert features._outputs == {}
    with features.recording():
        network(torch.randn(1, 1, 16, 16, 16))
    assert features._outputs == {}


def test_gradients_reach_the_encoder_through_a_feature():
    network = unet()
    features = DecoderFeatures(network, 2)
    with features.recording():
        network(torch.randn(1, 1, 16, 16, 16))
        sum(f.square().mean() for f in features.finest_first).backward()
    assert all(p.grad is not None and p.grad.any() for p in network.encoder.stages[0].parameters())


def test_hooks_change_neither_output_nor_state_dict_keys():
    hooked, plain = unet(), unet()
    features = DecoderFeatures(hooked, 3)
    image = torch.randn(1, 1, 16, 16, 16)
    with features.recording():
        for ours, theirs in zip(hooked(image), plain(image), strict=True):
            assert torch.equal(ours, theirs)
    assert hooked.state_dict().keys() == plain.state_dict().keys()


def test_an_architecture_without_a_decoder_is_refused_by_name():
    with pytest.raises(DuCiSCError, match=r"Sequential has no decoder\.stages.*PlainConvUNet"):
        DecoderFeatures(nn.Sequential(nn.Conv3d(1, 1, 1)), 4)


def test_the_plain_network_is_what_torch_compile_wraps():
    network = unet()
    assert plain_network(network) is network
    assert plain_network(torch.compile(network)) is network
    assert copy.deepcopy(plain_network(torch.compile(network))).state_dict().keys() == (
        network.state_dict().keys()
    )


def test_features_are_recorded_under_torch_compile():
    """The eager backend traces like the real one, without a compiler."""
    network = unet(dimensions=2)
    features = DecoderFeatures(network, 3)
    compiled = torch.compile(network, backend="eager")
    image = torch.randn(2, 1, 16, 16)
    compiled(image)  # a warm-up step first, as in training
    with features.recording():
        compiled(image)
        traced = features.finest_first
    with features.recording():
        network(image)
        for ours, theirs in zip(traced, features.finest_first, strict=True):
            torch.testing.assert_close(ours, theirs)
    compiled(image)
    assert features._outputs == {}
