#!/usr/bin/env python3
"""Exchanges models with segmentation_models.pytorch and torchvision, as far as
files go: folders and encoder weights are made and read back in PyTorch.

usage: compare-smp.py LOGITS SEGMENT SEGCONVERT

LOGITS is called as in compare-live.py, the others are segkit's programs.
Prints TAP.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from PIL import Image
    from torchvision.models import densenet, resnet
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

import fill
import safetensors_io
import smp

SEED = 1
SIZES = [(64, 64), (75, 53)]
TOLERANCE = 1e-4    # of the largest logit

FOLDERS = {
    "resnet18": dict(encoder_name="resnet18", classes=3),
    "resnet34 of one class": dict(encoder_name="resnet34", activation="sigmoid"),
    "resnet50 as old versions wrote it": dict(encoder_name="resnet50", classes=2, old=True),
    "resnext50": dict(encoder_name="resnext50_32x4d", classes=2, encoder_weights=None),
    "densenet121": dict(encoder_name="densenet121", classes=2, activation="softmax2d"),
    "one band": dict(encoder_name="resnet18", classes=4, in_channels=1),
    "five bands": dict(encoder_name="densenet121", in_channels=5),
    "without normalisation": dict(encoder_name="resnet18", classes=2,
                                  decoder_use_norm="identity"),
    "other widths": dict(encoder_name="resnet18", classes=2,
                         decoder_channels=[96, 80, 40, 24, 8]),
    "resnet18 of depth 3": dict(encoder_name="resnet18", classes=2, encoder_depth=3,
                                decoder_channels=[64, 32, 16]),
    "densenet121 of depth 4": dict(encoder_name="densenet121", classes=2, encoder_depth=4,
                                   decoder_channels=[128, 64, 32, 16]),
    "bilinear": dict(encoder_name="resnet18", classes=2, decoder_interpolation="bilinear"),
    "attention": dict(encoder_name="resnet18", classes=2, decoder_attention_type="scse"),
}


class Failed(Exception):
    pass


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{pathlib.Path(command[0]).name}: {done.stderr.strip()}")


def expect(truth, what):
    if not truth:
        raise Failed(what)


def compare_logits(net, program, folder, bands, classes):
    worst = 0.0
    for height, width in SIZES:
        x = fill.image((bands, height, width), SEED)
        x.tofile(folder.parent / "x.f32")
        run(program, folder, folder.parent / "x.f32", bands, height, width,
            folder.parent / "y.f32")
        y = np.fromfile(folder.parent / "y.f32", np.float32).reshape(classes, height, width)
        with torch.no_grad():
            expected = net(torch.from_numpy(x)[None])[0].numpy()
        worst = max(worst, np.abs(y - expected).max() / np.abs(expected).max())
    expect(worst <= TOLERANCE, f"error {worst:.1e} of the largest logit")


def compare_labels(net, program, folder, bands):
    """What a user gets: a PNG in, labels out, smp's normalisation in between."""
    rng = np.random.default_rng(SEED)
    pixels = rng.integers(0, 256, (48, 80, bands), np.uint8)
    image, labels = folder.parent / "x.png", folder.parent / "y.png"
    Image.fromarray(pixels[:, :, 0] if bands == 1 else pixels).save(image)
    run(program, "--progress", "none", "-m", folder, "-o", labels, image)

    x = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    if bands == 3:
        x = (x - torch.tensor(smp.MEAN)[:, None, None]) / torch.tensor(smp.STD)[:, None, None]
    with torch.no_grad():
        logits = net(x[None])[0]
    if len(logits) == 1:
        logits = torch.cat([torch.zeros_like(logits), logits])
    best, second = logits.topk(2, 0).values
    clear = (best - second > TOLERANCE * logits.abs().max()).numpy()
    same = logits.argmax(0).numpy() == np.array(Image.open(labels))
    expect(clear.mean() > 0.99, "too few pixels that one class clearly wins")
    expect(same[clear].all(), f"{(~same[clear]).sum()} other labels")


def compare_round_trip(arguments, arrays, convert, folder):
    """Our file and back: smp must take the folder, bit for bit what it was."""
    ours, back = folder.parent / "m.safetensors", folder.parent / "back"
    run(convert, folder, ours)
    run(convert, "--format", "smp", ours, back)
    tensors, metadata = safetensors_io.read(back / "model.safetensors")
    expect(metadata == {"format": "pt"}, f"metadata is {metadata}")
    net = smp.Unet(**arguments)
    net.load_state_dict({key: torch.from_numpy(a.copy()) for key, a in tensors.items()},
                        strict=True)
    expect(all((tensors[key] == a).all() for key, a in arrays.items()), "other numbers")

    config = json.loads((back / "config.json").read_text())
    wanted = smp.config(**arguments) | {"activation": None, "encoder_weights": None}
    expect(config == wanted, f"config is {config}")

    again = folder.parent / "again"
    run(convert, "--format", "smp", back, again)
    for file in back.iterdir():
        expect(file.read_bytes() == (again / file.name).read_bytes(),
               f"reading and writing changes {file.name}")


def test_folder(arguments, programs):
    old = arguments.get("old", False)
    arguments = {key: value for key, value in arguments.items() if key != "old"}
    bands, classes = arguments.get("in_channels", 3), arguments.get("classes", 1)
    net, arrays = smp.filled(SEED, **arguments)
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "model"
        smp.save_pretrained(folder, arrays, old=old, **arguments)
        compare_logits(net, programs[0], folder, bands, classes)
        if bands in (1, 3):
            compare_labels(net, programs[1], folder, bands)
        compare_round_trip(arguments, arrays, programs[2], folder)


RECIPE = """\
[segkit]
format=1
[input]
channels={bands}
[classes]
names=a;b
[model]
type=unet
head-kernel-size=3
[model.encoder]
type={type}
depth={depth}
[model.decoder]
type=unet-smp-decoder
"""


def test_encoder(name, bands, convert):
    """A classifier's own file, classifier and all, into a model for any bands."""
    family = densenet if name.startswith("densenet") else resnet
    depth = re.search(r"\d+", name).group()
    arrays = {key: fill.parameter(key, tuple(value.shape), SEED)
              for key, value in getattr(family, name)(weights=None).state_dict().items()}
    first = "features.conv0.weight" if family is densenet else "conv1.weight"
    expected = dict(arrays)
    expected[first] = smp.fit_first_conv(torch.from_numpy(arrays[first]), bands).numpy()
    if family is densenet:      # names as torchvision's first files have them
        arrays = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", key): a
                  for key, a in arrays.items()}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        safetensors_io.write(folder / "weights.safetensors", arrays, {"format": "pt"})
        (folder / "recipe").write_text(RECIPE.format(
            bands=bands, type="densenet-encoder" if family is densenet else "resnet-encoder",
            depth=depth))
        run(convert, "--recipe", folder / "recipe", "--seed", 7, "--encoder-weights",
            folder / "weights.safetensors", folder / "m.safetensors")
        tensors, _ = safetensors_io.read(folder / "m.safetensors")
    for key, a in expected.items():
        if key.split(".")[0] not in ("fc", "classifier"):
            expect(np.allclose(tensors["encoder." + key], a, rtol=1e-6, atol=1e-7), key)


ENCODERS = [("resnet18", 3), ("resnet18", 1), ("resnet50", 4), ("densenet121", 3),
            ("densenet121", 2)]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    programs = [pathlib.Path(path).resolve() for path in sys.argv[1:]]
    tests = [(f"folder: {name}", test_folder, (arguments, programs))
             for name, arguments in FOLDERS.items()]
    tests += [(f"encoder weights: {name} for {bands} bands", test_encoder,
               (name, bands, programs[2])) for name, bands in ENCODERS]
    print(f"1..{len(tests)}")
    failed = 0
    for i, (name, function, arguments) in enumerate(tests, 1):
        try:
            function(*arguments)
            print(f"ok {i} - {name}", flush=True)
        except Exception as error:      # a broken file is a failed test, too
            failed += 1
            print(f"not ok {i} - {name}")
            for line in f"{type(error).__name__}: {error}".splitlines():
                print(f"# {line}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
