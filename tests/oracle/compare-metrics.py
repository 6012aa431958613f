#!/usr/bin/env python3
"""Compares metrics with what numpy makes of their definitions, pixel by pixel.

usage: compare-metrics.py PROGRAM

Where scikit-learn is installed, its numbers are compared, too.  Prints TAP.
"""

import pathlib
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)
try:
    import sklearn.metrics as sklearn
except ImportError:
    sklearn = None

CASES = 200
IGNORE = 65535


def random_case(rng):
    """Labels of which some classes may be in the truth only, in the prediction
    only, or in neither."""
    n_classes = int(rng.integers(2, 13))
    n = int(rng.integers(1, 400))
    in_truth = rng.permutation(n_classes)[:rng.integers(1, n_classes + 1)]
    in_prediction = rng.permutation(n_classes)[:rng.integers(1, n_classes + 1)]
    truth = rng.choice(in_truth, n).astype(np.uint16)
    predicted = rng.choice(in_prediction, n).astype(np.uint8)
    both = np.isin(truth, in_prediction) & (rng.random(n) < 0.6)
    predicted[both] = truth[both]
    truth[rng.random(n) < 0.1] = IGNORE
    return n_classes, truth, predicted


def quotient(a, b, otherwise):
    return a / b if b > 0 else otherwise


def measure(truth, predicted, label):
    t, p = truth == label, predicted == label
    if not (t | p).any():
        return [np.nan] * 6
    return [
        quotient((t & p).sum(), (t | p).sum(), 0),
        quotient(2 * (t & p).sum(), t.sum() + p.sum(), 0),
        quotient((t & p).sum(), p.sum(), 0),
        quotient((t & p).sum(), t.sum(), 0),
        quotient((~t & ~p).sum(), (~t).sum(), np.nan),
        (t == p).mean(),
    ]


def expect(n_classes, truth, predicted):
    counted = truth != IGNORE
    truth, predicted = truth[counted], predicted[counted]
    rows = [measure(truth, predicted, label) for label in range(n_classes)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")     # of means of nothing
        means = [list(np.nanmean(np.array(rows[first:]), axis=0)) for first in (0, 1)]
    accuracy = (truth == predicted).mean() if len(truth) > 0 else np.nan
    return rows + means, accuracy


def run(program, folder, n_classes, truth, predicted):
    path = folder / "labels"
    path.write_bytes(truth.tobytes() + predicted.tobytes())
    lines = subprocess.run([program, str(n_classes), path], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return [[float(word) for word in line.split()] for line in lines[:-1]], float(lines[-1])


def same(a, b):
    return np.allclose(a, b, rtol=1e-13, atol=0, equal_nan=True)


def agrees_with_sklearn(n_classes, truth, predicted, rows):
    counted = truth != IGNORE
    truth, predicted = truth[counted], predicted[counted]
    labels = np.union1d(truth, predicted).astype(int)
    mine = np.array(rows)[labels]
    options = dict(labels=labels, average=None, zero_division=0)
    return (same(mine[:, 0], sklearn.jaccard_score(truth, predicted, **options))
            and same(mine[:, 1], sklearn.f1_score(truth, predicted, **options))
            and same(mine[:, 2], sklearn.precision_score(truth, predicted, **options))
            and same(mine[:, 3], sklearn.recall_score(truth, predicted, **options)))


def main():
    program = sys.argv[1]
    rng = np.random.default_rng(5)
    wrong = wrong_sklearn = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in range(CASES):
            n_classes, truth, predicted = random_case(rng)
            rows, accuracy = run(program, pathlib.Path(folder), n_classes, truth, predicted)
            expected, expected_accuracy = expect(n_classes, truth, predicted)
            if not (same(rows, expected) and same(accuracy, expected_accuracy)):
                wrong += 1
                print(f"# case {case}: {rows} instead of {expected}")
            if sklearn and (truth != IGNORE).any():
                wrong_sklearn += not agrees_with_sklearn(n_classes, truth, predicted, rows)
    print("1..2")
    print(f"{'not ok' if wrong else 'ok'} 1 - numpy, {CASES} cases, {wrong} differ")
    if sklearn:
        print(f"{'not ok' if wrong_sklearn else 'ok'} 2 - scikit-learn, {wrong_sklearn} differ")
    else:
        print("ok 2 - scikit-learn # SKIP it is not installed")


main()
