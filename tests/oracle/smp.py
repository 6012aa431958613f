"""Unet of segmentation_models.pytorch ("smp"), by the arguments of its
constructor, and the folder that its save_pretrained() makes.

Written from the names and shapes of its parameters; encoders are torchvision's,
as smp's are.
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

import fill
import safetensors_io
from networks import DoubleConv
from zoo import DenseNetEncoder, ResNetEncoder

# what the constructor has where it is not told otherwise
DEFAULTS = {
    "activation": None, "aux_params": None, "classes": 1, "decoder_attention_type": None,
    "decoder_channels": [256, 128, 64, 32, 16], "decoder_interpolation": "nearest",
    "decoder_use_norm": "batchnorm", "encoder_depth": 5, "encoder_name": "resnet34",
    "encoder_weights": "imagenet", "in_channels": 3}

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def fit_first_conv(weight, n):
    """Weights that read three bands, made to read n."""
    if n == 1:
        return weight.sum(1, keepdim=True)
    return weight[:, [i % 3 for i in range(n)]] * (3 / n)


def encoder(name, in_channels):
    made = (DenseNetEncoder if name.startswith("densenet") else ResNetEncoder)(name)
    parent, key = (made.features, "conv0") if name.startswith("densenet") else (made, "conv1")
    conv = getattr(parent, key)
    if in_channels != 3:
        setattr(parent, key, nn.Conv2d(in_channels, conv.out_channels, 7, stride=2, padding=3,
                                       bias=False))
    return made


class ScSE(nn.Module):
    """Roy et al. 2018, arXiv:1808.08127."""

    def __init__(self, n):
        super().__init__()
        self.cSE = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(n, n // 16, 1), nn.ReLU(),
                                 nn.Conv2d(n // 16, n, 1), nn.Sigmoid())
        self.sSE = nn.Sequential(nn.Conv2d(n, 1, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.cSE(x) + x * self.sSE(x)


class Attention(nn.Module):
    def __init__(self, kind, n):
        super().__init__()
        self.attention = nn.Identity() if kind is None else ScSE(n)

    def forward(self, x):
        return self.attention(x)


class DecoderBlock(DoubleConv):
    def __init__(self, n_in, n_out, norm, attention):
        super().__init__(n_in, n_out, norm)
        self.attention1 = Attention(attention, n_in)
        self.attention2 = Attention(attention, n_out)

    def forward(self, x, skip):
        # where there is no skip, the first attention is not used
        if skip is not None:
            x = self.attention1(torch.cat([x, skip], 1))
        return self.attention2(super().forward(x))


class Decoder(nn.Module):
    def __init__(self, encoder_channels, channels, norm, attention):
        super().__init__()
        deepest, *skips = encoder_channels[::-1]
        self.blocks = nn.ModuleList(
            DecoderBlock(n_in + n_skip, n_out, norm, attention)
            for n_in, n_skip, n_out in zip([deepest] + channels, skips + [0], channels))


class Unet(nn.Module):
    def __init__(self, **arguments):
        super().__init__()
        c = DEFAULTS | arguments
        norm = c.pop("decoder_use_batchnorm", c["decoder_use_norm"] in (True, "batchnorm"))
        self.encoder = encoder(c["encoder_name"], c["in_channels"])
        with torch.no_grad():
            pyramid = self.encoder.eval()(torch.zeros(1, c["in_channels"], 64, 64))
        channels, self.depth = c["decoder_channels"], c["encoder_depth"]
        self.interpolation = c["decoder_interpolation"]
        # the deeper stages of the encoder stay, unused
        self.decoder = Decoder([x.shape[1] for x in pyramid[:self.depth]], channels, norm,
                               c["decoder_attention_type"])
        self.segmentation_head = nn.Sequential(
            nn.Conv2d(channels[-1], c["classes"], 3, padding=1))

    def forward(self, x):
        size = x.shape[2:]
        x, *skips = self.encoder(x)[:self.depth][::-1]
        for block, skip in zip(self.decoder.blocks, skips + [None]):
            x = F.interpolate(x, size=size if skip is None else skip.shape[2:],
                              mode=self.interpolation)
            x = block(x, skip)
        return self.segmentation_head(x)


def filled(seed, **arguments):
    """The network with plausible numbers, and its parameters as arrays."""
    net = Unet(**arguments)
    arrays = {key: fill.gated_parameter(key, tuple(value.shape), seed)
              for key, value in net.state_dict().items()}
    net.load_state_dict({key: torch.from_numpy(a) for key, a in arrays.items()})
    return net.eval(), arrays


def config(old=False, **arguments):
    """config.json; old: as smp 0.3 and 0.4 wrote it."""
    made = DEFAULTS | {"_model_class": "Unet"} | arguments
    if old:
        del made["decoder_interpolation"]
        made["decoder_use_batchnorm"] = made.pop("decoder_use_norm") == "batchnorm"
    return made


def save_pretrained(folder, arrays, **arguments):
    folder = pathlib.Path(folder)
    folder.mkdir()
    text = json.dumps(config(**arguments), sort_keys=True, indent=2)
    (folder / "config.json").write_text(text)
    safetensors_io.write(folder / "model.safetensors", arrays, {"format": "pt"})
