"""A program that bench.py compares, running and waiting for its next turn."""

import os
import pathlib
import re
import subprocess
import tempfile
import time

PAUSE = 0.05        # seconds, for the threads of others to stop waiting actively


class PeerError(Exception):
    pass


class Peer:
    """A running program of those that are compared."""

    def __init__(self, name, command):
        self.name, self.problem = name, None
        self.seconds, self.cpu = [], 0.0
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.stderr, text=True)
        self.version = ""

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
        except OSError:
            pass

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def peak_rss_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * 1024 / 1e6

    def time(self):
        time.sleep(PAUSE)
        cpu = self.cpu_seconds()
        self.seconds.append(float(self.ask("run")))
        self.cpu += self.cpu_seconds() - cpu

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.stderr.close()
