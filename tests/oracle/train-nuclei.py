#!/usr/bin/env python3
"""Trains the shipped nuclei model, from nothing but the images and a seed."""

import argparse
import copy
import time

import numpy as np
import torch
import torch.nn.functional as F

import nuclei

CROP = 256


class Sampler:
    """Draws augmented crops.  The kinds of microscopy are far from equally
    frequent; drawing each by the square root of its count lets the rare ones
    (bright field has three images) count without letting them dominate."""

    def __init__(self, paths, seed):
        self.random = np.random.default_rng(seed)
        self.by_kind = {}
        for path in paths:
            sample = nuclei.read_image(path), nuclei.read_mask(path)
            self.by_kind.setdefault(nuclei.kind(path), []).append(sample)
        self.kinds = sorted(self.by_kind)
        weights = np.sqrt([len(self.by_kind[kind]) for kind in self.kinds])
        self.weights = weights / weights.sum()

    def crop(self, image, mask, zoomed):
        """A crop zoomed by 1/2 to 2, flipped and turned by right angles.  What
        a small image lacks for its crop, its mirror image supplies."""
        rnd = self.random
        side = round(CROP * 2 ** rnd.uniform(-1, 1)) if zoomed else CROP
        lack = [max(0, side - n) for n in mask.shape]
        around = [(n // 2, n - n // 2) for n in lack]
        image = np.pad(image, around + [(0, 0)], mode="symmetric")
        mask = np.pad(mask, around, mode="symmetric")
        top, left = (rnd.integers(n - side + 1) for n in mask.shape)
        window = np.s_[top:top + side, left:left + side]
        turns, flip = rnd.integers(4), rnd.integers(2)
        planes = np.dstack([image[window], 255 * mask[window]])
        planes = np.rot90(planes, turns)[:, ::(-1 if flip else 1)]
        x = torch.from_numpy(planes.transpose(2, 0, 1).copy()).float()[None] / 255
        x = F.interpolate(x, size=(CROP, CROP), mode="bilinear", antialias=True)[0]
        return x[:3], (x[3] > 0.5).long()

    def light(self, x):
        """Another exposure: gamma, contrast about the mean, brightness, noise;
        and stain or camera, as small gains of the bands.  Never inverted: dark
        nuclei on a bright ground are another kind, not a variant."""
        rnd = self.random
        if rnd.random() < 0.1:
            x = x.mean(0, keepdim=True).expand(3, -1, -1)
        if not torch.equal(x[0], x[1]):
            x = x * torch.tensor(rnd.uniform(0.9, 1.1, (3, 1, 1)), dtype=torch.float)
        x = x.clamp(0, 1) ** float(np.exp(rnd.uniform(-0.4, 0.4)))
        mean, gain = x.mean(), float(np.exp(rnd.uniform(-0.5, 0.5)))
        x = (x - mean) * gain + mean + rnd.uniform(-0.05, 0.05)
        sigma = rnd.uniform(0, 0.02)
        noise = rnd.standard_normal((1, CROP, CROP), dtype=np.float32)
        return (x + sigma * torch.from_numpy(noise)).clamp(0, 1)

    def batch(self, n, augmented=True):
        images, masks = [], []
        for _ in range(n):
            samples = self.by_kind[self.random.choice(self.kinds, p=self.weights)]
            image, mask = samples[self.random.integers(len(samples))]
            x, y = self.crop(image, mask, augmented)
            x = self.light(x) if augmented else x
            images.append((x - nuclei.MEAN) / nuclei.STD)
            masks.append(y)
        return torch.stack(images), torch.stack(masks)


def loss_of(logits, y):
    """Cross-entropy for each pixel, Dice for the nuclei of the batch as a whole."""
    p = logits.softmax(1)[:, 1]
    dice = (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
    return F.cross_entropy(logits, y) + 1 - dice


def frozen(net, sampler, batches, batch_size):
    """A copy of the network whose normalisation statistics are averages over
    the training set with the weights held, not the last steps' moving ones.
    Mixed batches, not single images, because the variance must contain what
    lies between images; at the images' own scale and light, as they will come."""
    net = copy.deepcopy(net)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None      # cumulative average
    net.train()
    with torch.no_grad():
        for _ in range(batches):
            net(sampler.batch(batch_size, augmented=False)[0])
    return net.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=nuclei.NUCLEI)
    parser.add_argument("--output", default=nuclei.MODEL)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export-every", type=int, default=500, metavar="STEPS")
    parser.add_argument("--float32", action="store_true",
                        help="train in float32 throughout, instead of bfloat16 "
                             "activations (much faster where the processor has AMX)")
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, _ = nuclei.split(args.data)
    sampler = Sampler(train, args.seed)
    net = nuclei.network()
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.rate, args.steps, pct_start=0.05, anneal_strategy="cos")

    start, recent = time.time(), 0.0
    for step in range(1, args.steps + 1):
        x, y = sampler.batch(args.batch)
        with torch.autocast("cpu", torch.bfloat16, enabled=not args.float32):
            logits = net(x)
        loss = loss_of(logits.float(), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        recent += loss.item()

        if step % 50 == 0:
            print(f"step {step} loss {recent / 50:.4f} "
                  f"{(time.time() - start) / step:.2f} s/step", flush=True)
            recent = 0.0
        if step % args.export_every == 0 or step == args.steps:
            # a sampler of its own, so that exports do not change the training
            statistics = Sampler(train, args.seed + 1)
            nuclei.save(args.output, frozen(net, statistics, 40, 2 * args.batch),
                        f"dsb2018 nuclei, {len(train)} images; {step} of {args.steps} "
                        f"steps of {args.batch} crops of {CROP}x{CROP}; AdamW, one-cycle "
                        f"cosine to {args.rate}, cross-entropy + Dice; seed {args.seed}")


if __name__ == "__main__":
    main()
