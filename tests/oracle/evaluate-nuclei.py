#!/usr/bin/env python3
"""Measures the nuclei model on the held-out images, each whole and at full size, for each kind of
microscopy: what the program segment answers, against the masks, counted by numpy.

    evaluate-nuclei.py [--segment build/apps/segment] [--model MODEL] [--data DIR]"""

import argparse
import os
import pathlib
import subprocess
import tempfile

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("SEGKIT_TEST_DATA", ROOT.parent / "shared/data"))


def kind(path):
    """fluo, color or bf: the file names end in it."""
    return path.stem.split("_")[-1]


def read_mask(path):
    """The classes of an image's pixels, given the image's path."""
    return (np.asarray(Image.open(path.parent.parent / "mask" / path.name)) > 127).astype(np.uint8)


def segment(program, model, path):
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "labels.png"
        subprocess.run([program, "-m", model, "-o", output, path], check=True)
        return np.array(Image.open(output))


def confusion(truth, labels):
    """How many pixels of each true class (row) got each label (column)."""
    if labels.shape != truth.shape or labels.max() > 1:
        raise SystemExit(f"not a label map: {labels.shape}, up to {labels.max()}, "
                         f"where the image is {truth.shape}")
    return np.bincount((2 * truth.astype(int) + labels).ravel(), minlength=4).reshape(2, 2)


def iou(c):
    """Intersection over union of each class; 1 where a class is in neither."""
    inside, union = np.diag(c), c.sum(0) + c.sum(1) - np.diag(c)
    return np.where(union, inside / np.maximum(union, 1), 1.0)


def dice(c):
    return 2 * iou(c) / (1 + iou(c))


def report(title, confusions):
    pooled = sum(confusions)
    print(f"{title:8} {len(confusions):6} {np.mean([iou(c)[1] for c in confusions]):13.4f} "
          f"{iou(pooled).mean():12.4f} {dice(pooled)[1]:11.4f} "
          f"{np.mean([dice(c)[1] for c in confusions]):12.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--segment", default=ROOT / "build/apps/segment")
    parser.add_argument("--model", default=ROOT / "data/models/nuclei.safetensors")
    parser.add_argument("--data", type=pathlib.Path, default=DATA / "dsb2018-nuclei")
    args = parser.parse_args()

    held_out = sorted((args.data / "image").iterdir())[::5]
    results = [(kind(path), confusion(read_mask(path), segment(args.segment, args.model, path)))
               for path in held_out]
    print("kind     images  IoU per image  pooled mIoU  pooled Dice  Dice per image")
    for name in sorted({name for name, _ in results}):
        report(name, [c for k, c in results if k == name])
    report("all", [c for _, c in results])


if __name__ == "__main__":
    main()
