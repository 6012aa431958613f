#!/usr/bin/env python3
"""Writes golden/: the logits of networks and images made by fill.py, computed
in float64, so that C is tested against PyTorch where there is no PyTorch."""

import pathlib

import torch

import fill
import safetensors_io

GOLDEN = pathlib.Path(__file__).parent / "golden"
CHANNELS = 8    # of the classic network
SEED = 1
SIZES = [(64, 64), (75, 53)]    # height, width: a stride's multiple, and odd at every level

GOLDEN.mkdir(exist_ok=True)
for name in ("classic", "resnet18", "resnet34"):
    net, _ = fill.network(name, CHANNELS, SEED)
    net.double()
    for height, width in SIZES:
        x = torch.from_numpy(fill.image((3, height, width), SEED)).double()
        with torch.no_grad():
            logits = net(x[None])[0].float().numpy()
        size = f"{height}x{width}"
        metadata = {"network": name, "size": size, "seed": str(SEED)}
        if name == "classic":
            metadata["channels"] = str(CHANNELS)
        safetensors_io.write(GOLDEN / f"{name}-{size}.safetensors",
                             {"logits": logits}, metadata)
        print(f"{name} {size}: logits {logits.min():.3g} ... {logits.max():.3g}")
