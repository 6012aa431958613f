#!/usr/bin/env python3
"""Compares training with PyTorch: each loss and its gradient, ten steps of each
optimiser, and for whole networks the loss, all gradients, running statistics
after one step and weights after ten steps of SGD and Adam.

usage: compare-training.py TRAINING

The program is training.c.  PyTorch computes in float64.  What its own float32
makes of the same is printed beside segkit's error.  A ReLU that falls to its other
side in float32 moves the gradient by 1e-3 of its norm, in PyTorch as here: then
another image is tried.  Prints TAP.
"""

import importlib
import pathlib
import subprocess
import sys
import tempfile

live = importlib.import_module("compare-live")      # leaves where there is no PyTorch

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import fill
import losses
import safetensors_io
import zoo

SEED, SIDE, BATCH, STEPS, RATE, DECAY = 1, 64, 2, 10, 1e-3, 1e-2
# of the norm of all tensors together
GRADIENTS, STATISTICS = 1e-4, 1e-5
# In its first steps Adam moves each weight by the rate, however small its gradient is: there a
# rounding that turns a sign counts in full, in PyTorch as here.
WEIGHTS = {"sgd": 1e-3, "adam": 3e-2}
NETWORKS = ("classic", "deep", "resnet18", "preact18", "dense")
# Those that are tried until no ReLU falls to its other side, which is the case with one of seven for
# the ResNets. Where the gradients agree with one optimiser they do with another.
IMAGES = range(2, 62)
found = {}
# of the network "deep"
HEADS, AUXILIARY = 2, "auxiliary_heads."
OPTIMIZERS = {
    "sgd": ("type=sgd\nmomentum=0.9\nnesterov=true",
            lambda w: torch.optim.SGD(w, RATE, momentum=0.9, nesterov=True)),
    "adam": ("type=adam", lambda w: torch.optim.Adam(w, RATE)),
}
OPTIMIZER_FORMS = {
    "type=sgd\nmomentum=0": lambda w: torch.optim.SGD(w, RATE, weight_decay=DECAY),
    "type=sgd\ndampening=0.3": lambda w: torch.optim.SGD(
        w, RATE, momentum=0.9, dampening=0.3, weight_decay=DECAY),
    "type=sgd\nnesterov=true": lambda w: torch.optim.SGD(
        w, RATE, momentum=0.9, nesterov=True, weight_decay=DECAY),
    "type=adam": lambda w: torch.optim.Adam(w, RATE, weight_decay=DECAY),
    "type=adam\nbeta1=0.8\nbeta2=0.99\neps=0.001": lambda w: torch.optim.Adam(
        w, RATE, betas=(0.8, 0.99), eps=1e-3, weight_decay=DECAY),
    "type=adamw": lambda w: torch.optim.AdamW(w, RATE, weight_decay=DECAY),
    "type=rmsprop": lambda w: torch.optim.RMSprop(w, RATE, weight_decay=DECAY),
    "type=rmsprop\ncentered=true": lambda w: torch.optim.RMSprop(
        w, RATE, centered=True, weight_decay=DECAY),
    "type=rmsprop\ncentered=true\nmomentum=0.9\nalpha=0.9": lambda w: torch.optim.RMSprop(
        w, RATE, alpha=0.9, momentum=0.9, centered=True, weight_decay=DECAY),
}


def run(program, *arguments):
    """Whether it succeeded; its complaint is printed."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    for line in done.stderr.splitlines() if done.returncode else []:
        print(f"# {line}")
    return done.returncode == 0


def distance(actual, expected):
    """Of the norm of what is expected."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    norm = np.linalg.norm(expected)
    return np.linalg.norm(actual - expected) / norm if norm > 0 else np.linalg.norm(actual)


# --- losses ----------------------------------------------------------------------------

def loss_data(planes, weighted):
    """A batch of logits of which some pixels do not count, and one class is missing."""
    classes = max(planes, 2)
    logits = 6 * fill.image((BATCH, planes, 19, 37), SEED)
    u = fill.uniform("targets", (BATCH, 19, 37), SEED)
    targets = np.minimum(u * (classes + 0.5), classes).astype(np.int64)
    targets[targets == classes] = -1
    if classes > 4:
        targets[targets == 3] = 0
    data = {"logits": logits, "targets": targets}
    if weighted:
        data["weights"] = 2 * fill.uniform("weights", targets.shape, SEED)
        data["class_weight"] = fill.uniform("class_weight", (classes,), SEED) + np.float32(0.2)
    return data


def torch_loss(function, data, dtype=torch.float64):
    tensors = {name: torch.from_numpy(array) for name, array in data.items()}
    tensors = {name: t if t.dtype == torch.int64 else t.to(dtype) for name, t in tensors.items()}
    logits = tensors["logits"].requires_grad_()
    loss = function(logits, tensors["targets"], tensors.get("weights"),
                    tensors.get("class_weight"))
    loss.backward()
    return loss.item(), logits.grad.numpy()


def same_loss(program, group, function, data, folder):
    recipe, source, result = (folder / name for name in ("recipe", "data", "out"))
    recipe.write_text(f"[segkit]\nformat=1\n[train.loss]\n{group}\n")
    safetensors_io.write(source, data, {})
    if not run(program, "loss", recipe, source, result):
        return False
    ours = safetensors_io.read(result)[0]
    loss, gradient = torch_loss(function, data)
    errors = abs(ours["loss"][0] - loss) / abs(loss), distance(ours["gradient"], gradient)
    print(f"# loss {loss:.4f}: error {errors[0]:.1e}, of its gradient {errors[1]:.1e}")
    return errors[0] <= 1e-5 and errors[1] <= 1e-5      # false for NaN


# --- optimisers ------------------------------------------------------------------------

def same_optimizer(program, group, make, folder):
    """Ten steps on gradients that do not depend on the weights."""
    recipe, source, result = (folder / name for name in ("recipe", "data", "out"))
    recipe.write_text(f"[segkit]\nformat=1\n[train.optimizer]\n{group}\n")
    w = np.float32(2) * fill.uniform("w", (999,), SEED) - np.float32(1)
    g = fill.uniform("g", (STEPS, w.size), SEED) - np.float32(0.3)
    safetensors_io.write(source, {"w": w, "g": g}, {})
    if not run(program, "optimizer", recipe, source, RATE, DECAY, result):
        return False
    parameter = torch.from_numpy(w.copy()).requires_grad_()
    optimizer = make([parameter])
    for gradient in g:
        parameter.grad = torch.from_numpy(gradient)
        optimizer.step()
    ours, state = safetensors_io.read(result)[0], optimizer.state[parameter]
    theirs = {"w": parameter.detach().numpy()}
    theirs.update({key: value.numpy() for key, value in state.items()
                   if torch.is_tensor(value) and value.numel() == w.size})
    moved = np.abs(theirs["w"] - w).max()
    errors = {key: np.abs(ours[key] - value).max() / (moved if key == "w" else np.abs(value).max())
              for key, value in theirs.items()}
    print(f"# {', '.join(f'{key} {error:.1e}' for key, error in errors.items())}")
    # a recipe's 0.999 is a float, so that Adam's second slot is 1.3e-5 larger; in its step that cancels
    return ours.keys() == theirs.keys() and errors["w"] <= 1e-5 and max(errors.values()) <= 2e-5


# --- networks --------------------------------------------------------------------------

class Dense(nn.Module):
    """A small FC-DenseNet without dropout, which would draw other numbers here."""

    def __init__(self):
        super().__init__()
        self.encoder = zoo.FCDenseNetEncoder([2, 2, 2], 12)
        self.decoder = zoo.FCDenseNetDecoder(self.encoder.channels, [2, 2], 12)
        self.segmentation_head = nn.Sequential(nn.Conv2d(self.decoder.n_out, 2, 1))
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x)))


class Deep(nn.Module):
    """The classic U-Net with heads at the decoder's next coarser maps, too."""

    def __init__(self):
        super().__init__()
        net = fill.network("classic", 8, SEED)[0]
        self.encoder, self.decoder = net.encoder, net.decoder
        self.segmentation_head = net.segmentation_head
        self.auxiliary_heads = nn.ModuleList(
            nn.ModuleDict({"conv": nn.Conv2d(8 << i, 2, 1)}) for i in range(1, 1 + HEADS))

    def forward(self, x):
        x, *skips = self.encoder(x)[::-1]
        maps = []                       # finest first
        for block, skip in zip(self.decoder.blocks, skips):
            x = block(x, skip)
            maps.insert(0, x)
        logits = [self.segmentation_head(x)]
        for head, coarse in zip(self.auxiliary_heads, maps[1:]):
            logits.append(F.interpolate(head["conv"](coarse), x.shape[2:], mode="bilinear",
                                        align_corners=False))
        return torch.cat(logits, 1)


def head_parameter(name, shape):
    """As the trainer draws it."""
    if name.endswith(".bias"):
        return np.zeros(shape, np.float32)
    u = fill.uniform(name, shape, 0)
    return (np.float32(2) * u - np.float32(1)) * np.float32((6.0 / shape[1]) ** 0.5)


def deep_loss(logits, targets):
    """dice_ce of each two planes, with weights 1, 1/2, 1/4, ... over their sum."""
    heads = logits.split(2, 1)
    weights = [2.0**-i for i in range(len(heads))]
    return sum(weight * losses.dice_ce(head, targets, None, None)
               for weight, head in zip(weights, heads)) / sum(weights)


DENSE = "type=unet\nclasses=2\nhead-kernel-size=1\n" \
    "[model.encoder]\ntype=fc-densenet-encoder\nlayers=2;2;2\ndropout=0\n" \
    "[model.decoder]\ntype=fc-densenet-decoder\nlayers=2;2\ndropout=0\n"


def make(name, dtype):
    net = Dense() if name == "dense" else Deep() if name == "deep" else zoo.network(name) if name == "preact18" \
        else fill.network(name, 8, SEED)[0]
    arrays = {key: head_parameter(key, tuple(value.shape)) if key.startswith(AUXILIARY)
              else fill.parameter(key, tuple(value.shape), SEED)
              for key, value in net.state_dict().items()}
    net.load_state_dict({key: torch.from_numpy(a) for key, a in arrays.items()})
    return net.to(dtype).train(), arrays


def recipe(name, optimizer):
    live.CHANNELS = 8
    text = live.recipe("classic" if name == "deep" else name) \
        if name in ("classic", "deep", "resnet18") \
        else "[segkit]\nformat=1\n[input]\nchannels=3\n[classes]\nnames=a;b\n[model]\n" \
        + (DENSE if name == "dense" else zoo.NETWORKS[name][1])
    return f"{text}\n[train.loss]\ntype=dice-ce\n[train.optimizer]\n{optimizer}\n"


def image_data(seed):
    u = fill.uniform("targets", (BATCH, SIDE, SIDE), SEED)
    return {"images": fill.image((BATCH, 3, SIDE, SIDE), seed),
            "targets": np.where(u < 0.1, -1, (u < 0.4).astype(np.int64))}


def freeze_norms(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval().requires_grad_(False)


def torch_steps(name, make_optimizer, data, dtype, frozen, steps):
    """losses, gradients of the first step, state after the first, state after the last."""
    net, _ = make(name, dtype)
    if frozen:
        freeze_norms(net)
    x, targets = torch.from_numpy(data["images"]).to(dtype), torch.from_numpy(data["targets"])
    weights = {id(module.weight) for module in net.modules()
               if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))}
    optimizer = make_optimizer([
        {"params": [p for p in net.parameters() if id(p) in weights], "weight_decay": DECAY},
        {"params": [p for p in net.parameters() if id(p) not in weights], "weight_decay": 0}])
    values, gradients, first = [], None, None
    for step in range(steps):
        optimizer.zero_grad()
        loss = deep_loss(net(x), targets)
        loss.backward()
        if step == 0:
            gradients = {key: p.grad.numpy().copy() for key, p in net.named_parameters()
                         if p.requires_grad}
        optimizer.step()
        values.append(loss.item())
        if step == 0:
            first = {key: value.numpy().copy() for key, value in net.state_dict().items()}
    return values, gradients, first, {key: value.numpy() for key, value in net.state_dict().items()}


def worst(ours, prefix, expected, names):
    """The distance of all tensors together, the largest of one, and of which."""
    together = distance(np.concatenate([ours[prefix + name].ravel() for name in names]),
                        np.concatenate([expected[name].ravel() for name in names]))
    return together, *max((distance(ours[prefix + name], expected[name]), name) for name in names)


def run_steps(program, name, optimizer, seed, folder, frozen, steps):
    """What segkit, PyTorch in float64 and, of all steps, PyTorch in float32 make of an image."""
    group, make_optimizer = OPTIMIZERS[optimizer]
    model, source, result = (folder / part for part in ("model", "data", "out"))
    data = image_data(seed)
    arrays = {key: array for key, array in make(name, torch.float32)[1].items()
              if not key.startswith(AUXILIARY)}
    safetensors_io.write(model, arrays, {"segkit.recipe": recipe(name, group)})
    safetensors_io.write(source, data, {})
    if not run(program, "steps", model, source, steps, RATE, DECAY, result,
               *(["frozen"] if frozen else [HEADS] if name == "deep" else [])):
        return None, None, None
    theirs = {}
    if steps == STEPS:
        float32 = torch_steps(name, make_optimizer, data, torch.float32, frozen, steps)
        for prefix, tensors in zip(("gradient.", "first.", "last."), float32[1:]):
            theirs.update({prefix + key: tensor for key, tensor in tensors.items()})
    exact = torch_steps(name, make_optimizer, data, torch.float64, frozen, steps)
    return safetensors_io.read(result)[0], exact, theirs


def same_steps(program, name, optimizer, folder, frozen=False):
    """Yields (label, good) of what is compared."""
    label = f"{name} {optimizer}" + (" with frozen norms" if frozen else "")
    for seed in found.get((name, frozen), IMAGES):
        ours, exact, _ = run_steps(program, name, optimizer, seed, folder, frozen, 1)
        if ours is None:
            yield label, False
            return
        error = worst(ours, "gradient.", exact[1], list(exact[1]))[0]
        if error <= GRADIENTS:
            found[name, frozen] = [seed]
            break
        print(f"# image {seed}: gradients differ by {error:.1e}")
    ours, exact, theirs = run_steps(program, name, optimizer, seed, folder, frozen, STEPS)

    def compare(label, prefix, expected, names, tolerance):
        # the model, whose weights are looked at, has no auxiliary heads
        names = [key for key in names if np.linalg.norm(expected[key]) > 1e-9
                 and not (prefix == "last." and key.startswith(AUXILIARY))]
        error, single, where = worst(ours, prefix, expected, names)
        torch_error, torch_single, _ = worst(theirs, prefix, expected, names)
        print(f"# {label}: error {error:.1e}, of single tensors up to {single:.1e} ({where}); "
              f"of PyTorch's float32 {torch_error:.1e}, up to {torch_single:.1e}")
        return label, error <= tolerance

    trained = list(exact[1])
    running = [key for key in exact[2] if "running" in key]
    first, last = (abs(ours["losses"][i] - exact[0][i]) / exact[0][i] for i in (0, -1))
    print(f"# loss {exact[0][0]:.4f} … {exact[0][-1]:.4f}, error {first:.1e} … {last:.1e}")
    yield f"{label}: loss", first <= 1e-5
    yield compare(f"{label}: gradients", "gradient.", exact[1], trained, GRADIENTS)
    yield compare(f"{label}: running statistics", "first.", exact[2], running,
                  STATISTICS)
    yield compare(f"{label}: weights after {STEPS} steps", "last.", exact[3], trained,
                  WEIGHTS[optimizer])


# --- all of it -----------------------------------------------------------------------------

def cases(program, folder):
    for group, function in losses.LOSSES.items():
        for planes in (1, 2, 5):
            for weighted in (False, True):
                label = f"{' '.join(group.split())}, {planes} planes" \
                    + (", weighted" if weighted else "")
                yield label, same_loss(program, group, function, loss_data(planes, weighted),
                                       folder)
    for group, make_optimizer in OPTIMIZER_FORMS.items():
        yield " ".join(group.split()), same_optimizer(program, group, make_optimizer, folder)
    for name in NETWORKS:
        for optimizer in OPTIMIZERS:
            yield from same_steps(program, name, optimizer, folder)
    for name in ("resnet18", "preact18"):
        yield from same_steps(program, name, "sgd", folder, frozen=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)    # a serial OpenBLAS is not safe in PyTorch's threads either
    program, failed, test = pathlib.Path(sys.argv[1]).resolve(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for label, good in cases(program, pathlib.Path(folder)):
            test += 1
            failed += not good
            print(f"{'ok' if good else 'not ok'} {test} - {label}", flush=True)
    print(f"1..{test}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
