"""Fills networks and images with numbers that C makes again, bit for bit, so
that a golden file holds only the answer and never the parameters.

Element i of the tensor called NAME is word i % 4 of Philox4x32-10 (Salmon et
al. 2011) at counter (i / 4, FNV-1a-64 of NAME), key SEED, all low word first.
Its upper 24 bits, over 2^24, are u in [0, 1), exact in float32; each formula
below rounds once, so neither order nor fused multiply-add can change a bit.
"""

import math

import numpy as np
import torch

from networks import ClassicUNet, ResNetUNet

U32 = np.uint64(0xFFFFFFFF)


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def words(h, seed, n_blocks):
    """n_blocks x 4 words of Philox, in uint64 since numpy has no wide multiply."""
    def pair(value):
        return np.uint64(value & 0xFFFFFFFF), np.uint64(value >> 32)

    blocks = np.arange(n_blocks, dtype=np.uint64)
    c = [blocks & U32, blocks >> np.uint64(32)]
    c += [np.full(n_blocks, word) for word in pair(h)]
    k0, k1 = (int(word) for word in pair(seed))
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & U32,
             (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & U32]
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return np.stack(c, 1)


def uniform(name, shape, seed):
    n = math.prod(shape)
    w = words(fnv1a(name), seed, -(-n // 4)).reshape(-1)[:n] >> np.uint64(8)
    return (w.astype(np.float32) * np.float32(2.0**-24)).reshape(shape)


def image(shape, seed):
    return np.float32(2) * uniform("input", shape, seed) - np.float32(1)


def parameter(name, shape, seed):
    """Plausible values by role, such that activations neither die nor explode."""
    if name.endswith(".num_batches_tracked"):
        return np.zeros(shape, np.int64)
    u = uniform(name, shape, seed)
    if name.endswith(".running_var"):
        return np.float32(0.5) + u
    if name.endswith(".running_mean"):
        return (u - np.float32(0.5)) * np.float32(0.4)
    if name.endswith(".bias"):
        return (u - np.float32(0.5)) * np.float32(0.2)
    if len(shape) == 1:                 # the weight of a normalisation
        return np.float32(0.75) + np.float32(0.5) * u
    # a transposed 2x2 convolution with stride 2 meets each output once
    fan_in = shape[0] if name.endswith(".up.weight") else math.prod(shape[1:])
    bound = np.float32(math.sqrt(6.0 / fan_in))
    return (np.float32(2) * u - np.float32(1)) * bound


def network(name, channels, seed):
    """classic, resnet18 or resnet34, three bands to two classes, filled;
    channels is the width of the classic one.  Returns (network, its arrays)."""
    net = ClassicUNet(3, 2, channels=channels, depth=4) if name == "classic" \
        else ResNetUNet(int(name[len("resnet"):]), 3, 2)
    arrays = {key: parameter(key, tuple(value.shape), seed)
              for key, value in net.state_dict().items()}
    net.load_state_dict({key: torch.from_numpy(a) for key, a in arrays.items()})
    return net.eval(), arrays


def gated_parameter(name, shape, seed):
    """parameter(), but with gates so gentle that one rounding of the image is not 1e-4 of a logit."""
    array = parameter(name, shape, seed)
    return array * np.float32(1 / 16) if "attention" in name and len(shape) == 4 else array
