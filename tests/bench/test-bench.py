#!/usr/bin/env python3
"""Tests the bench itself, on an image so small that its numbers mean nothing.

usage: test-bench.py BUILD_DIR

Prints TAP.
"""

import csv
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import bench
from peer import Peer, PeerError

# everything but who is compared comes with segkit
OPTIONS = ["--models", "d", "--sizes", "48", "--threads", "1,2", "--runs", "2",
           "--peers", "segkit-whole,segkit-avx2"]


def run_bench(build, *options):
    return subprocess.run([sys.executable, bench.__file__, build, *OPTIONS, *options],
                          capture_output=True, text=True)


def good_row(row):
    low, median, high = (float(row[f"seconds_{kind}"]) for kind in ("min", "median", "max"))
    speed = float(row["gflop"]) / median
    return 0 < low <= median <= high and row["runs"] == "2" and not row["problem"] \
        and math.isclose(float(row["gflops"]), speed, rel_tol=0.01) \
        and math.isclose(float(row["of_peak"]), speed / float(row["peak_gflops"]), rel_tol=0.05) \
        and (row["rss_mb"] == "" or float(row["rss_mb"]) > 1) \
        and float(row["error"]) <= bench.TOLERANCE.get(row["peer"], 0)


def cases_in_table(build, folder):
    path = folder / "inference.csv"
    result = run_bench(build, "--csv", path)
    print("".join(f"# {line}\n" for line in (result.stdout + result.stderr).splitlines()), end="")
    yield "bench runs", result.returncode == 0
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    yield "a row for each peer and number of threads", \
        [(row["peer"], row["threads"]) for row in rows] \
        == [(peer, threads) for threads in "12"
            for peer in ("segkit", "segkit-whole", "segkit-avx2")]
    yield "numbers fit each other", all(good_row(row) for row in rows)
    yield "each row is printed", all(row["peer"] in result.stdout for row in rows)


def training(build, folder):
    path = folder / "training.csv"
    options = ["--train", "--models", "b", "--sizes", "32", "--threads", "2", "--peers", ""]
    result = run_bench(build, *options, "--csv", path)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    yield "steps of training are timed", result.returncode == 0 and len(rows) == 1 \
        and good_row(rows[0])
    yield "who does not train is refused", run_bench(build, *options, "--peers", "onnxruntime") \
        .returncode == 2
    yield "what others cannot train is refused", run_bench(build, *options, "--models", "d") \
        .returncode == 2


def broken_peer():
    peer = Peer("broken")
    try:
        peer.start(["sh", "-c", "echo no memory >&2; exit 3"])
        peer.await_ready()
    except PeerError as error:
        return str(error) == "no memory"
    finally:
        peer.close()
    return False


def inherited_settings():
    """What a peer sees of the user's environment."""
    os.environ |= {"SEGKIT_CPU": "base", "OMP_NUM_THREADS": "1"}
    peer = Peer("environment")
    try:
        peer.start(["sh", "-c", "echo $SEGKIT_CPU$OMP_NUM_THREADS$PATH"])
        return peer.answer().removesuffix(os.environ["PATH"])
    finally:
        peer.close()
        del os.environ["SEGKIT_CPU"], os.environ["OMP_NUM_THREADS"]


class Failing(bench.Bench):
    """One of whose peers, @bad, cannot be started."""

    bad = None

    def start(self, case, peer):
        if peer.name == self.bad:
            raise PeerError("out of order")
        super().start(case, peer)


def failing_rows(build, bad):
    failing = Failing(bench.parse([str(build), *OPTIONS]))
    failing.bad = bad
    case = {"model": "d", "size": 48, "threads": 1}
    failing.prepare(case)
    rows = failing.run_case(case)
    return [row["problem"] for row in rows], [bench.line(row) for row in rows], failing.failed


def one_fails(build):
    problems, lines, failed = failing_rows(build, "segkit-whole")
    yield "others go on where a peer fails", problems == ["", "out of order", ""] and failed
    yield "a failure is a line", lines[1].endswith("FAILED: out of order")
    problems, lines, failed = failing_rows(build, "segkit")
    yield "segkit may fail, too", problems[0] == "out of order" and problems[1] != "" and failed


def cases(build, folder):
    yield from cases_in_table(build, folder)
    yield from training(build, folder)
    yield "why a peer ends is told", broken_peer()
    yield "settings for others are not inherited", inherited_settings() == ""
    yield from one_fails(build)
    nan = float("nan")
    yield "logits are compared", bench.largest_error([1.0, -3.5], [1.0, -4.0]) == 0.125
    yield "NaN is an error", math.isnan(bench.largest_error([1.0, nan, 2.0], [1.0, 1.0, 2.0]))
    yield "other sizes are an error", math.isnan(bench.largest_error([1.0], [1.0, 2.0]))
    yield "logits may all be 0", bench.largest_error([0.0], [0.0]) == 0
    yield "none of which is right", math.isinf(bench.largest_error([1.0], [0.0]))
    yield "an unknown peer is refused", run_bench(build, "--peers", "tensorflow").returncode == 2
    yield "size 0 is refused", run_bench(build, "--sizes", "0").returncode == 2
    yield "no run is refused", run_bench(build, "--runs", "0").returncode == 2


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    count = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for label, good in cases(sys.argv[1], pathlib.Path(folder)):
            count += 1
            failed += not good
            print(f"{'ok' if good else 'not ok'} {count} - {label}", flush=True)
    print(f"1..{count}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
