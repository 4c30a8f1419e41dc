"""Loads each format that pmx writes with the library that it is for.

    python load_formats.py EXPECTED.safetensors FORMAT=PATH...

EXPECTED holds `image` [1 3 H W] and `tokens` [1 1+N C], all tokens after the final norm,
and as metadata the architecture. For each format one line is printed, its name and the
largest difference of the library's tokens. Nothing may be missing or left over.
"""

import json
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import safetensors.torch
import timm
import torch
from safetensors import safe_open
from torch import nn

with safe_open(sys.argv[1], "pt") as f:
    arch = json.loads(f.metadata()["pmx.encoder"])
    image, tokens = f.get_tensor("image"), f.get_tensor("tokens")

heads, size, patch = arch["num_heads"], arch["image_size"], arch["patch_size"]
dim, depth, hidden = arch["embed_dim"], arch["depth"], int(arch["mlp_ratio"] * arch["embed_dim"])


def timm_vit(**more):
    return timm.create_model(
        "vit_tiny_patch16_224", img_size=size, patch_size=patch, embed_dim=dim, depth=depth, num_heads=heads, num_classes=0, **more
    ).eval()


def from_state_dict(state):
    model = timm_vit()
    model.load_state_dict(state)
    return model.forward_features(image)


def load_safetensors(path):
    return from_state_dict(safetensors.torch.load_file(path))


def load_pth(path):
    state = torch.load(path, weights_only=True)
    mapped = torch.load(path, weights_only=True, mmap=True)
    assert list(state) == list(mapped) and all(torch.equal(state[k], mapped[k]) for k in state)
    assert all(v.is_contiguous() and v.dtype == torch.float32 and v.data_ptr() % 64 == 0 for v in mapped.values())
    by_path = timm_vit(checkpoint_path=path).forward_features(image)
    assert torch.equal(by_path, from_state_dict(state))
    return by_path


def load_timm(path):
    model = timm.create_model("local-dir:" + path, pretrained=True).eval()
    cfg = model.pretrained_cfg
    assert list(cfg["input_size"]) == [3, size, size] and torch.allclose(torch.tensor(cfg["mean"]), torch.tensor(arch["mean"]))
    assert torch.allclose(torch.tensor(cfg["std"]), torch.tensor(arch["std"])) and model.blocks[0].attn.num_heads == heads
    # Another size and a new classifier, the features of a pyramid.
    other = timm.create_model("local-dir:" + path, pretrained=True, num_classes=10, img_size=2 * size).eval()
    assert other(torch.zeros(1, 3, 2 * size, 2 * size)).shape == (1, 10)
    timm.create_model("local-dir:" + path, pretrained=True, features_only=True, out_indices=(1,))
    return model.forward_features(image)


def load_detectron2(path):
    """With the class under detectron2's DetectionCheckpointer, into the names of a ViTDet."""
    from fvcore.common.checkpoint import Checkpointer

    class Pyramid(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = timm_vit()

    class Detector(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = Pyramid()

    model = Detector()
    checkpointer = Checkpointer(model)
    checkpoint = checkpointer._load_file(path)
    incompatible = checkpointer._load_model(checkpoint)
    assert not incompatible.missing_keys and not incompatible.unexpected_keys and not incompatible.incorrect_shapes, incompatible
    return model.backbone.net.forward_features(image)


def load_mmpretrain(path):
    """With init_cfg, as a configuration of OpenMMLab's names a backbone's weights."""
    from mmengine.runner.checkpoint import _load_checkpoint_with_prefix
    from mmpretrain.models.backbones import VisionTransformer

    layers = dict(embed_dims=dim, num_layers=depth, num_heads=heads, feedforward_channels=hidden)
    pretrained = dict(type="Pretrained", checkpoint=path, prefix="backbone.")
    model = VisionTransformer(arch=layers, img_size=size, patch_size=patch, out_type="raw", init_cfg=pretrained)
    model.eval()
    model.load_state_dict(_load_checkpoint_with_prefix("backbone.", path))  # strict
    model.init_weights()
    return model(image)[0]


def load_torchvision(path):
    from torchvision.models import VisionTransformer

    model = VisionTransformer(size, patch, depth, heads, dim, hidden).eval()
    missing, unexpected = model.load_state_dict(torch.load(path, weights_only=True), strict=False)
    assert not unexpected and missing == ["heads.head.weight", "heads.head.bias"], (missing, unexpected)
    x = model._process_input(image)
    return model.encoder(torch.cat([model.class_token, x], 1))


def load_transformers(path):
    from transformers import AutoImageProcessor, ViTModel

    model, info = ViTModel.from_pretrained(path, add_pooling_layer=False, output_loading_info=True)
    assert not any(info.values()), info
    processor = AutoImageProcessor.from_pretrained(path)
    pixels = processor(torch.zeros(3, 50, 40, dtype=torch.uint8), return_tensors="pt")["pixel_values"]
    want = -torch.tensor(arch["mean"]) / torch.tensor(arch["std"])
    assert pixels.shape == (1, 3, size, size) and torch.allclose(pixels[0, :, 0, 0], want), pixels[0, :, 0, 0]
    return model.eval()(image).last_hidden_state


with torch.no_grad():
    for argument in sys.argv[2:]:
        name, path = argument.split("=", 1)
        got = globals()["load_" + name](path)
        assert got.shape == tokens.shape, (name, got.shape)
        print(name, (got - tokens).abs().max().item(), flush=True)
