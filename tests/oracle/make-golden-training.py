#!/usr/bin/env python3
"""Writes golden/losses.safetensors and golden/training.safetensors: losses and
their gradients, and what one step of training a network finds, computed in
float64, so that C is tested against PyTorch where there is no PyTorch."""

import pathlib

import numpy as np
import torch

import fill
import losses
import safetensors_io

GOLDEN = pathlib.Path(__file__).parent / "golden"
SEED, CHANNELS, SIDE, BATCH = 1, 4, 48, 2


def float32(tensor):
    return tensor.detach().numpy().astype(np.float32)


def golden_losses():
    tensors, metadata = {}, {}
    shape = (2, 5, 7)
    for i, group in enumerate(losses.LOSSES):
        metadata[f"loss.{i}"] = group
    for planes in (1, 2, 5):
        classes = max(planes, 2)
        u = fill.uniform("targets", shape, SEED)
        targets = np.minimum(u * (classes + 0.5), classes).astype(np.int64)
        targets[targets == classes] = -1
        data = {"logits": 6 * fill.uniform("logits", (2, planes, 5, 7), SEED) - np.float32(3),
                "targets": targets,
                "weights": 2 * fill.uniform("weights", shape, SEED),
                "class_weight": fill.uniform("class_weight", (classes,), SEED) + np.float32(0.2)}
        tensors.update({f"{planes}.{name}": array for name, array in data.items()})
        for i, function in enumerate(losses.LOSSES.values()):
            logits = torch.from_numpy(data["logits"]).double().requires_grad_()
            loss = function(logits, torch.from_numpy(targets),
                            torch.from_numpy(data["weights"]).double(),
                            torch.from_numpy(data["class_weight"]).double())
            loss.backward()
            tensors[f"{planes}.loss.{i}"] = float32(loss.reshape(1))
            tensors[f"{planes}.gradient.{i}"] = float32(logits.grad)
    safetensors_io.write(GOLDEN / "losses.safetensors", tensors, metadata)


def golden_training():
    """Of each gradient its norm, and its share in a direction that is drawn by its name."""
    net = fill.network("classic", CHANNELS, SEED)[0].double().train()
    images = fill.image((BATCH, 3, SIDE, SIDE), SEED)
    targets = (fill.uniform("targets", (BATCH, SIDE, SIDE), SEED) < 0.3).astype(np.int64)
    loss = losses.dice_ce(net(torch.from_numpy(images).double()), torch.from_numpy(targets),
                          None, None)
    loss.backward()
    tensors = {"loss": float32(loss.reshape(1))}
    for name, parameter in net.named_parameters():
        g = parameter.grad.numpy()
        direction = 2 * fill.uniform(name, g.shape, SEED).astype(np.float64) - 1
        tensors[f"gradient.{name}"] = np.array([np.linalg.norm(g), (g * direction).sum()],
                                               np.float32)
    for name, value in net.state_dict().items():
        if "running" in name:
            tensors[f"statistics.{name}"] = float32(value)
    safetensors_io.write(GOLDEN / "training.safetensors", tensors,
                         {"channels": str(CHANNELS), "side": str(SIDE), "seed": str(SEED)})


torch.set_num_threads(1)
golden_losses()
golden_training()
