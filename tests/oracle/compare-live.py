#!/usr/bin/env python3
"""Runs PyTorch and segkit side by side on the same network and image.

usage: compare-live.py PROGRAM

PROGRAM is called as PROGRAM MODEL INPUT.f32 C H W OUTPUT.f32 on raw planar
float32 and computes the whole image.  Prints TAP.
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    import torchvision  # noqa: F401
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

import fill
import safetensors_io

SEED, CHANNELS, CLASSES = 1, 16, 2
SIZES = [(64, 64), (256, 256), (333, 517)]
TOLERANCE = 1e-4    # of the largest logit

RECIPE = """\
[segkit]
format=1

[input]
channels=3
mean=0;0;0
std=1;1;1

[classes]
names=a;b

[model]
type=unet
classes=2
head-kernel-size={head}

[model.encoder]
{encoder}

[model.decoder]
type={decoder}
"""


def recipe(name):
    if name == "classic":
        encoder = f"type=unet-encoder\nchannels={CHANNELS}\ndepth=4"
        return RECIPE.format(head=1, encoder=encoder, decoder="unet-decoder")
    encoder = f"type=resnet-encoder\ndepth={name[len('resnet'):]}"
    return RECIPE.format(head=3, encoder=encoder, decoder="unet-smp-decoder")


def segkit(program, model, x, folder):
    """The logits of the program, or None with its complaint printed."""
    source, result = folder / "input.f32", folder / "output.f32"
    result.unlink(missing_ok=True)
    x.tofile(source)
    shape = [str(n) for n in x.shape]
    run = subprocess.run([program, model, source, *shape, result],
                         capture_output=True, text=True)
    if run.returncode == 0 and result.exists():
        y = np.fromfile(result, np.float32)
        if y.size == CLASSES * x[0].size:
            return y.reshape(CLASSES, *x.shape[1:])
        print(f"# {y.size} numbers came back")
    for line in run.stderr.splitlines() + [f"exit status {run.returncode}"]:
        print(f"# {line}")
    return None


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]).resolve()
    names = ("classic", "resnet18", "resnet34")
    print(f"1..{len(names) * len(SIZES)}")
    test = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in names:
            net, arrays = fill.network(name, CHANNELS, SEED)
            model = folder / f"{name}.safetensors"
            safetensors_io.write(model, arrays,
                                 {"format": "pt", "segkit.recipe": recipe(name)})
            for height, width in SIZES:
                test += 1
                label = f"{test} - {name} {height}x{width}"
                x = fill.image((3, height, width), SEED)
                actual = segkit(program, model, x, folder)
                if actual is None:
                    print(f"not ok {label} (no logits)", flush=True)
                    failed += 1
                    continue
                with torch.no_grad():
                    expected = net(torch.from_numpy(x)[None])[0].numpy()
                error = np.abs(actual - expected).max() / np.abs(expected).max()
                good = error <= TOLERANCE       # false for NaN
                failed += not good
                print(f"{'ok' if good else 'not ok'} {label} "
                      f"(max error {error:.1e} of largest logit)", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
