"""More forms of the U-Net in PyTorch: the paper's own without padding, the one
that upsamples without parameters, those of segmentation_models.pytorch, and
nnU-Net's.

Written from the papers and from the parameter names of the ecosystem; the
names of the attributes are the contract.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from networks import ResNetEncoder


def centre_crop(x, shape):
    top, left = ((n - m) // 2 for n, m in zip(x.shape[2:], shape))
    return x[:, :, top:top + shape[0], left:left + shape[1]]


# --- the classic form: valid convolutions, ways to upsample ------------------------

class DoubleConv(nn.Module):
    def __init__(self, n_in, n_mid, n_out, norm="batch", activation=nn.ReLU, padding=1):
        super().__init__()
        norms = {"batch": nn.BatchNorm2d, "none": None,
                 "instance": lambda n: nn.InstanceNorm2d(n, affine=True)}

        def unit(n_in, n_out):
            conv = nn.Conv2d(n_in, n_out, 3, padding=padding, bias=norm == "none")
            between = [] if norm == "none" else [norms[norm](n_out)]
            return nn.Sequential(conv, *between, activation())

        self.conv1, self.conv2 = unit(n_in, n_mid), unit(n_mid, n_out)

    def forward(self, x):
        return self.conv2(self.conv1(x))


class Level(nn.Module):
    """up: None for a transposed convolution, else a mode of nn.Upsample."""

    def __init__(self, n_in, n_skip, n_out, up, **options):
        super().__init__()
        self.valid = options.get("padding") == 0
        if up is None:
            self.up, n_up, n_mid = nn.ConvTranspose2d(n_in, n_in // 2, 2, stride=2), n_in // 2, n_out
        else:
            corners = True if up == "bilinear" else None
            self.up = nn.Upsample(scale_factor=2, mode=up, align_corners=corners)
            n_up, n_mid = n_in, (n_in + n_skip) // 2
        conv = DoubleConv(n_up + n_skip, n_mid, n_out, **options)
        self.conv1, self.conv2 = conv.conv1, conv.conv2

    def forward(self, x, skip):
        x = self.up(x)
        if self.valid:
            skip = centre_crop(skip, x.shape[2:])
        else:
            down, right = (s - u for s, u in zip(skip.shape[2:], x.shape[2:]))
            x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
        return self.conv2(self.conv1(torch.cat([skip, x], 1)))


class Encoder(nn.Module):
    def __init__(self, widths, **options):
        super().__init__()
        self.blocks = nn.ModuleList(DoubleConv(n_in, n_out, n_out, **options)
                                    for n_in, n_out in zip([3] + widths, widths))

    def forward(self, x):
        pyramid = []
        for i, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if i else x)
            pyramid.append(x)
        return pyramid


class Decoder(nn.Module):
    def __init__(self, widths, up, **options):
        super().__init__()
        self.blocks, n = nn.ModuleList(), widths[-1]
        for level in range(len(widths) - 2, -1, -1):
            n_out = widths[level] if up is None else widths[max(level - 1, 0)]
            self.blocks.append(Level(n, widths[level], n_out, up, **options))
            n = n_out

    def forward(self, pyramid):
        x, *skips = pyramid[::-1]
        for block, skip in zip(self.blocks, skips):
            x = block(x, skip)
        return x


class UNet(nn.Module):
    def __init__(self, channels, up=None, classes=2, **options):
        super().__init__()
        widths = [channels << i for i in range(5)]
        if up is not None:
            widths[-1] //= 2
        self.encoder = Encoder(widths, **options)
        self.decoder = Decoder(widths, up, **options)
        self.segmentation_head = nn.Sequential(nn.Conv2d(channels, classes, 1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x)))


class Mirrored(UNet):
    """Overlap-tile (section 3 of the paper) by one tile, the image: 92 pixels of
    mirror on each side, and up to 15 more so that each pooling halves evenly."""

    def forward(self, x):
        pads = []
        for n in x.shape[:1:-1]:
            surplus = -(n + 184 - 12) % 16
            pads.insert(0, (92 + surplus // 2, 92 + surplus - surplus // 2))
        # numpy mirrors back and forth where an image is smaller than the margin
        padded = np.pad(x.numpy(), [(0, 0), (0, 0)] + pads, mode="reflect")
        return centre_crop(super().forward(torch.from_numpy(padded)), x.shape[2:])


# --- segmentation_models.pytorch ----------------------------------------------------

class SCSE(nn.Module):
    """Roy et al. 2018, arXiv:1803.02579."""

    def __init__(self, n):
        super().__init__()
        self.cSE = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(n, n // 16, 1), nn.ReLU(),
                                 nn.Conv2d(n // 16, n, 1), nn.Sigmoid())
        self.sSE = nn.Sequential(nn.Conv2d(n, 1, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.cSE(x) + x * self.sSE(x)


class Attention(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.attention = SCSE(n)

    def forward(self, x):
        return self.attention(x)


class SmpLevel(DoubleConv):
    def __init__(self, n_in, n_skip, n_out, mode, attention, **options):
        super().__init__(n_in + n_skip, n_out, n_out, **options)
        self.mode, self.attends = mode, attention
        if attention:
            # the last level has the first, too, though it joins nothing
            self.attention1, self.attention2 = Attention(n_in + n_skip), Attention(n_out)

    def forward(self, x, skip, shape):
        corners = False if self.mode == "bilinear" else None
        x = F.interpolate(x, size=shape, mode=self.mode, align_corners=corners)
        if skip is not None:
            x = torch.cat([x, skip], 1)
            x = self.attention1(x) if self.attends else x
        x = super().forward(x)
        return self.attention2(x) if self.attends else x


class SmpDecoder(nn.Module):
    def __init__(self, mode="nearest", attention=False, **options):
        super().__init__()
        channels, skips = [256, 128, 64, 32, 16], [256, 128, 64, 64, 0]
        self.blocks = nn.ModuleList(
            SmpLevel(n_in, n_skip, n_out, mode, attention, **options)
            for n_in, n_skip, n_out in zip([512] + channels, skips, channels))

    def forward(self, pyramid, shape):
        x, *skips = pyramid[::-1]
        for block, skip in zip(self.blocks, skips + [None]):
            x = block(x, skip, shape if skip is None else skip.shape[2:])
        return x


class SmpUNet(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.encoder, self.decoder = ResNetEncoder(18, 3), SmpDecoder(**options)
        self.segmentation_head = nn.Sequential(nn.Conv2d(16, 2, 3, padding=1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x), x.shape[2:]))


# --- nnU-Net (Isensee et al. 2021; the residual form: 2024, arXiv:2404.09556) -------

class NnConv(nn.Module):
    def __init__(self, n_in, n_out, kernel=3, stride=1, bias=True, activation=True):
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=bias)
        self.norm = nn.InstanceNorm2d(n_out, eps=1e-5, affine=True)
        self.activates = activation

    def forward(self, x):
        x = self.norm(self.conv(x))
        return F.leaky_relu(x, 0.01) if self.activates else x


class NnStack(nn.Module):
    def __init__(self, n_in, n_out, count, stride=1):
        super().__init__()
        self.convs = nn.Sequential(*(NnConv(n_out if i else n_in, n_out, stride=1 if i else stride)
                                     for i in range(count)))

    def forward(self, x):
        return self.convs(x)


class NnResidual(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = NnConv(n_in, n_out, stride=stride)
        self.conv2 = NnConv(n_out, n_out, activation=False)
        self.skip = nn.Sequential(
            *([nn.AvgPool2d(stride, stride)] if stride != 1 else []),
            *([NnConv(n_in, n_out, 1, bias=False, activation=False)] if n_in != n_out else []))

    def forward(self, x):
        return F.leaky_relu(self.conv2(self.conv1(x)) + self.skip(x), 0.01)


class NnBlocks(nn.Module):
    def __init__(self, n_in, n_out, count, stride):
        super().__init__()
        self.blocks = nn.Sequential(*(NnResidual(n_out if i else n_in, n_out, 1 if i else stride)
                                      for i in range(count)))

    def forward(self, x):
        return self.blocks(x)


class NnEncoder(nn.Module):
    def __init__(self, widths, repeats, residual):
        super().__init__()
        n, stages = 3, []
        if residual:
            self.stem, n = NnStack(3, widths[0], 1), widths[0]
        for i, (width, count) in enumerate(zip(widths, repeats)):
            stride = 2 if i else 1
            stages.append(NnBlocks(n, width, count, stride) if residual
                          else nn.Sequential(NnStack(n, width, count, stride)))
            n = width
        self.stages = nn.Sequential(*stages)

    def forward(self, x):
        x, pyramid = self.stem(x) if hasattr(self, "stem") else x, []
        for stage in self.stages:
            x = stage(x)
            pyramid.append(x)
        return pyramid


class NnDecoder(nn.Module):
    """Without deep supervision: of the segmentation layers only the last."""

    def __init__(self, widths, repeats, classes):
        super().__init__()
        pairs = list(zip(widths[::-1], widths[-2::-1]))
        self.transpconvs = nn.ModuleList(nn.ConvTranspose2d(n, m, 2, stride=2) for n, m in pairs)
        self.stages = nn.ModuleList(NnStack(2 * m, m, count)
                                    for (_, m), count in zip(pairs, repeats))
        self.seg_layers = nn.ModuleDict({str(len(pairs) - 1): nn.Conv2d(widths[0], classes, 1)})

    def forward(self, pyramid):
        x, *skips = pyramid[::-1]
        for up, stage, skip in zip(self.transpconvs, self.stages, skips):
            x = stage(torch.cat([up(x), skip], 1))
        return list(self.seg_layers.values())[0](x)


class NnUNet(nn.Module):
    def __init__(self, channels, most, repeats, decoder_repeats, residual, classes=2):
        super().__init__()
        widths = [min(channels << i, most) for i in range(len(repeats))]
        self.encoder = NnEncoder(widths, repeats, residual)
        self.decoder = NnDecoder(widths, decoder_repeats, classes)
        self.multiple = 1 << len(repeats) - 1

    def forward(self, x):
        down, right = (-n % self.multiple for n in x.shape[2:])
        padded = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
        return centre_crop(self.decoder(self.encoder(padded)), x.shape[2:])


# --- by name ----------------------------------------------------------------------------

CLASSIC = "[model]\ntype=unet\n{model}\n[model.encoder]\ntype=unet-encoder\nchannels=8\n{both}\n" \
          "{encoder}\n[model.decoder]\ntype=unet-decoder\n{both}\n{decoder}\n"
SMP = "[model]\ntype=unet\nhead-kernel-size=3\n[model.encoder]\ntype=resnet-encoder\ndepth=18\n" \
      "[model.decoder]\ntype=unet-smp-decoder\n"
NNUNET = "[model]\ntype=nnunet\n[model.encoder]\ntype=nnunet-encoder\nchannels=8\n" \
         "max-channels=48\n"


def classic(model="", both="", encoder="", decoder=""):
    return CLASSIC.format(model=model, both=both, encoder=encoder, decoder=decoder)


# name: the network, and the groups [model] of its recipe
NETWORKS = {
    "valid": (lambda: UNet(8, padding=0, norm="none"),
              classic("mirror=false", "padding=valid\nnorm=none")),
    "mirrored": (lambda: Mirrored(8, padding=0, norm="none"),
                 classic("", "padding=valid\nnorm=none")),
    "mirrored-batch": (lambda: Mirrored(8, padding=0),
                       classic("mirror=true", "padding=valid")),
    "bilinear": (lambda: UNet(8, up="bilinear"),
                 classic("", "", "narrow-bottom=true", "up=bilinear")),
    "nearest": (lambda: UNet(8, up="nearest"),
                classic("", "", "narrow-bottom=true", "up=nearest")),
    "instance": (lambda: UNet(8, norm="instance", activation=nn.LeakyReLU),
                 classic("", "norm=instance\nactivation=leaky-relu")),
    "smp-bilinear": (lambda: SmpUNet(mode="bilinear"), SMP + "interpolation=bilinear"),
    "smp-identity": (lambda: SmpUNet(norm="none"), SMP + "norm=none"),
    "smp-scse": (lambda: SmpUNet(attention=True), SMP + "attention=scse"),
    "nnunet": (lambda: NnUNet(8, 48, [2] * 6, [2] * 5, False),
               NNUNET + "stages=6\nrepeats=2\n"),
    "nnunet-residual": (lambda: NnUNet(8, 48, [1, 3, 4, 4, 4], [1] * 4, True),
                        NNUNET + "stages=5\nresidual=true\nrepeats=1;3;4\n"
                        "[model.decoder]\ntype=nnunet-decoder\nrepeats=1\n"),
}

# published numbers of parameters: milesial's, 3 bands to 2 classes, base 64
COUNTS = {
    "classic": (lambda: UNet(64), 31037698, classic().replace("channels=8", "channels=64")),
    "bilinear": (lambda: UNet(64, up="bilinear"), 17263042,
                 classic("", "", "narrow-bottom=true", "up=bilinear").replace("channels=8",
                                                                               "channels=64")),
}
