#!/usr/bin/env python3
"""Counts test cases in Meson's testlog.json; the last line is "N passed, N failed[, N skipped]".

Meson counts programs, and where it counts TAP cases it leaves out the skipped ones. It also calls
two kinds of broken program a success (seen with 1.0.1): one that prints no plan, and one that skips
some cases and ends before it has run the others. Here each TAP case counts, and:

- a program that crashes, times out or does not keep its plan counts as one failure, unless it has
  already reported failures: a failed assertion ends a GLib test, and is one failure, not two;
- "not ok # TODO" is neither passed nor failed, so it counts as skipped;
- a program that does not speak TAP counts as one case;
- a run without a single case is a failure: a wrong suite name must not look like success.

The exit status is 0 when nothing failed.
"""

import argparse
import dataclasses
import json
import re
import sys

# As Meson reads them (mesonbuild/mtest.py), so that both see the same cases.
DIRECTIVE = r"(?:\s*#\s*(skip\S*|todo)\b\s*(.*))?"
CASE = re.compile(r"(not )?ok\b\s*(?:[0-9]+\s*)?([^#]*)" + DIRECTIVE, re.IGNORECASE)
PLAN = re.compile(r"1\.\.([0-9]+)" + DIRECTIVE, re.IGNORECASE)
BAIL_OUT = "Bail out!"


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)   # what failed, in words
    skipped: list = dataclasses.field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def count_cases(program, lines):
    """Returns the count of TAP cases, what the plan promised (None: no plan) and how many came."""
    count, planned, n_cases = Count(), None, 0
    for line in lines:
        if plan := PLAN.match(line):
            planned = int(plan[1])
            if planned == 0:
                count.skipped.append(f"{program}: {plan[3] or 'no reason given'}")
        elif case := CASE.match(line):
            n_cases += 1
            bad, name, directive, reason = case[1], case[2].strip(" -"), case[3], case[4]
            directive = (directive or "").lower()
            label = f"{program}: {name or n_cases}"
            if directive == "todo" and not bad:
                count.failed.append(f"{label} passed, but is marked TODO")
            elif directive == "todo" or directive and not bad:
                count.skipped.append(f"{label} ({reason or 'no reason given'})")
            elif bad:
                count.failed.append(label)
            else:
                count.passed += 1
    return count, planned, n_cases


def count_program(entry):
    """Counts one line of the log: one test program."""
    program, result, code = entry["name"], entry["result"], entry["returncode"]
    if result == "EXPECTEDFAIL":        # declared should_fail in meson.build
        return Count(passed=1)

    lines = (entry.get("stdout") or "").splitlines()
    speaks_tap = any(PLAN.match(l) or CASE.match(l) or l.startswith(BAIL_OUT) for l in lines)
    # Without TAP only exit status 77 means "skipped"; Meson says so of a silent TAP program, too.
    if not speaks_tap and result == "OK":
        return Count(passed=1)
    if not speaks_tap and result == "SKIP" and code == 77:
        return Count(skipped=[program])

    count, planned, n_cases = count_cases(program, lines)
    progress = f"after {n_cases} {'' if planned is None else f'of {planned} '}cases"
    bail_out = next((line for line in lines if line.startswith(BAIL_OUT)), None)
    why = None
    if result == "TIMEOUT":
        why = f"timed out {progress}"
    elif bail_out:                      # holds the message of a failed GLib assertion
        why = bail_out
    elif code and code < 0:
        why = f"killed by signal {-code} {progress}"
    elif code:
        why = f"ended with status {code} {progress}"
    elif planned is not None and planned != n_cases:
        why = f"planned {planned} cases, ran {n_cases}"
    elif result not in ("OK", "SKIP"):
        why = f"Meson says {result}"
    elif planned is None:
        why = "ended without a plan"
    if why and not count.failed:
        count.failed.append(f"{program}: {why}")
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--status", type=int, default=0, help="exit status of meson test")
    parser.add_argument("log", help="BUILD_DIR/meson-logs/testlog.json")
    args = parser.parse_args()

    total = Count()
    try:
        with open(args.log, encoding="utf-8") as log:
            for line in log:
                total.add(count_program(json.loads(line)))
    except FileNotFoundError:
        pass                            # Meson writes no log when it finds no test to run
    except ValueError:
        total.failed.append(f"{args.log} is cut off")
    if not total.failed and args.status != 0:
        total.failed.append(f"meson test ended with status {args.status}")
    if not (total.passed or total.failed or total.skipped):
        total.failed.append("no test was run")

    for what in total.skipped:
        print(f"skipped  {what}")
    for what in total.failed:
        print(f"FAILED   {what}")
    counts = [f"{total.passed} passed", f"{len(total.failed)} failed"]
    if total.skipped:
        counts.append(f"{len(total.skipped)} skipped")
    print(", ".join(counts))
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
