#!/usr/bin/env python3
"""Tests count-tap.py on logs as Meson 1.0.1 writes them. Prints TAP."""

import json
import pathlib
import subprocess
import sys
import tempfile

COUNT_TAP = pathlib.Path(__file__).with_name("count-tap.py")


def program(stdout, result="OK", code=0):
    """One line of testlog.json, with the fields that count."""
    return {"name": "segkit:core / x", "stdout": stdout, "result": result, "returncode": code}


# name, log (None: no file), further arguments, the last line expected
CASES = [
    ("all passed", [program("1..2\nok 1 /a\nok 2 /b\n"), program("1..1\nok 1 /c\n")], [],
     "3 passed, 0 failed"),
    ("plan at the end", [program("ok 1 /a\nok 2 /b\n1..2\n")], [], "2 passed, 0 failed"),
    ("failed case", [program("1..2\nnot ok 1 /a\nok 2 /b\n", "ERROR", 1)], [],
     "1 passed, 1 failed"),
    ("two failed cases", [program("1..2\nnot ok 1 /a\nnot ok 2 /b\n", "ERROR", 1)], [],
     "0 passed, 2 failed"),
    ("skipped case", [program("1..2\nok 1 /a # SKIP no data\nok 2 /b\n")], [],
     "1 passed, 0 failed, 1 skipped"),
    ("skipped program", [program("1..0 # SKIP no torch\n", "SKIP")], [],
     "0 passed, 0 failed, 1 skipped"),
    ("case still to do", [program("1..1\nnot ok 1 /a # TODO later\n")], [],
     "0 passed, 0 failed, 1 skipped"),
    ("to do, yet passed", [program("1..1\nok 1 /a # TODO later\n", "FAIL")], [],
     "0 passed, 1 failed"),
    ("comments are no cases", [program("# ok 9 /z\n1..1\nok 1 /a\n#not ok\n")], [],
     "1 passed, 0 failed"),
    ("crash", [program("1..3\nok 1 /a\n", "ERROR", -11)], [], "1 passed, 1 failed"),
    ("crash before the plan", [program("", "ERROR", -11)], [], "0 passed, 1 failed"),
    ("failed assertion is one failure",
     [program("1..3\nok 1 /a\nnot ok /b - ERROR\nBail out!\n", "ERROR", -6)], [],
     "1 passed, 1 failed"),
    ("timeout", [program("1..3\nok 1 /a\n", "TIMEOUT", -15)], [], "1 passed, 1 failed"),
    ("too few cases", [program("1..3\nok 1 /a\n", "ERROR")], [], "1 passed, 1 failed"),
    ("too few cases, all skipped: Meson says SKIP",
     [program("1..3\nok 1 /a # SKIP x\n", "SKIP")], [], "0 passed, 1 failed, 1 skipped"),
    ("no plan: Meson says OK", [program("ok 1 /a\n")], [], "1 passed, 1 failed"),
    ("no output: Meson says SKIP", [program("", "SKIP")], [], "0 passed, 1 failed"),
    ("wrong exit status", [program("1..1\nok 1 /a\n", "ERROR", 3)], [], "1 passed, 1 failed"),
    ("no TAP, passed", [program("hello\n")], [], "1 passed, 0 failed"),
    ("no TAP, failed", [program("hello\n", "FAIL", 1)], [], "0 passed, 1 failed"),
    ("no TAP, skipped", [program("hello\n", "SKIP", 77)], [], "0 passed, 0 failed, 1 skipped"),
    ("should fail and does", [program("", "EXPECTEDFAIL", 1)], [], "1 passed, 0 failed"),
    ("should fail and does not", [program("", "UNEXPECTEDPASS")], [], "0 passed, 1 failed"),
    ("nothing ran", [], [], "0 passed, 1 failed"),
    ("no log", None, [], "0 passed, 1 failed"),
    ("meson itself failed", [program("1..1\nok 1 /a\n")], ["--status=2"], "1 passed, 1 failed"),
    ("meson's status adds nothing to a failure",
     [program("1..1\nnot ok 1 /a\n", "FAIL", 1)], ["--status=1"], "0 passed, 1 failed"),
    ("log cut off", '{"name": "segkit', [], "0 passed, 1 failed"),
]


def run(log, arguments):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "testlog.json")
        if isinstance(log, list):
            log = "".join(json.dumps(entry) + "\n" for entry in log)
        if log is not None:
            path.write_text(log, encoding="utf-8")
        return subprocess.run([sys.executable, COUNT_TAP, *arguments, path],
                              capture_output=True, text=True, check=False)


def main():
    print(f"1..{len(CASES)}")
    all_good = True
    for number, (name, log, arguments, expected) in enumerate(CASES, 1):
        done = run(log, arguments)
        last_line = (done.stdout.splitlines() or [""])[-1]
        should_succeed = ", 0 failed" in expected
        good = last_line == expected and (done.returncode == 0) == should_succeed
        all_good &= good
        print(f"{'ok' if good else 'not ok'} {number} /count-tap/{name.replace(' ', '-')}")
        if not good:
            print(f"# expected: {expected}\n# got: {last_line}, status {done.returncode}")
            print("".join(f"# {line}\n" for line in done.stderr.splitlines()), end="")
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(main())
