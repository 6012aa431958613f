#!/usr/bin/env python3
"""Measures the nuclei model on the held-out images, whole and at full size.

The label maps come from the program segment, from a folder of PNG files of the
images' names (one byte or palette entry for each pixel: the class), or from
the same network in PyTorch.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
from PIL import Image

import nuclei


def with_torch(args):
    import torch
    net = nuclei.load(args.model)

    def labels(path):
        with torch.no_grad():
            return net(nuclei.to_input(nuclei.read_image(path))[None])[0].argmax(0).numpy()
    return labels


def with_segment(args):
    def labels(path):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder) / "labels.png"
            subprocess.run([args.segment, "-m", args.model, "-o", output, path], check=True)
            return np.array(Image.open(output))
    return labels


def with_folder(args):
    return lambda path: np.array(Image.open(args.labels / f"{path.stem}.png"))


def confusion(truth, labels):
    """How many pixels of each true class (row) got each label (column)."""
    n = len(nuclei.CLASSES)
    if labels.shape != truth.shape or labels.max() >= n:
        raise SystemExit(f"not a label map: {labels.shape}, up to {labels.max()}, "
                         f"where the image is {truth.shape}")
    pairs = n * truth.astype(int) + labels
    return np.bincount(pairs.ravel(), minlength=n * n).reshape(n, n)


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
    parser = argparse.ArgumentParser(description=__doc__)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--segment", default=nuclei.ROOT / "build/apps/segment",
                        metavar="PROGRAM", help="run this on each image (the default)")
    source.add_argument("--labels", type=pathlib.Path, metavar="FOLDER")
    source.add_argument("--torch", action="store_true")
    parser.add_argument("--model", default=nuclei.MODEL)
    parser.add_argument("--data", default=nuclei.NUCLEI)
    args = parser.parse_args()

    labels = (with_folder if args.labels else
              with_torch if args.torch else with_segment)(args)
    _, held_out = nuclei.split(args.data)
    results = [(nuclei.kind(path), confusion(nuclei.read_mask(path), labels(path)))
               for path in held_out]

    print("kind     images  IoU per image  pooled mIoU  pooled Dice  Dice per image")
    for kind in sorted({kind for kind, _ in results}):
        report(kind, [c for k, c in results if k == kind])
    report("all", [c for _, c in results])


if __name__ == "__main__":
    main()
