"""The bench's other half: steps of training instead of runs of the network.

Each program has the same weights, the same batch of images and the same class
of each pixel, and answers "run" with a step: forward, cross-entropy, backward,
Adam.  "loss" gives the last step's loss.
"""

import array
import pathlib
import random
import sys

from bench import HERE, WORK, Bench, run
from peer import PeerError

BATCH = 4
STEPS_COMPARED = 2      # the second has weights that went through a step

# of the loss.  Adam's first step follows the sign of a gradient, however small: where that is
# nothing but rounding, weights may go either way
TOLERANCE = 1e-3

# a step, in units of the network's own run
WORK = {model: 3 * BATCH * gflop for model, gflop in WORK.items()}


class TrainingBench(Bench):
    kind = "training"
    work = WORK

    def prepare(self, case):
        super().prepare(case)
        self.targets = pathlib.Path(self.temporary.name) / "targets.u16"
        n_pixels = case["size"] ** 2
        generator = random.Random(2)
        channels = int(case["shape"][0])
        pixels = array.array("f", (generator.uniform(-1, 1)
                                   for _ in range(BATCH * channels * n_pixels)))
        classes = array.array("H", generator.choices((0, 1), k=BATCH * n_pixels))
        self.input.write_bytes(pixels.tobytes())
        self.targets.write_bytes(classes.tobytes())

    def start(self, case, peer):
        threads = ["--threads", str(case["threads"])]
        command = {
            "segkit": [self.build / "tests" / "bench" / "segkit-train-peer", *threads],
            "pytorch": [sys.executable, HERE / "torch-train-peer.py", *threads, case["model"]],
        }[peer.name]
        peer.start([*command, self.model, self.input, self.targets, str(BATCH), *case["shape"]])

    def warm_up(self, case, peer, expected):
        """Starts and makes some steps; returns their losses, after a look at whether they are right."""
        self.start(case, peer)
        peer.await_ready()
        losses = []
        for _ in range(STEPS_COMPARED):
            peer.ask("run")
            losses.append(float(peer.ask("loss")))
        errors = [abs(a / b - 1) for a, b in zip(losses, expected or losses)]
        peer.error = max(errors, key=lambda e: (e != e, e))
        if not peer.error <= TOLERANCE:     # true for NaN
            raise PeerError(f"its losses are {losses}, not {expected}")
        return losses
