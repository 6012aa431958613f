"""A program that bench.py compares, running and waiting for its next turn."""

import os
import pathlib
import re
import subprocess
import tempfile
import time

PAUSE = 0.05        # seconds, for the threads of others to stop waiting actively

# of these, what the user has set for something else would change what is measured
SETTINGS = ("SEGKIT_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_")


class PeerError(Exception):
    pass


class Peer:
    """A program of those that are compared; start() runs it."""

    def __init__(self, name):
        self.name, self.problem, self.process = name, None, None
        self.seconds, self.cpu = [], 0.0
        self.version, self.has_rss = "", False
        self.stderr = tempfile.TemporaryFile("w+")

    def start(self, command):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(SETTINGS)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.stderr, text=True, env=environment)

    def answer(self):
        line = self.process.stdout.readline().strip()
        if not line:
            code = self.process.wait()
            self.stderr.seek(0)
            said = self.stderr.read().strip().splitlines()
            raise PeerError(said[-1] if said else f"ended with {code}")
        return line

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass            # why, answer() finds out
        return self.answer()

    def await_ready(self):
        self.version = self.answer().removeprefix("ready ")
        try:                # memory that reading the model took does not count
            pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
            self.has_rss = True
        except OSError:
            self.has_rss = False

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def peak_rss_mb(self):
        """Since it was ready; "" where the system does not tell."""
        if not self.has_rss:
            return ""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * 1024 / 1e6, 1)

    def time(self):
        time.sleep(PAUSE)
        cpu = self.cpu_seconds()
        self.seconds.append(float(self.ask("run")))
        self.cpu += self.cpu_seconds() - cpu

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.stderr.close()
