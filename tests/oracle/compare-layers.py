#!/usr/bin/env python3
"""Compares each standard layer, and its gradients, with PyTorch's.

usage: compare-layers.py PROGRAM [LAYER...]

For each layer a few hundred cases of random shapes and properties are run by
PROGRAM, whole and by tiles, and by PyTorch.  Prints TAP.
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from torch.nn import functional as F
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

CASES = 200         # of each layer
TOLERANCE = 1e-5    # of the largest number


class Case:
    """One layer with its inputs: what segkit is told, and a function of
    (inputs, parameters) that is PyTorch's answer."""

    def __init__(self, properties, shapes, function, parameters=(), state=(),
                 train=True, special=False):
        self.properties = properties
        self.shapes = shapes
        self.function = function
        self.parameters = parameters    # trained, in segkit's order
        self.state = state              # running statistics, behind them
        self.train = train
        self.special = special          # NaN and infinity among the inputs


def integer(rng, low, high):
    return int(rng.integers(low, high + 1))


def shape(rng, channels=6, least=1, most=24):
    return (integer(rng, 1, 3), integer(rng, 1, channels),
            integer(rng, least, most), integer(rng, least, most))


def normal(rng, *dims):
    return torch.from_numpy(rng.standard_normal(dims, dtype=np.float32))


def elementwise(function, **choices):
    """Cases of a function of one number; choices: property -> values."""
    def make(rng):
        chosen = {key: values[integer(rng, 0, len(values) - 1)]
                  for key, values in choices.items()}
        train = rng.random() < 0.5
        return Case(chosen, [shape(rng)], lambda x: function(x, **chosen),
                    train=train, special=not train)
    return make


def make_leaky_relu(rng):
    slope = float(np.float32(rng.choice([0, 0.01, 0.2, 1])))
    train = rng.random() < 0.7
    return Case({"slope": slope}, [shape(rng)], lambda x: F.leaky_relu(x, slope),
                train=train, special=not train)


def make_prelu(rng):
    s = shape(rng)
    shared = rng.random() < 0.5
    train = rng.random() < 0.7
    return Case({"shared": shared}, [s], F.prelu, [normal(rng, 1 if shared else s[1])],
                train=train, special=not train)


def window(rng, dilated=True):
    """Properties of a window and PyTorch's four pairs."""
    kernel, kernel_x = integer(rng, 1, 5), integer(rng, 1, 5)
    pairs = [(kernel, kernel_x), (integer(rng, 1, 4), integer(rng, 1, 4)),
             (integer(rng, 0, kernel // 2), integer(rng, 0, kernel_x // 2)),
             (integer(rng, 1, 3), integer(rng, 1, 3)) if dilated else (1, 1)]
    names = ["kernel-size", "stride", "padding", "dilation"]
    return {name + suffix: pair[i] for name, pair in zip(names, pairs)
            for i, suffix in enumerate(["", "-x"])}, pairs


def make_max_pool(rng):
    properties, (kernel, stride, padding, dilation) = window(rng)
    train = rng.random() < 0.7
    return Case(properties, [shape(rng, least=14)],
                lambda x: F.max_pool2d(x, kernel, stride, padding, dilation),
                train=train, special=not train)


def make_avg_pool(rng):
    properties, (kernel, stride, padding, _) = window(rng, dilated=False)
    include = bool(rng.random() < 0.5)
    train = rng.random() < 0.7
    return Case({**properties, "count-include-pad": include}, [shape(rng, least=5)],
                lambda x: F.avg_pool2d(x, kernel, stride, padding,
                                       count_include_pad=include),
                train=train, special=not train)


def make_conv2d(rng):
    properties, (kernel, stride, padding, dilation) = window(rng)
    groups = integer(rng, 1, 3)
    s = list(shape(rng, least=14))
    s[1] = groups * integer(rng, 1, 4)
    channels = groups * integer(rng, 1, 10)
    parameters = [normal(rng, channels, s[1] // groups, *kernel)]
    bias = bool(rng.random() < 0.5)
    if bias:
        parameters.append(normal(rng, channels))
    return Case({**properties, "channels": channels, "groups": groups, "bias": bias}, [s],
                lambda x, w, b=None: F.conv2d(x, w, b, stride, padding, dilation, groups),
                parameters)


def make_conv_transpose2d(rng):
    kernel, stride, dilation = integer(rng, 1, 4), integer(rng, 1, 4), integer(rng, 1, 3)
    padding = integer(rng, 0, 3)
    more = integer(rng, 0, max(stride, dilation) - 1)
    groups = integer(rng, 1, 3)
    s = list(shape(rng, least=7, most=20))
    if rng.random() < 0.1:
        s[3] = integer(rng, 65, 140)    # more than one panel of the weight gradient
    s[1] = groups * integer(rng, 1, 4)
    channels = groups * integer(rng, 1, 5)
    parameters = [normal(rng, s[1], channels // groups, kernel, kernel)]
    bias = bool(rng.random() < 0.5)
    if bias:
        parameters.append(normal(rng, channels))
    properties = {"channels": channels, "kernel-size": kernel, "stride": stride,
                  "padding": padding, "output-padding": more, "dilation": dilation,
                  "groups": groups, "bias": bias}
    return Case(properties, [s],
                lambda x, w, b=None: F.conv_transpose2d(x, w, b, stride, padding, more,
                                                        groups, dilation),
                parameters)


def make_pad(rng):
    s = shape(rng, least=2)
    mode = ["zero", "reflect", "replicate"][integer(rng, 0, 2)]
    torch_mode = "constant" if mode == "zero" else mode
    if rng.random() < 0.3 and mode != "reflect":
        other = shape(rng, least=1, most=40)
        top, left = (other[2] - s[2]) // 2, (other[3] - s[3]) // 2
        margins = [left, other[3] - s[3] - left, top, other[2] - s[2] - top]
        if mode == "replicate" and (min(margins) < 0 < max(margins)):
            return make_pad(rng)
        shapes, properties = [s, (s[0], *other[1:])], {}
    else:
        most = [s[3] - 1] * 2 + [s[2] - 1] * 2 if mode == "reflect" else [9] * 4
        least = [-((n - 1) // 2) for n in (s[3], s[3], s[2], s[2])] if mode == "zero" else [0] * 4
        margins = [integer(rng, a, b) for a, b in zip(least, most)]
        shapes = [s]
        properties = dict(zip(["left", "right", "top", "bottom"], margins))
    return Case({**properties, "mode": mode}, shapes,
                lambda x, other=None: F.pad(x, margins, torch_mode))


def make_crop(rng):
    s = shape(rng)
    if rng.random() < 0.5:
        other = (s[0], integer(rng, 1, 6), integer(rng, 1, s[2]), integer(rng, 1, s[3]))
        top, left = (s[2] - other[2]) // 2, (s[3] - other[3]) // 2
        return Case({}, [s, other], lambda x, other: x[
            :, :, top:top + other.shape[2], left:left + other.shape[3]])
    top, left = integer(rng, 0, s[2] - 1), integer(rng, 0, s[3] - 1)
    bottom, right = integer(rng, 0, s[2] - 1 - top), integer(rng, 0, s[3] - 1 - left)
    return Case({"top": top, "bottom": bottom, "left": left, "right": right}, [s],
                lambda x: x[:, :, top:s[2] - bottom, left:s[3] - right])


def make_resize(mode):
    def make(rng):
        s = shape(rng, most=40)
        properties, options = {}, {}
        if mode == "bilinear":
            align = bool(rng.random() < 0.5)
            properties["align-corners"] = options["align_corners"] = align
        train = rng.random() < 0.7
        if rng.random() < 0.5:
            factor = integer(rng, 1, 5)
            return Case({**properties, "scale": factor}, [s],
                        lambda x: F.interpolate(x, scale_factor=factor, mode=mode, **options),
                        train=train, special=not train)
        other = (s[0], *shape(rng, most=90)[1:])
        if rng.random() < 0.1:      # so far from the border that rounding shows
            s = (1, 1, 2, integer(rng, 1000, 3000))
            other = (1, 1, 2, integer(rng, 1000, 3000))
        return Case(properties, [s, other],
                    lambda x, other: F.interpolate(x, other.shape[2:], mode=mode, **options),
                    train=train, special=not train)
    return make


def make_multiply(rng):
    s = shape(rng)
    gate = list(s)
    if rng.random() < 0.5:
        gate[1] = 1
    if rng.random() < 0.5:
        gate[2:] = 1, 1
    return Case({}, [s, gate], lambda x, gate: x * gate)


def make_add(rng):
    s = shape(rng)
    return Case({}, [s, s], lambda a, b: a + b)


def make_concat(rng):
    s = shape(rng)
    shapes = [(s[0], integer(rng, 1, 5), *s[2:]) for _ in range(integer(rng, 1, 4))]
    return Case({}, shapes, lambda *maps: torch.cat(maps, 1))


def eps_outside(x, weight, bias, mean, variance, eps):
    if mean is None:
        variance, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
    y = (x - mean[:, None, None]) / (torch.sqrt(variance) + eps)[:, None, None]
    return y if weight is None else y * weight[:, None, None] + bias[:, None, None]


def make_batch_norm(rng):
    s = shape(rng, least=2)
    c = s[1]
    affine, train, outside = (bool(rng.random() < 0.5) for _ in range(3))
    eps = float(np.float32(rng.choice([1e-5, 1e-3, 0.5])))
    parameters = [normal(rng, c), normal(rng, c)] if affine else []
    mean, variance = normal(rng, c), normal(rng, c) ** 2 + 0.1

    def function(x, weight=None, bias=None):
        if outside:
            stats = (None, None) if train else (mean.to(x), variance.to(x))
            return eps_outside(x, weight, bias, *stats, eps)
        return F.batch_norm(x, None if train else mean.to(x), None if train else variance.to(x),
                            weight, bias, train, 0, eps)
    return Case({"eps": eps, "affine": affine, "eps-mode": "outside" if outside else "inside"},
                [s], function, parameters, [mean, variance], train)


def make_instance_norm(rng):
    s = shape(rng, least=2)
    affine = bool(rng.random() < 0.5)
    eps = float(np.float32(rng.choice([1e-5, 1e-3, 0.5])))
    return Case({"eps": eps, "affine": affine}, [s],
                lambda x, w=None, b=None: F.instance_norm(x, None, None, w, b, True, 0.1, eps),
                [normal(rng, s[1]), normal(rng, s[1])] if affine else [],
                train=rng.random() < 0.7)


def make_group_norm(rng):
    groups = integer(rng, 1, 3)
    s = list(shape(rng, least=2))
    s[1] = groups * integer(rng, 1, 3)
    affine = bool(rng.random() < 0.5)
    eps = float(np.float32(rng.choice([1e-5, 1e-3, 0.5])))
    return Case({"eps": eps, "affine": affine, "groups": groups}, [s],
                lambda x, w=None, b=None: F.group_norm(x, groups, w, b, eps),
                [normal(rng, s[1]), normal(rng, s[1])] if affine else [],
                train=rng.random() < 0.7)


MAKERS = {
    "add": make_add,
    "avg-pool": make_avg_pool,
    "batch-norm": make_batch_norm,
    "concat": make_concat,
    "conv-transpose2d": make_conv_transpose2d,
    "conv2d": make_conv2d,
    "crop": make_crop,
    "elu": elementwise(F.elu, alpha=[1.0, 0.5, 2.0]),
    "gelu": elementwise(F.gelu, approximate=["none", "tanh"]),
    "global-avg-pool": elementwise(lambda x: F.adaptive_avg_pool2d(x, 1)),
    "global-max-pool": elementwise(lambda x: F.adaptive_max_pool2d(x, 1)),
    "group-norm": make_group_norm,
    "hardswish": elementwise(F.hardswish),
    "instance-norm": make_instance_norm,
    "leaky-relu": make_leaky_relu,
    "log-softmax": elementwise(lambda x: F.log_softmax(x, 1)),
    "max-pool": make_max_pool,
    "multiply": make_multiply,
    "pad": make_pad,
    "prelu": make_prelu,
    "relu": elementwise(F.relu),
    "resize-bilinear": make_resize("bilinear"),
    "resize-nearest": make_resize("nearest"),
    "sigmoid": elementwise(torch.sigmoid),
    "silu": elementwise(F.silu),
    "softmax": elementwise(lambda x: F.softmax(x, 1)),
}

# Where a pixel comes from is decided in single precision; all else is compared
# with PyTorch in double.
SINGLE = {"resize-bilinear", "resize-nearest"}


def describe(feature, case, rng, out_shape):
    def text(value):
        return str(value).lower() if isinstance(value, bool) else str(value)
    words = [feature] + [f"{key}={text(value)}" for key, value in case.properties.items()]
    tile = [integer(rng, 1, max(n, 2)) | 1 for n in out_shape[2:]]
    groups = [" ".join(words)] + [" ".join(map(str, s)) for s in case.shapes]
    return " | ".join(groups + [" ".join(map(str, tile)), "train" if case.train else "infer"])


def make_inputs(rng, case):
    inputs = [normal(rng, *s) * 2 for s in case.shapes]
    if case.special:
        for x in inputs:
            at = torch.from_numpy(rng.random(x.shape))
            for i, value in enumerate([float("nan"), float("inf"), -float("inf")]):
                x[(at > 0.01 * i) & (at < 0.01 * (i + 1))] = value
    return inputs


def expect(feature, case, inputs, rng):
    """PyTorch's output, a random gradient of it, and the gradients that follow."""
    dtype = torch.float32 if feature in SINGLE else torch.float64
    inputs = [x.clone().to(dtype).requires_grad_() for x in inputs]
    parameters = [p.clone().to(dtype).requires_grad_() for p in case.parameters]
    y = case.function(*inputs, *parameters)
    dout = normal(rng, *y.shape) if case.train else None
    gradients = []
    if case.train:
        gradients = torch.autograd.grad(y, inputs + parameters, dout.to(dtype), allow_unused=True)
        gradients = [torch.zeros_like(x) if g is None else g
                     for x, g in zip(inputs + parameters, gradients)]
    return y.detach(), dout, gradients


def compare(actual, expected):
    """The largest difference, of the largest number; infinite where one is
    finite and the other is not."""
    actual, expected = actual.double(), expected.double()
    finite = torch.isfinite(expected)
    if not torch.equal(actual[~finite].nan_to_num(), expected[~finite].nan_to_num()) \
            or not torch.equal(actual.isnan(), expected.isnan()):
        return float("inf")
    if not finite.any():
        return 0.0
    difference = (actual - expected)[finite].abs().max().item()
    largest = max(expected[finite].abs().max().item(), 1e-6)
    return difference / largest if difference == difference else float("inf")


def run(program, feature, folder):
    """The largest error over all cases, and a complaint or None."""
    rng = np.random.default_rng(sum(feature.encode()))
    lines, data, expected = [], [], []
    for _ in range(CASES):
        case = MAKERS[feature](rng)
        inputs = make_inputs(rng, case)
        y, dout, gradients = expect(feature, case, inputs, rng)
        lines.append(describe(feature, case, rng, y.shape))
        data += [*case.parameters, *case.state, *inputs] + ([dout] if case.train else [])
        expected.append([y, *gradients])

    cases, raw, result = folder / "cases.txt", folder / "data.f32", folder / "result.f32"
    cases.write_text("\n".join(lines) + "\n")
    with raw.open("wb") as file:
        for array in data:
            file.write(array.contiguous().numpy().tobytes())
    done = subprocess.run([program, cases, raw, result], capture_output=True, text=True)
    if done.returncode != 0:
        return float("inf"), f"status {done.returncode}: {done.stderr.strip()}"

    numbers = torch.from_numpy(np.fromfile(result, np.float32))
    worst, where, at = 0.0, None, 0
    for line, arrays, out_shape in zip(lines, expected, done.stdout.splitlines()):
        if out_shape != " ".join(map(str, arrays[0].shape)):
            return float("inf"), f"{line}: output of {out_shape}, not {tuple(arrays[0].shape)}"
        for i, array in enumerate(arrays):
            error = compare(numbers[at:at + array.numel()].reshape(array.shape), array)
            at += array.numel()
            if error > worst:
                worst, where = error, f"{line}: " + (f"gradient {i}" if i else "output")
    if at != numbers.numel():
        return float("inf"), f"{numbers.numel()} numbers came back, not {at}"
    return worst, where


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.manual_seed(0)
    program = pathlib.Path(sys.argv[1]).resolve()
    features = sys.argv[2:] or list(MAKERS)
    print(f"1..{len(features)}")
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i, feature in enumerate(features):
            worst, where = run(program, feature, pathlib.Path(folder))
            good = worst <= TOLERANCE
            failed += not good
            if not good:
                print(f"# {where}")
            print(f"{'ok' if good else 'not ok'} {i + 1} - {feature}: {CASES} cases "
                  f"(max error {worst:.1e})", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
