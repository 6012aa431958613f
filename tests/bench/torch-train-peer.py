#!/usr/bin/env python3
"""PyTorch training, as one of the programs that bench.py compares; the lines
they exchange are told there.

usage: torch-train-peer.py NETWORK MODEL INPUT.f32 TARGETS.u16 BATCH CHANNELS HEIGHT WIDTH
       --threads N

Eager, float32, as most people train.  MODEL is segkit's file, so that both
have the same weights.
"""

import argparse
import importlib
import sys
import time

import numpy as np
import torch

peer = importlib.import_module("torch-peer")

RATE = 1e-3


def serve(net, x, y):
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    criterion = torch.nn.CrossEntropyLoss()
    loss = None
    print(f"ready PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        if line.strip() == "run":
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(net(x), y)
            loss.backward()
            optimizer.step()
            print(f"{time.perf_counter() - start:.6f}", flush=True)
        elif line.strip() == "loss":
            print(f"{loss.item():.9g}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=peer.NETWORKS)
    parser.add_argument("model")
    parser.add_argument("input")
    parser.add_argument("targets")
    parser.add_argument("shape", type=int, nargs=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    n, c, h, w = options.shape
    net = peer.load(options.network, options.model).train()
    x = torch.from_numpy(np.fromfile(options.input, np.float32).reshape(n, c, h, w))
    y = torch.from_numpy(np.fromfile(options.targets, np.uint16).astype(np.int64)
                         .reshape(n, h, w))
    serve(net, x, y)


if __name__ == "__main__":
    main()
