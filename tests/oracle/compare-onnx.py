#!/usr/bin/env python3
"""Moves the weights of two networks of other authors over from ONNX files, and
compares what segkit makes of images with what is stored beside them.

usage: compare-onnx.py LOGITS PLUGINS

LOGITS is called as in compare-live.py; PLUGINS is the folder of the portrait
network's plugin.  The data is no part of the project: see README.md of the
test data.  Prints TAP.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from PIL import Image
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

import onnx_io
import safetensors_io

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("SEGKIT_TEST_DATA", ROOT.parent / "shared" / "data")) / "onnx"
TOLERANCE = 1e-4    # of the largest output

RECIPE = """\
[segkit]
format=1
[input]
channels={bands}
[classes]
names=background;foreground
"""

# as most U-Nets: two convolutions on each level, normalisation folded into them
CLASSIC = RECIPE.format(bands=1) + """\
[model]
type=unet
classes=1
[model.encoder]
type=unet-encoder
channels=16
depth=2
norm=none
[model.decoder]
type=unet-decoder
norm=none
"""

PORTRAIT = RECIPE.format(bands=3) + """\
[model]
type=test-portrait
"""


def classic(path):
    """The network's own names say what is what."""
    _, theirs = onnx_io.read(path)
    modules = {"final_conv": "segmentation_head.0"}
    for number, name in (("0", "encoder1"), ("1", "encoder2"), ("2", "bottleneck")):
        modules[f"{name}.0"] = f"encoder.blocks.{number}.conv1.0"
        modules[f"{name}.2"] = f"encoder.blocks.{number}.conv2.0"
    for number, level in (("0", "2"), ("1", "1")):
        modules[f"upconv{level}"] = f"decoder.blocks.{number}.up"
        modules[f"decoder{level}.0"] = f"decoder.blocks.{number}.conv1.0"
        modules[f"decoder{level}.2"] = f"decoder.blocks.{number}.conv2.0"

    ours = {}
    for name, array in theirs.items():
        module, kind = name.rsplit(".", 1)
        ours[f"{modules[module]}.{kind}"] = array
        if module in ("decoder1.0", "decoder2.0") and kind == "weight":
            # they join [upsampled, skip], ours [skip, upsampled]
            ours[f"{modules[module]}.weight"] = np.roll(array, array.shape[1] // 2, 1)
    return ours


def portrait_names():
    """The convolutions of portrait.c in the order of computing."""
    def units(level, n):
        return [f"{level}.{i}.{kind}{j}" for i in range(n) for j in (1, 2)
                for kind in ("each", "between")]

    names = []
    for level, n in enumerate((1, 1, 1, 2, 6)):
        names += [f"encoder.{level}.conv"] + units(f"encoder.{level}", n)
    for level in (3, 2, 1, 0):
        names += [f"decoder.{level}.conv"] + units(f"decoder.{level}", 3)
    return names + ["head"]


def portrait(path):
    nodes, theirs = onnx_io.read(path)
    convolutions = [inputs for operator, inputs in nodes if operator.startswith("Conv")]
    ours = {}
    for name, (_, *tensors) in zip(portrait_names(), convolutions, strict=True):
        for kind, tensor in zip(("weight", "bias"), tensors):
            ours[f"{name}.{kind}"] = theirs[tensor]
    return ours


def luma(path):
    rgb = np.array(Image.open(path).convert("RGB"), np.float32)
    return (rgb @ np.array([0.299, 0.587, 0.114], np.float32) / np.float32(255))[None]


def colours(path):
    rgb = np.array(Image.open(path).convert("RGB"), np.float32)
    return np.ascontiguousarray(rgb.transpose(2, 0, 1)) / np.float32(255)


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


NETWORKS = [
    ("sed-unet", "unet.onnx", CLASSIC, classic, luma, lambda y: y,
     "_expected.npy", "_input.png"),
    ("prisma-portrait", "prisma_nchw.onnx", PORTRAIT, portrait, colours, sigmoid,
     "_prob.npy", "_input256.png"),
]


def outputs(program, plugins, model, x):
    source, result = model.parent / "x.f32", model.parent / "y.f32"
    x.tofile(source)
    run = subprocess.run([program, model, source, *map(str, x.shape), result],
                         capture_output=True, text=True,
                         env=os.environ | {"SEGKIT_PLUGIN_PATH": str(plugins)})
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    return np.fromfile(result, np.float32).reshape(x.shape[1:])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, plugins = (pathlib.Path(path).resolve() for path in sys.argv[1:])
    if not DATA.is_dir():
        print(f"1..0 # SKIP {DATA} is not there")
        return 0
    tests = [(network, stored) for network in NETWORKS
             for stored in sorted((DATA / network[0]).glob("*" + network[6]))]
    print(f"1..{len(tests)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        model = pathlib.Path(folder) / "m.safetensors"
        for i, (network, stored) in enumerate(tests, 1):
            name, file, recipe, move, read, finish, suffix, image_suffix = network
            image = stored.name[:-len(suffix)] + image_suffix
            label = f"{i} - {name} {image}"
            try:
                safetensors_io.write(model, move(DATA / name / file),
                                     {"format": "pt", "segkit.recipe": recipe})
                y = finish(outputs(program, plugins, model, read(stored.parent / image)))
                expected = np.load(stored)
                error = np.abs(y - expected).max() / np.abs(expected).max()
                good = error <= TOLERANCE       # false for NaN
                print(f"{'ok' if good else 'not ok'} {label} "
                      f"(max error {error:.1e} of the largest output)", flush=True)
            except Exception as error:      # a broken file is a failed test, too
                good = False
                print(f"not ok {label}")
                for line in f"{type(error).__name__}: {error}".splitlines():
                    print(f"# {line}", flush=True)
            failed += not good
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
