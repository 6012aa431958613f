"""The two U-Nets that segkit ships plugins for, in PyTorch, as the oracle.

Written from the papers and from the parameter names of the ecosystem, so that
a state dict of either class is a segkit model file once it has a recipe.  The
names of the attributes below are therefore part of the contract.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet


def conv_unit(n_in, n_out, norm=True):
    """3x3 convolution, batch normalisation, ReLU; with norm the bias would be
    cancelled by the mean, so there is none."""
    conv = nn.Conv2d(n_in, n_out, 3, padding=1, bias=not norm)
    return nn.Sequential(conv, *([nn.BatchNorm2d(n_out)] if norm else []), nn.ReLU())


class DoubleConv(nn.Module):
    def __init__(self, n_in, n_out, norm=True):
        super().__init__()
        self.conv1 = conv_unit(n_in, n_out, norm)
        self.conv2 = conv_unit(n_out, n_out, norm)

    def forward(self, x):
        return self.conv2(self.conv1(x))


# --- the classic U-Net (Ronneberger 2015), with padding and normalisation ------

class ClassicEncoder(nn.Module):
    def __init__(self, in_channels, widths, norm):
        super().__init__()
        self.blocks = nn.ModuleList(
            DoubleConv(n_in, n_out, norm)
            for n_in, n_out in zip([in_channels] + widths, widths))

    def forward(self, x):
        pyramid = []
        for i, block in enumerate(self.blocks):
            x = block(F.max_pool2d(x, 2) if i else x)
            pyramid.append(x)
        return pyramid


class ClassicDecoderBlock(DoubleConv):
    def __init__(self, n_in, n_out, norm):
        super().__init__(2 * n_out, n_out, norm)
        self.up = nn.ConvTranspose2d(n_in, n_out, 2, stride=2)

    def forward(self, x, skip):
        x = self.up(x)
        # pooling dropped the last row of an odd map: grow back to the skip
        down, right = (s - u for s, u in zip(skip.shape[2:], x.shape[2:]))
        x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2))
        return super().forward(torch.cat([skip, x], 1))


class ClassicDecoder(nn.Module):
    def __init__(self, widths, norm):
        super().__init__()
        deepest_first = widths[::-1]
        self.blocks = nn.ModuleList(
            ClassicDecoderBlock(n_in, n_out, norm)
            for n_in, n_out in zip(deepest_first, deepest_first[1:]))

    def forward(self, pyramid):
        x, *skips = pyramid[::-1]
        for block, skip in zip(self.blocks, skips):
            x = block(x, skip)
        return x


class ClassicUNet(nn.Module):
    def __init__(self, in_channels, classes, channels=16, depth=4, norm=True):
        super().__init__()
        widths = [channels << i for i in range(depth + 1)]
        self.encoder = ClassicEncoder(in_channels, widths, norm)
        self.decoder = ClassicDecoder(widths, norm)
        self.segmentation_head = nn.Sequential(nn.Conv2d(channels, classes, 1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x)))


# --- ResNet U-Net as segmentation_models.pytorch wires it ----------------------

class ResNetEncoder(resnet.ResNet):
    """torchvision's own ResNet, for its names and strides, without classifier."""

    def __init__(self, depth, in_channels):
        super().__init__(resnet.BasicBlock, {18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}[depth])
        del self.fc, self.avgpool
        if in_channels != 3:
            self.conv1 = nn.Conv2d(in_channels, 64, 7, stride=2, padding=3, bias=False)

    def forward(self, x):
        pyramid = [F.relu(self.bn1(self.conv1(x)))]
        pyramid.append(self.layer1(self.maxpool(pyramid[-1])))
        for layer in (self.layer2, self.layer3, self.layer4):
            pyramid.append(layer(pyramid[-1]))
        return pyramid


class SmpDecoder(nn.Module):
    def __init__(self, encoder_channels, channels):
        super().__init__()
        deepest, *skips = encoder_channels[::-1]
        self.blocks = nn.ModuleList(
            DoubleConv(n_in + n_skip, n_out)
            for n_in, n_skip, n_out in zip([deepest] + channels, skips + [0], channels))

    def forward(self, pyramid, image_shape):
        x, *skips = pyramid[::-1]
        for block, skip in zip(self.blocks, skips + [None]):
            # the last block has no skip and resizes to the image itself
            shape = image_shape if skip is None else skip.shape[2:]
            x = F.interpolate(x, size=shape, mode="nearest")
            x = block(x if skip is None else torch.cat([x, skip], 1))
        return x


class ResNetUNet(nn.Module):
    def __init__(self, depth, in_channels, classes):
        super().__init__()
        self.encoder = ResNetEncoder(depth, in_channels)
        self.decoder = SmpDecoder([64, 64, 128, 256, 512], [256, 128, 64, 32, 16])
        self.segmentation_head = nn.Sequential(nn.Conv2d(16, classes, 3, padding=1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x), x.shape[2:]))
