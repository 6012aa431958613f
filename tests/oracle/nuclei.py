"""What training and evaluating the shipped nuclei model have in common: the
recipe, the data, which images are held out and how pixels become numbers."""

import os
import pathlib

import numpy as np
import torch
from PIL import Image

import safetensors_io
from networks import ClassicUNet

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "data/models/nuclei.safetensors"
DATA = pathlib.Path(os.environ.get("SEGKIT_TEST_DATA", ROOT.parent / "shared/data"))
NUCLEI = DATA / "dsb2018-nuclei"
MEAN, STD = 0.5, 0.25
CLASSES = ["background", "nucleus"]

RECIPE = f"""\
[segkit]
format=1

[input]
channels=3
mean={MEAN};{MEAN};{MEAN}
std={STD};{STD};{STD}

[classes]
names=background;nucleus
colors=#000000;#e8306a

[model]
type=unet
classes=2
head-kernel-size=1

[model.encoder]
type=unet-encoder
channels=16
depth=4

[model.decoder]
type=unet-decoder
"""


def network():
    return ClassicUNet(3, len(CLASSES), channels=16, depth=4)


def save(path, net, trained):
    """Writes a complete segkit model file, whole or not at all: a reader may
    be trying the checkpoint while training goes on."""
    tensors = {name: value.numpy() for name, value in net.state_dict().items()}
    metadata = {"format": "pt", "segkit.recipe": RECIPE, "segkit.trained": trained}
    partial = f"{path}.partial"
    safetensors_io.write(partial, tensors, metadata)
    os.replace(partial, path)


def load(path):
    tensors, _ = safetensors_io.read(path)
    net = network()
    net.load_state_dict({name: torch.tensor(value) for name, value in tensors.items()})
    return net.eval()


def split(folder):
    """Every fifth image, in the order of the names, is held out."""
    paths = sorted((pathlib.Path(folder) / "image").iterdir())
    return [p for i, p in enumerate(paths) if i % 5], paths[::5]


def kind(path):
    """fluo, color or bf: the file names end in it."""
    return path.stem.split("_")[-1]


def read_image(path):
    """Height x width x 3 bytes; a grey image becomes three equal bands."""
    return np.asarray(Image.open(path).convert("RGB"))


def read_mask(path):
    """The classes of an image's pixels, given the image's path."""
    mask = np.asarray(Image.open(path.parent.parent / "mask" / path.name))
    return (mask > 127).astype(np.uint8)


def to_input(image):
    """Bytes (height, width, 3) to what the network reads (3, height, width)."""
    x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()
    return (x / 255 - MEAN) / STD
