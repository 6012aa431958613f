#!/usr/bin/env python3
"""Compares the forms of the U-Net in unets.py with PyTorch: names and shapes
of their parameters, published counts of them, logits on the same image, and
the same logits again by tiles and by bands, bit for bit.

usage: compare-unets.py LOGITS PARAMETERS

The programs are logits.c and parameters.c.  Prints TAP.
"""

import importlib
import math
import pathlib
import subprocess
import sys
import tempfile

live = importlib.import_module("compare-live")      # leaves where there is no PyTorch

import numpy as np
import torch

import fill
import safetensors_io
import unets

# without a mirror the size of the paper's figure, and one that no pooling halves evenly
SIZES = {"valid": [(572, 572), (333, 517)]}
SEAMS = (389, 517)
WAYS = [["--tile=200"], ["--bands=16"], ["--bands=100", "--threads=2"]]

HEAD = "[segkit]\nformat=1\n[input]\nchannels=3\nmean=0;0;0\nstd=1;1;1\n[classes]\nnames=a;b\n"


def run(program, *arguments):
    """Standard output, or None with the complaint printed."""
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode == 0:
        return done.stdout
    for line in done.stderr.splitlines() + [f"exit status {done.returncode}"]:
        print(f"# {line}")
    return None


def same_shapes(program, recipe, net, folder):
    """Names and shapes, and how many numbers they are."""
    path = folder / "recipe"
    path.write_text(HEAD + recipe)
    lines = [line.split() for line in (run(program, path) or "").splitlines()]
    ours = {name: tuple(int(size) for size in sizes) for name, *sizes in lines}
    theirs = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            print(f"# {name}: {ours.get(name)}, in PyTorch {theirs.get(name)}")
    state = ("running_mean", "running_var", "num_batches_tracked")
    return ours == theirs, sum(math.prod(sizes) for name, sizes in ours.items()
                               if not name.endswith(state))


def filled(name, folder):
    """The network with numbers of fill.py, and the model file of the same."""
    make, recipe = unets.NETWORKS[name]
    net = make().eval()
    arrays = {key: fill.gated_parameter(key, tuple(value.shape), live.SEED)
              for key, value in net.state_dict().items()}
    net.load_state_dict({key: torch.from_numpy(a) for key, a in arrays.items()})
    model = folder / f"{name}.safetensors"
    safetensors_io.write(model, arrays, {"format": "pt", "segkit.recipe": HEAD + recipe})
    return net, model


def logits(program, model, x, folder, options=()):
    """The bytes that the program makes of the image."""
    source, result = folder / "input.f32", folder / "output.f32"
    x.tofile(source)
    ran = run(program, *options, model, source, *map(str, x.shape), result)
    return result.read_bytes() if ran is not None else b""


def same_logits(program, net, model, size, folder):
    x = fill.image((3, *size), live.SEED)
    with torch.no_grad():
        expected = net(torch.from_numpy(x)[None])[0].numpy()
    actual = np.frombuffer(logits(program, model, x, folder), np.float32)
    if actual.size != expected.size:
        print(f"# {actual.size} numbers came back, not {expected.shape}")
        return False
    error = np.abs(actual.reshape(expected.shape) - expected).max() / np.abs(expected).max()
    print(f"# {'x'.join(map(str, expected.shape))}, largest error {error:.1e} of the largest logit")
    return error <= live.TOLERANCE      # false for NaN


def no_seams(program, model, folder):
    x = fill.image((3, *SEAMS), live.SEED)
    whole = logits(program, model, x, folder)
    good = len(whole) > 0
    for way in WAYS:
        if logits(program, model, x, folder, way) != whole:
            print(f"# other bits with {' '.join(way)}")
            good = False
    return good


def cases(program, parameters, folder):
    """(label, good) of each test."""
    for name, (make, count, recipe) in unets.COUNTS.items():
        same, ours = same_shapes(parameters, recipe, make(), folder)
        yield f"{name} has {count} parameters, not {ours}" if ours != count \
            else f"{name} has {count} parameters", same and ours == count
    for name, (make, recipe) in unets.NETWORKS.items():
        yield f"names of {name}", same_shapes(parameters, recipe, make(), folder)[0]
        net, model = filled(name, folder)
        for size in SIZES.get(name, live.SIZES):
            yield f"{name} {size[0]}x{size[1]}", same_logits(program, net, model, size, folder)
        yield f"{name} {SEAMS[0]}x{SEAMS[1]} has no seams", no_seams(program, model, folder)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    programs = [pathlib.Path(path).resolve() for path in sys.argv[1:]]
    n = len(unets.COUNTS) + sum(2 + len(SIZES.get(name, live.SIZES)) for name in unets.NETWORKS)
    failed = 0
    print(f"1..{n}")
    with tempfile.TemporaryDirectory() as folder:
        for test, (label, good) in enumerate(cases(*programs, pathlib.Path(folder)), 1):
            failed += not good
            print(f"{'ok' if good else 'not ok'} {test} - {label}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
