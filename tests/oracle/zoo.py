"""The zoo in PyTorch: encoders of torchvision in U-Nets of the smp form, the
pre-activation ResNet, and FC-DenseNet.

Where torchvision has a network it is torchvision's own, so that names and
shapes are compared with the source of the ecosystem and not with a copy of it.
The others are written from the papers; the names of their attributes are
segkit's.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import densenet, resnet

from networks import SmpDecoder

DECODER_CHANNELS = [256, 128, 64, 32, 16]


class SmpUNet(nn.Module):
    def __init__(self, encoder, channels, classes=2):
        super().__init__()
        self.encoder = encoder
        self.decoder = SmpDecoder(channels, DECODER_CHANNELS)
        self.segmentation_head = nn.Sequential(nn.Conv2d(16, classes, 3, padding=1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x), x.shape[2:]))


# --- residual networks ---------------------------------------------------------

class ResNetEncoder(nn.Module):
    """torchvision's ResNet, of any kind, without classifier."""

    def __init__(self, name):
        super().__init__()
        for key, module in getattr(resnet, name)(weights=None).named_children():
            if key not in ("avgpool", "fc"):
                self.add_module(key, module)

    def forward(self, x):
        pyramid = [F.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(pyramid[-1])
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            pyramid.append(x)
        return pyramid


class PreActivationUnit(nn.Module):
    """He et al. 2016, arXiv:1603.05027: convs is a list of (channels, kernel,
    stride); BN-ReLU before each, the input added, nothing after the sum."""

    def __init__(self, n_in, convs):
        super().__init__()
        n_out, stride = convs[-1][0], 1
        self.n_convs = len(convs)
        for i, (channels, kernel, step) in enumerate(convs, 1):
            n = n_in if i == 1 else convs[i - 2][0]
            self.add_module(f"bn{i}", nn.BatchNorm2d(n))
            self.add_module(f"conv{i}", nn.Conv2d(n, channels, kernel, stride=step,
                                                  padding=kernel // 2, bias=False))
            stride *= step
        if stride != 1 or n_in != n_out:
            self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False))
        else:
            self.downsample = None

    def forward(self, x):
        y = F.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.conv1(y)
        for i in range(2, self.n_convs + 1):
            y = getattr(self, f"conv{i}")(F.relu(getattr(self, f"bn{i}")(y)))
        return shortcut + y


class PreActivationEncoder(nn.Module):
    def __init__(self, depth):
        super().__init__()
        blocks = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}[depth]
        bottleneck = depth >= 50
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        n = 64
        for layer, count in enumerate(blocks):
            units = []
            for i in range(count):
                width, stride = 64 << layer, 2 if layer and i == 0 else 1
                convs = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)] if bottleneck \
                    else [(width, 3, stride), (width, 3, 1)]
                units.append(PreActivationUnit(n, convs))
                n = convs[-1][0]
            self.add_module(f"layer{layer + 1}", nn.Sequential(*units))
            self.add_module(f"bn{layer + 2}", nn.BatchNorm2d(n))

    def forward(self, x):
        x = self.conv1(x)
        pyramid = [F.relu(self.bn1(x))]
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for i in range(1, 5):
            x = getattr(self, f"layer{i}")(x)
            pyramid.append(F.relu(getattr(self, f"bn{i + 1}")(x)))
        return pyramid


# --- DenseNet ------------------------------------------------------------------

class DenseNetEncoder(nn.Module):
    """torchvision's DenseNet without classifier, with smp's skips: transitions
    are left after their ReLU, and the last normalisation has none."""

    def __init__(self, name):
        super().__init__()
        self.features = getattr(densenet, name)(weights=None).features

    def forward(self, x):
        pyramid = []
        for name, module in self.features.named_children():
            if name.startswith("transition"):
                x = module.relu(module.norm(x))
                pyramid.append(x)
                x = module.pool(module.conv(x))
            else:
                x = module(x)
                if name in ("relu0", "norm5"):
                    # the modules after it work in place
                    pyramid.append(x.clone())
        return pyramid


# --- FC-DenseNet (Jegou et al. 2017, arXiv:1611.09326) ---------------------------

class DenseLayer(nn.Module):
    def __init__(self, n_in, growth):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(n_in)
        self.conv1 = nn.Conv2d(n_in, growth, 3, padding=1)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return self.dropout(self.conv1(F.relu(self.norm1(x))))


class DenseBlock(nn.Module):
    """Gives all maps, and the new ones alone."""

    def __init__(self, n_in, n_layers, growth):
        super().__init__()
        for i in range(n_layers):
            self.add_module(f"denselayer{i + 1}", DenseLayer(n_in + i * growth, growth))

    def forward(self, x):
        maps = [x]
        for layer in self.children():
            maps.append(layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1), torch.cat(maps[1:], 1)


class TransitionDown(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.norm = nn.BatchNorm2d(n)
        self.conv = nn.Conv2d(n, n, 1)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        return F.max_pool2d(self.dropout(self.conv(F.relu(self.norm(x)))), 2)


class FCDenseNetEncoder(nn.Module):
    def __init__(self, n_layers, growth):
        super().__init__()
        n = 48
        self.conv0 = nn.Conv2d(3, n, 3, padding=1)
        self.n_blocks, self.channels = len(n_layers), []
        for i, count in enumerate(n_layers, 1):
            self.add_module(f"denseblock{i}", DenseBlock(n, count, growth))
            n += count * growth
            self.channels.append(n)
            if i < self.n_blocks:
                self.add_module(f"transition{i}", TransitionDown(n))
        self.channels[-1] = count * growth

    def forward(self, x):
        x, pyramid = self.conv0(x), []
        for i in range(1, self.n_blocks + 1):
            both, new = getattr(self, f"denseblock{i}")(x)
            if i == self.n_blocks:
                return pyramid + [new]
            pyramid.append(both)
            x = getattr(self, f"transition{i}")(both)


class FCDenseNetLevel(nn.Module):
    def __init__(self, n_in, n_skip, n_layers, growth):
        super().__init__()
        self.up = nn.ConvTranspose2d(n_in, n_in, 3, stride=2)
        self.denseblock = DenseBlock(n_in + n_skip, n_layers, growth)

    def forward(self, x, skip):
        x, (height, width) = self.up(x), skip.shape[2:]
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        x = x[:, :, top:top + height, left:left + width]
        return self.denseblock(torch.cat([x, skip], 1))


class FCDenseNetDecoder(nn.Module):
    def __init__(self, channels, n_layers, growth):
        super().__init__()
        n, *skips = channels[::-1]
        self.blocks = nn.ModuleList()
        for n_skip, count in zip(skips, n_layers):
            self.blocks.append(FCDenseNetLevel(n, n_skip, count, growth))
            n, self.n_out = count * growth, n + n_skip + count * growth

    def forward(self, pyramid):
        new, *skips = pyramid[::-1]
        for block, skip in zip(self.blocks, skips):
            both, new = block(new, skip)
        return both


class FCDenseNet(nn.Module):
    FORMS = {
        56: ([4] * 6, 12),
        67: ([5] * 6, 16),
        103: ([4, 5, 7, 10, 12, 15], 16),
    }

    def __init__(self, depth, classes=2):
        super().__init__()
        n_layers, growth = self.FORMS[depth]
        self.encoder = FCDenseNetEncoder(n_layers, growth)
        self.decoder = FCDenseNetDecoder(self.encoder.channels, n_layers[-2::-1], growth)
        self.segmentation_head = nn.Sequential(nn.Conv2d(self.decoder.n_out, classes, 1))

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x)))


# --- by name ---------------------------------------------------------------------

RESNET_CHANNELS = [64, 256, 512, 1024, 2048]

# name: the network, and the group [model] and those below it of its recipe
SMP = "type=unet\nclasses=2\nhead-kernel-size=3\n" \
      "[model.decoder]\ntype=unet-smp-decoder\n[model.encoder]\n"
NETWORKS = {
    "resnet50": (lambda: SmpUNet(ResNetEncoder("resnet50"), RESNET_CHANNELS),
                 SMP + "type=resnet-encoder\ndepth=50"),
    "resnext50_32x4d": (lambda: SmpUNet(ResNetEncoder("resnext50_32x4d"), RESNET_CHANNELS),
                        SMP + "type=resnet-encoder\ndepth=50\ngroups=32\nwidth-per-group=4"),
    "preact18": (lambda: SmpUNet(PreActivationEncoder(18), [64, 64, 128, 256, 512]),
                 SMP + "type=resnet-encoder\ndepth=18\npre-activation=true"),
    "preact50": (lambda: SmpUNet(PreActivationEncoder(50), RESNET_CHANNELS),
                 SMP + "type=resnet-encoder\ndepth=50\npre-activation=true"),
    "densenet121": (lambda: SmpUNet(DenseNetEncoder("densenet121"), [64, 256, 512, 1024, 1024]),
                    SMP + "type=densenet-encoder\ndepth=121"),
    "fc-densenet56": (lambda: FCDenseNet(56), "type=fc-densenet\nclasses=2\ndepth=56"),
    "fc-densenet67": (lambda: FCDenseNet(67), "type=fc-densenet\nclasses=2\ndepth=67"),
    "fc-densenet103": (lambda: FCDenseNet(103), "type=fc-densenet\nclasses=2\ndepth=103"),
}

# encoders alone, whose names and shapes are compared but whose weights would be many:
# torchvision's name: the group [model]
ENCODERS = {
    "resnet18": "type=resnet-encoder\ndepth=18",
    "resnet34": "type=resnet-encoder\ndepth=34",
    "resnet50": "type=resnet-encoder\ndepth=50",
    "resnet101": "type=resnet-encoder\ndepth=101",
    "resnet152": "type=resnet-encoder\ndepth=152",
    "resnext50_32x4d": "type=resnet-encoder\ndepth=50\ngroups=32\nwidth-per-group=4",
    "resnext101_32x8d": "type=resnet-encoder\ndepth=101\ngroups=32\nwidth-per-group=8",
    "wide_resnet50_2": "type=resnet-encoder\ndepth=50\nwidth-per-group=128",
    "wide_resnet101_2": "type=resnet-encoder\ndepth=101\nwidth-per-group=128",
    "densenet121": "type=densenet-encoder\ndepth=121",
    "densenet161": "type=densenet-encoder\ndepth=161",
    "densenet169": "type=densenet-encoder\ndepth=169",
    "densenet201": "type=densenet-encoder\ndepth=201",
}


def network(name):
    return NETWORKS[name][0]()
