#!/usr/bin/env python3
"""Compares segkit's speed with that of other programs, side by side in one run.

usage: bench.py BUILD_DIR [--train] [--models a,b] [--sizes 256,512] [--threads 1,2]
                [--peers segkit-whole,pytorch,onnxruntime] [--runs 5] [--csv FILE]

All have the same weights and the same image, and must give the same logits
before anything is timed.  They then take turns: one run of each, and again.

Needs nothing but Python itself.  Who is compared beside segkit:

    segkit-whole   segkit, the whole image at once instead of by bands
    segkit-avx2    segkit, by bands, with the kernels for AVX2 (only where --peers names it)
    pytorch        eager, float32
    onnxruntime    from npm, with graphs that PyTorch exports

Each is a process of its own that says "ready NAME VERSION", and then answers
each line of its standard input with one line:

    run            computes the network once: the seconds that took
    write FILE     writes the last logits, planar float32: "written"

Of segkit there is also "multiply-adds": how many the last run has done.

With --train it is steps of training that are compared: see training.py.
"""

import argparse
import array
import csv
import datetime
import importlib.util
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from peer import Peer, PeerError

HERE = pathlib.Path(__file__).resolve().parent
MODELS = sorted(path.stem for path in (HERE / "models").glob("*.recipe"))
PEERS = ["segkit-whole", "pytorch", "onnxruntime"]
ON_REQUEST = ["segkit-avx2"]

WORK = {"a": 96, "b": 24, "c": 16, "d": 46}     # about GFLOP at 256 × 256, to forecast the time

# with --train: models, sizes, peers
TRAINING = ["b", "c"], [256], ["pytorch"]

# of the largest logit
TOLERANCE = {"segkit-whole": 0.0, "segkit-avx2": 1e-4, "pytorch": 1e-4, "onnxruntime": 1e-4}

COLUMNS = ["date", "processor", "cores", "load", "model", "size", "threads", "peer", "version",
           "runs", "seconds_min", "seconds_median", "seconds_max", "cpu_seconds", "gflop",
           "gflops", "peak_gflops", "of_peak", "rss_mb", "ratio", "error", "problem"]


def floats(path):
    values = array.array("f")
    values.frombytes(path.read_bytes())
    return values


def largest_error(actual, expected):
    """Of the largest expected; NaN where there is one."""
    if len(actual) != len(expected):
        return float("nan")
    differences = [abs(a - b) for a, b in zip(actual, expected)]
    total = sum(differences)        # max() would pass over a NaN
    if total == 0 or total != total:
        return total
    largest = max(map(abs, expected))
    return max(differences) / largest if largest > 0 else float("inf")


class Bench:
    kind = "inference"
    work = WORK

    def __init__(self, options):
        self.options = options
        self.load = os.getloadavg()[0]      # now, since later it is our own
        self.build = pathlib.Path(options.build).resolve()
        self.folder = self.build / "bench"
        self.folder.mkdir(exist_ok=True)
        self.modules = self.folder / "node_modules"
        self.temporary = tempfile.TemporaryDirectory(dir=self.folder)
        self.model, self.onnx, self.input, self.output = (
            pathlib.Path(self.temporary.name) / name
            for name in ("model.safetensors", "model.onnx", "input.f32", "output.f32"))
        self.peers = self.present(options.peers)
        self.failed = False

    def present(self, wanted):
        """Those peers that this machine has; says which it has not."""
        torch = importlib.util.find_spec("torch") is not None
        node = shutil.which("node") is not None and self.modules.is_dir()
        missing = {}
        if not torch:
            missing["pytorch"] = "PyTorch is not installed"
            missing["onnxruntime"] = "PyTorch, which exports its models, is not installed"
        if not node:
            missing["onnxruntime"] = "node or the npm package onnxruntime-node is not installed"
        for name in wanted:
            if name in missing:
                print(f"left out: {name}: {missing[name]} (make deps-bench installs it)")
        return [name for name in wanted if name not in missing]

    # --- what all share ----------------------------------------------------------

    def torch_command(self, case, *arguments):
        return [sys.executable, HERE / "torch-peer.py", case["model"], self.model, self.input,
                *case["shape"], *arguments]

    def prepare(self, case):
        """Makes the model and the image."""
        recipe = HERE / "models" / f"{case['model']}.recipe"
        channels = int(re.search(r"^channels=(\d+)", recipe.read_text(), re.M)[1])
        case["shape"] = [str(n) for n in (channels, case["size"], case["size"])]
        run([self.build / "apps" / "segconvert", "--recipe", recipe, self.model])
        uniform = random.Random(1).uniform
        pixels = array.array("f", (uniform(-1, 1) for _ in range(channels * case["size"] ** 2)))
        self.input.write_bytes(pixels.tobytes())
        self.onnx.unlink(missing_ok=True)       # the last model's

    def provide(self, case, peer):
        """Makes what only this peer needs, before any of them runs: PyTorch takes long, and memory."""
        if peer.name == "onnxruntime" and not self.onnx.exists():
            run(self.torch_command(case, "--export", self.onnx))

    def start(self, case, peer):
        threads = str(case["threads"])
        segkit = [self.build / "tests" / "bench" / "segkit-peer", "--threads", threads]
        arguments = [self.model, self.input, *case["shape"]]
        command = {
            "segkit": [*segkit, "--bands", *arguments],
            "segkit-whole": [*segkit, *arguments],
            "segkit-avx2": ["env", "SEGKIT_CPU=x86-64-v3", *segkit, "--bands", *arguments],
            "pytorch": self.torch_command(case, "--threads", threads),
            "onnxruntime": ["node", HERE / "onnxruntime-peer.js", self.modules, self.onnx,
                            self.input, *case["shape"], threads],
        }[peer.name]
        peer.start(command)

    # --- one case ----------------------------------------------------------------

    def warm_up(self, case, peer, expected):
        """Starts and runs once; returns the logits, after a look at whether they are right."""
        self.start(case, peer)
        peer.await_ready()
        peer.ask("run")
        peer.ask(f"write {self.output}")
        actual = floats(self.output)
        peer.error = 0.0 if expected is None else largest_error(actual, expected)
        if not peer.error <= TOLERANCE.get(peer.name, 0.0):     # true for NaN
            raise PeerError(f"its logits differ by {peer.error:.1e} of the largest")
        return actual

    def attempt(self, peer, function, *arguments):
        """What @function gives; if it fails, the peer is out of this case, with the reason."""
        if peer.problem is None:
            try:
                return function(*arguments)
            except (PeerError, OSError, ValueError) as error:
                peer.problem, self.failed = str(error) or type(error).__name__, True
        return None

    def run_case(self, case):
        """Rows of the table, segkit's first."""
        peers = [Peer(name) for name in ["segkit", *self.peers]]
        segkit, *others = peers
        try:
            for peer in peers:
                self.attempt(peer, self.provide, case, peer)
            case["peak"] = float(run([self.build / "tests" / "bench" / "fma-peak",
                                      str(case["threads"])]))
            expected = self.attempt(segkit, self.warm_up, case, segkit, None)
            multiply_adds = self.attempt(segkit, segkit.ask, "multiply-adds")
            for peer in others if segkit.problem is None else []:
                self.attempt(peer, self.warm_up, case, peer, expected)
            for _ in range(self.options.runs if segkit.problem is None else 0):
                for peer in peers:
                    self.attempt(peer, peer.time)
            if segkit.problem is not None:
                for peer in others:
                    peer.problem = peer.problem or "segkit failed: there is nothing to compare with"
            else:
                case["gflop"] = 2e-9 * int(multiply_adds)
            return [self.row(case, peer, segkit) for peer in peers]
        finally:
            for peer in peers:
                peer.close()

    def row(self, case, peer, segkit):
        row = {"model": case["model"], "size": case["size"], "threads": case["threads"],
               "load": round(self.load, 2), "peer": peer.name, "version": peer.version,
               "runs": len(peer.seconds), "peak_gflops": case["peak"],
               "problem": peer.problem or ""}
        if peer.problem is None:
            median = statistics.median(peer.seconds)
            speed = case["gflop"] / median
            row |= {"seconds_min": min(peer.seconds), "seconds_median": round(median, 6),
                    "seconds_max": max(peer.seconds),
                    "cpu_seconds": round(peer.cpu / len(peer.seconds), 3),
                    "gflop": round(case["gflop"], 3), "gflops": round(speed, 2),
                    "of_peak": round(speed / case["peak"], 4), "rss_mb": peer.peak_rss_mb(),
                    "ratio": round(median / statistics.median(segkit.seconds), 4),
                    "error": f"{peer.error:.1e}"}
        return row


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or [f"ended with {result.returncode}"]
        raise PeerError(f"{pathlib.Path(command[0]).name}: {said[-1]}")
    return result.stdout


# --- the table -----------------------------------------------------------------------

def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return os.uname().machine


def forecast(bench, cases):
    """Minutes that all cases may take."""
    peak = float(run([bench.build / "tests" / "bench" / "fma-peak", "1"]))
    n_runs = (bench.options.runs + 1) * (1 + len(bench.peers))
    gflop = sum(bench.work.get(case["model"], 50) * (case["size"] / 256) ** 2 / threads
                for case in cases for threads in bench.options.threads)
    return gflop * n_runs / (0.4 * peak) / 60


def describe(bench, cases):
    options, load = bench.options, bench.load
    print(f"processor: {processor()}, {os.cpu_count()} cores")
    if load > 0.5:
        print(f"load: {load:.1f}: others are at work here, so that seconds mean little, and ratios "
              "less than they should")
    for model in options.models:
        recipe = (HERE / "models" / f"{model}.recipe").read_text()
        print(f"model {model}: {recipe.splitlines()[0].removeprefix('# ')}")
    what = ("steps of training" if options.train else "segkit by bands, as segment runs")
    print(f"runs: {options.runs} of each, in turns; {what}; about "
          f"{forecast(bench, cases):.0f} minutes in all")
    print("seconds: median, min, max, and of the processor; of peak: of the fused multiply-adds "
          "that a probe did just before;\nratio: median to segkit's; error: largest, of the "
          f"{'loss' if options.train else 'largest logit'}\n\n" + HEAD, flush=True)


HEAD = ("model size threads peer          median      min      max      CPU  GFLOP/s of peak  RSS MB"
        "  ratio    error")


def line(row):
    text = f"{row['model']:<5} {row['size']:>4} {row['threads']:>7} {row['peer']:<12}"
    if row["problem"]:
        return f"{text} FAILED: {row['problem']}"
    rss = f"{row['rss_mb']:.0f}" if row["rss_mb"] else "-"
    return text + (f"{row['seconds_median']:>8.3f} {row['seconds_min']:>8.3f} "
                   f"{row['seconds_max']:>8.3f} {row['cpu_seconds']:>8.3f} {row['gflops']:>8.1f} "
                   f"{row['of_peak']:>7.2f} {rss:>7} {row['ratio']:>6.2f}  "
                   f"{row['error']:>7}")


def names(allowed):
    """The type of an option: some of @allowed, or any numbers, with commas between them."""
    def read(text):
        items = [item for item in text.split(",") if item]
        if allowed is None:
            items = [int(item) for item in items]
        good = all(item in allowed if allowed else item > 0 for item in items)
        if not good:
            raise ValueError
        return items
    read.__name__ = "list"
    return read


def parse(arguments):
    parser = argparse.ArgumentParser(usage=__doc__.partition("usage: ")[2].partition("\n\n")[0])
    parser.add_argument("build")
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--models", type=names(MODELS))
    parser.add_argument("--sizes", type=names(None))
    parser.add_argument("--threads", type=names(None), default=[1, 2])
    parser.add_argument("--peers", type=names(PEERS + ON_REQUEST))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--csv", type=pathlib.Path)
    options = parser.parse_args(arguments)
    models, sizes, peers = TRAINING if options.train else (MODELS, [256, 512, 1024], PEERS)
    options.models = options.models or models
    options.sizes = options.sizes or sizes
    options.peers = peers if options.peers is None else options.peers
    if options.train and set(options.peers) - set(peers):
        parser.error("--peers: only pytorch trains")
    if options.train and "d" in options.models:
        parser.error("--models: d draws masks for its dropout, and each program draws its own")
    if options.runs < 1:
        parser.error("--runs: 1 is the least")
    return options


def main():
    options = parse(sys.argv[1:])
    if options.train:
        from training import TrainingBench
        bench = TrainingBench(options)
    else:
        bench = Bench(options)
    path = options.csv or bench.folder / f"{bench.kind}.csv"
    constant = {"date": datetime.date.today().isoformat(), "processor": processor(),
                "cores": os.cpu_count()}
    cases = [{"model": model, "size": size} for model in options.models for size in options.sizes]
    describe(bench, cases)

    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for case in cases:
            bench.prepare(case)
            for threads in options.threads:
                for row in bench.run_case(case | {"threads": threads}):
                    print(line(row), flush=True)
                    table.writerow(constant | row)
                file.flush()
    print(f"\nas CSV: {path}")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PeerError as problem:
        sys.exit(f"bench.py: {problem}")
