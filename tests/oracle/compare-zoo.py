#!/usr/bin/env python3
"""Compares the zoo with PyTorch: names and shapes of parameters with those of
torchvision, and then logits, side by side on the same image.

usage: compare-zoo.py LOGITS PARAMETERS

The programs are logits.c and parameters.c.  Prints TAP.
"""

import importlib
import pathlib
import subprocess
import sys
import tempfile

live = importlib.import_module("compare-live")      # leaves where there is no PyTorch

import numpy as np
import torch

import fill
import safetensors_io
import zoo

# all sizes for one network of each kind, one size for its relatives
LIVE = [(name, size) for name in ("resnet50", "densenet121", "preact18", "fc-densenet56")
        for size in live.SIZES] \
    + [(name, (75, 53)) for name in ("resnext50_32x4d", "preact50", "fc-densenet103")]

HEAD = "[segkit]\nformat=1\n[input]\nchannels=3\nmean=0;0;0\nstd=1;1;1\n" \
       "[classes]\nnames=a;b\n[model]\n"


def segkit_shapes(program, group, folder):
    """name → shape of what the recipe's network has."""
    path = folder / "recipe"
    path.write_text(HEAD + group)
    run = subprocess.run([program, path], capture_output=True, text=True)
    if run.returncode != 0:
        print(f"# {run.stderr.strip()}")
        return {}
    lines = [line.split() for line in run.stdout.splitlines()]
    return {name: tuple(int(size) for size in sizes) for name, *sizes in lines}


def torch_shapes(net):
    return {name: tuple(value.shape) for name, value in net.state_dict().items()}


def same_shapes(ours, theirs):
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            print(f"# {name}: {ours.get(name)}, in PyTorch {theirs.get(name)}")
    return ours == theirs


def encoder(name):
    kind = zoo.DenseNetEncoder if name.startswith("densenet") else zoo.ResNetEncoder
    return kind(name)


def same_logits(program, net, model, size, folder):
    x = fill.image((3, *size), live.SEED)
    actual = live.segkit(program, model, x, folder)
    if actual is None:
        return False
    with torch.no_grad():
        expected = net(torch.from_numpy(x)[None])[0].numpy()
    error = np.abs(actual - expected).max() / np.abs(expected).max()
    print(f"# largest error {error:.1e} of the largest logit")
    return error <= live.TOLERANCE      # false for NaN


def filled(name, folder):
    """The network with numbers of fill.py, and the model file of the same."""
    net = zoo.network(name).eval()
    arrays = {key: fill.parameter(key, tuple(value.shape), live.SEED)
              for key, value in net.state_dict().items()}
    net.load_state_dict({key: torch.from_numpy(a) for key, a in arrays.items()})
    model = folder / f"{name}.safetensors"
    safetensors_io.write(model, arrays, {"format": "pt",
                                         "segkit.recipe": HEAD + zoo.NETWORKS[name][1]})
    return net, model


def cases(logits, parameters, folder):
    """(label, good) of each test."""
    for name, group in zoo.ENCODERS.items():
        yield f"names of {name}", same_shapes(segkit_shapes(parameters, group, folder),
                                              torch_shapes(encoder(name)))
    for name, (_, group) in zoo.NETWORKS.items():
        yield f"names of U-Net {name}", same_shapes(segkit_shapes(parameters, group, folder),
                                                    torch_shapes(zoo.network(name)))
    previous = None
    for name, size in LIVE:
        if name != previous:
            net, model = filled(name, folder)
            previous = name
        yield f"{name} {size[0]}x{size[1]}", same_logits(logits, net, model, size, folder)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    programs = [pathlib.Path(path).resolve() for path in sys.argv[1:]]
    failed = 0
    print(f"1..{len(zoo.ENCODERS) + len(zoo.NETWORKS) + len(LIVE)}")
    with tempfile.TemporaryDirectory() as folder:
        for test, (label, good) in enumerate(cases(*programs, pathlib.Path(folder)), 1):
            failed += not good
            print(f"{'ok' if good else 'not ok'} {test} - {label}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
