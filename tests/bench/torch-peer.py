#!/usr/bin/env python3
"""PyTorch as one of the programs that bench.py compares; the lines they
exchange are told there.

usage: torch-peer.py NETWORK MODEL INPUT.f32 CHANNELS HEIGHT WIDTH --threads N
       torch-peer.py NETWORK MODEL INPUT.f32 CHANNELS HEIGHT WIDTH --export FILE.onnx

Eager, float32, as most people run it.  MODEL is segkit's file, so that all
have the same weights; INPUT is planar.
"""

import argparse
import pathlib
import sys
import time
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "oracle"))

import numpy as np
import torch

import networks
import safetensors_io
import zoo

NETWORKS = {
    "a": lambda: networks.ClassicUNet(1, 2, channels=64),
    "b": lambda: networks.ClassicUNet(3, 2, channels=32),
    "c": lambda: networks.ResNetUNet(34, 3, 2),
    "d": lambda: zoo.FCDenseNet(56),
}


def load(network, path):
    net = NETWORKS[network]()
    arrays, _ = safetensors_io.read(path)
    names = {name for name in net.state_dict() if not name.endswith(".num_batches_tracked")}
    if names - arrays.keys():
        sys.exit(f"torch-peer.py: {path} lacks {', '.join(sorted(names - arrays.keys()))}")
    net.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()},
                        strict=False)
    return net.eval()


def export(net, x, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of shapes, which the comparison of outputs checks
        torch.onnx.export(net, x, path, opset_version=13, input_names=["x"], output_names=["y"])


def serve(net, x):
    print(f"ready PyTorch {torch.__version__}", flush=True)
    y = None
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        if command == "run":
            y = None        # as a program that goes on to the next image
            start = time.perf_counter()
            y = net(x)
            print(f"{time.perf_counter() - start:.6f}", flush=True)
        elif command == "write":
            y.numpy().tofile(path)
            print("written", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("model")
    parser.add_argument("input")
    parser.add_argument("shape", type=int, nargs=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    net = load(options.network, options.model)
    x = torch.from_numpy(np.fromfile(options.input, np.float32).reshape(1, *options.shape))
    if options.export:
        export(net, x, options.export)
    else:
        with torch.inference_mode():
            serve(net, x)


if __name__ == "__main__":
    main()
