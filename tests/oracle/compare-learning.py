#!/usr/bin/env python3
"""Whether segtrain learns as well as PyTorch: both get the same initial weights, batches in the same
order, loss, optimiser and schedule, without augmentation, and are looked at on the same whole
validation images at the same steps.

    compare-learning.py BUILD_DIR {em,camvid} [--steps 300] [--seeds 1,2,3] [--data DIR] [--csv FILE]

Takes minutes for each seed; PyTorch runs in one thread, because Debian's gives other numbers from
run to run in two. Not part of `make check`."""

import argparse
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

import losses
import safetensors_io
from networks import ClassicUNet, ResNetUNet

COMMON = """\
[segkit]
format=1

[train]
steps={steps}
validate-every={every}
batch=4
accumulate=1
rate=0.001
weight-decay=0
statistics-batches=16
metric={metric}
seed={seed}

[train.loss]
type=dice-ce

[train.optimizer]
type=adam

[train.schedule]
type=cosine

[train.augmentation]
flip-horizontal=false
"""

TASKS = {
    "em": {
        "folder": "isbi2012-em", "metric": "mean-dice", "column": "mean_dice",
        "network": lambda bands, classes: ClassicUNet(bands, classes, channels=16, depth=4),
        "recipe": """
[data]
validation-names=24,25,26,27,28,29

[model]
type=unet
classes=2
head-kernel-size=1

[model.encoder]
type=unet-encoder
channels=16
depth=4

[model.decoder]
type=unet-decoder
""", "crop": "crop=256"},
    "camvid": {
        "folder": "camvid", "metric": "mean-iou", "column": "mean_iou",
        "network": lambda bands, classes: ResNetUNet(18, bands, classes),
        "recipe": """
[data]
ignore=11

[model]
type=unet
classes=11
head-kernel-size=3

[model.encoder]
type=resnet-encoder
depth=18

[model.decoder]
type=unet-smp-decoder
""", "crop": "crop=256\nclass-weights=none"},
}


def read_batches(stream):
    """(images, targets) until the stream ends; what does not count is -1."""
    while shape := stream.read(16):
        n, c, h, w = np.frombuffer(shape, np.uint32).astype(int)
        images = np.frombuffer(stream.read(4 * n * c * h * w), np.float32).reshape(n, c, h, w)
        targets = np.frombuffer(stream.read(2 * n * h * w), np.uint16).reshape(n, h, w)
        targets = np.where(targets == 65535, -1, targets.astype(np.int64))
        yield torch.tensor(images), torch.tensor(targets)


def set_statistics(net, batches):
    """As torch.optim.swa_utils.update_bn does it: the mean over batches."""
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    net.train()
    with torch.no_grad():
        for images, _ in batches:
            net(images)
    for norm in norms:
        norm.momentum = 0.1


def evaluate(net, samples, n_classes):
    """IoU and Dice of each class, over all pixels together."""
    counts = np.zeros((n_classes, n_classes))
    net.eval()
    with torch.no_grad():
        for image, target in samples:
            labels = net(image).argmax(1)
            counted = target >= 0
            pairs = (target[counted] * n_classes + labels[counted]).numpy()
            counts += np.bincount(pairs, minlength=n_classes ** 2).reshape(n_classes, n_classes)
    hit = np.diag(counts)
    both = counts.sum(0) + counts.sum(1)
    with np.errstate(invalid="ignore"):
        return {"mean_iou": np.nanmean(hit / (both - hit)), "mean_dice": np.nanmean(2 * hit / both)}


def train_pytorch(task, tool, data, recipe, steps, every, model):
    with subprocess.Popen([tool, data, recipe], stdout=subprocess.PIPE) as process:
        samples = list(read_batches(process.stdout))
    process = subprocess.Popen([tool, data, recipe, str(steps), model], stdout=subprocess.PIPE)
    batches = read_batches(process.stdout)
    images, targets = next(batches)
    tensors, _ = safetensors_io.read(model)
    n_classes = tensors["segmentation_head.0.bias"].shape[0]
    net = task["network"](images.shape[1], n_classes)
    net.load_state_dict({name: torch.tensor(value) for name, value in tensors.items()})
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    kept, curve = [], {}
    for step in range(1, steps + 1):
        if step > 1:
            images, targets = next(batches)
        if len(kept) < 16:
            kept.append((images, targets))
        net.train()
        logits = net(images)
        loss = losses.cross_entropy(logits, targets, None, None) \
            + losses.dice(logits, targets, None, None)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % every == 0 or step == steps:
            if len(kept) < 16 and step < steps:
                continue
            set_statistics(net, kept)
            curve[step] = evaluate(net, samples, n_classes)[task["column"]]
            print(f"  PyTorch step {step}: {task['column']} {curve[step]:.4f}", flush=True)
    process.wait()
    return curve


def train_segkit(task, segtrain, data, recipe, model):
    subprocess.run([segtrain, "--quiet", "--fresh", "--recipe", recipe, "-o", model, data], check=True)
    with open(model.replace(".safetensors", ".run") + "/log.csv", newline="") as file:
        return {int(row["step"]): float(row[task["column"]]) for row in csv.DictReader(file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build")
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--data", default=os.environ.get(
        "SEGKIT_TEST_DATA", pathlib.Path(__file__).resolve().parents[3] / "shared/data"))
    parser.add_argument("--csv")
    options = parser.parse_args()

    torch.set_num_threads(1)
    task, every = TASKS[options.task], max(options.steps // 6, 1)
    build = pathlib.Path(options.build).resolve()
    data = str(pathlib.Path(options.data) / task["folder"])
    rows, last = [], []
    for seed in map(int, options.seeds.split(",")):
        print(f"seed {seed}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            recipe = f"{folder}/recipe"
            common = COMMON.format(steps=options.steps, every=every, seed=seed, metric=task["metric"])
            pathlib.Path(recipe).write_text(
                common.replace("batch=4", "batch=4\n" + task["crop"]) + task["recipe"])
            ours = train_segkit(task, str(build / "apps/segtrain"), data, recipe,
                                f"{folder}/ours.safetensors")
            theirs = train_pytorch(task, str(build / "tests/oracle/batches"), data, recipe,
                                   options.steps, every, f"{folder}/initial.safetensors")
        for step in sorted(theirs):
            rows.append({"task": options.task, "seed": seed, "step": step, "metric": task["column"],
                         "segkit": ours[step], "pytorch": theirs[step]})
            print(f"  step {step}: segkit {ours[step]:.4f}, PyTorch {theirs[step]:.4f}", flush=True)
        last.append((ours[options.steps], theirs[options.steps]))

    mean = np.mean(last, 0)
    print(f"{options.task}, {task['column']} after {options.steps} steps, mean of {len(last)} seeds: "
          f"segkit {mean[0]:.4f}, PyTorch {mean[1]:.4f}, difference {mean[0] - mean[1]:+.4f}")
    if options.csv:
        with open(options.csv, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    return 0 if mean[0] >= mean[1] - 0.01 else 1


if __name__ == "__main__":
    sys.exit(main())
