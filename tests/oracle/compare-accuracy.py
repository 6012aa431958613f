#!/usr/bin/env python3
"""How far segkit's logits are from exact ones: the networks of the bench, against PyTorch in
double precision.

usage: compare-accuracy.py PROGRAM SEGCONVERT

PROGRAM is called as in compare-live.py.  Every instruction level that the processor has is tried:
each chooses kernels of its own.  Prints TAP.
"""

import importlib.util
import os
import pathlib
import re
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

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
MODELS = ["a", "b", "c", "d"]
LEVELS = ["base", "x86-64-v3", "x86-64-v4"]
SIZE = 128, 160
TOLERANCE = 2e-5    # ‖y − r‖ / ‖r‖


def torch_peer():
    """The bench's own networks, under the names that the bench gives them."""
    spec = importlib.util.spec_from_file_location("torch_peer", BENCH / "torch-peer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def processor_levels():
    flags = set(re.search(r"^flags\s*:(.*)", pathlib.Path("/proc/cpuinfo").read_text(), re.M)[1].split())
    return [level for level in LEVELS
            if level == "base" or level == "x86-64-v3" and {"avx2", "fma", "bmi2"} <= flags
            or level == "x86-64-v4" and {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags]


def main():
    program, segconvert = sys.argv[1:3]
    peer = torch_peer()
    levels = processor_levels()
    print(f"1..{len(MODELS) * len(levels)}")
    number = 0
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model, source, target = (folder / name for name in
                                 ("model.safetensors", "input.f32", "output.f32"))
        for name in MODELS:
            recipe = BENCH / "models" / f"{name}.recipe"
            channels = int(re.search(r"^channels=(\d+)", recipe.read_text(), re.M)[1])
            subprocess.run([segconvert, "--recipe", recipe, model], check=True)
            x = np.random.default_rng(1).uniform(-1, 1, (1, channels, *SIZE)).astype(np.float32)
            x.tofile(source)
            with torch.inference_mode():
                exact = peer.load(name, model).double()(torch.from_numpy(x).double()).numpy()
            for level in levels:
                number += 1
                subprocess.run([program, model, source, str(channels), *map(str, SIZE), target],
                               check=True, env={**os.environ, "SEGKIT_CPU": level})
                y = np.fromfile(target, np.float32).astype(np.float64).reshape(exact.shape)
                error = np.linalg.norm(y - exact) / np.linalg.norm(exact)
                good = error <= TOLERANCE
                failed = failed or not good
                print(f"{'ok' if good else 'not ok'} {number} {name} {level}: {error:.1e}",
                      flush=True)
    return failed


if __name__ == "__main__":
    torch.set_num_threads(2)
    sys.exit(main())
