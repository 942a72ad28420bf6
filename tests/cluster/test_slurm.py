"""jobs/COMMAND.sbatch by a real Slurm on three virtual machines: a time limit and a preemption come in the
midst of it, and the job that is queued again ends with the result of one process.

  test_slurm.py [COMMAND...]

Takes minutes. Needs root and network namespaces, else it is skipped.
"""

import os
import pathlib
import signal
import sys
import tempfile
import time

from machines import TOP, Machines, end_to_end
from studies import STUDIES
from end_to_end import CANOPY, Checks, journal_of, run, status

os.chdir(TOP)  # jobs are submitted from here
SHARE = 0.1
# Slurm looks at limits every 30 s, and gives the signal up to 30 s early: each run takes longer than both.
LONGER = {"tune": ["--data", "synthetic:forest-cover,rows=3000", "--trials", 16, "--verdict-repeats", 2],
          "train": [], "federate": ["--rounds", 120]}


def words_of(command):
    return [*STUDIES[command].words, *LONGER[command]]


class SlurmJobs:
    def __init__(self, checks, folder, slurm):
        self.checks = checks
        self.folder = folder
        self.slurm = slurm
        self.results = {}

    def undisturbed(self, command):
        calm = self.folder / f"{command}.h5"
        result = run([command, *words_of(command), "--out", calm], timeout=300)
        self.checks.check(f"{command}: one process finishes", result.returncode == 0, result.stderr)
        self.results[command] = STUDIES[command].result(calm)

    def submit(self, name, command, run_file, options=()):
        """Returns the job's number, once the run is under way."""
        result = self.slurm("exec", 1, "sbatch", "--parsable", "--nodes", 3, "--ntasks", 3,
                            f"--output={run_file.with_suffix('.log')}", *options,
                            f"jobs/{command}.sbatch", *words_of(command), "--out", run_file)
        self.checks.check(f"{name}: sbatch takes the job", result.returncode == 0, result.stderr)
        number = result.stdout.strip()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not STUDIES[command].is_under_way(run_file):
            time.sleep(0.1)
        return number

    def state(self, number):
        return self.slurm("exec", 1, "squeue", "-h", "-j", number, "-o", "%T").stdout.strip()

    def finishes(self, name, command, number, run_file):
        deadline = time.monotonic() + 400
        while (state := self.state(number)) and time.monotonic() < deadline:
            if state == "PENDING":  # for two minutes, by itself; what it left on the nodes needs some seconds
                time.sleep(10)
                self.slurm("exec", 1, "scontrol", "update", f"JobId={number}", "StartTime=now")
            time.sleep(1)
        said = run_file.with_suffix(".log").read_text()
        shown = self.slurm("exec", 1, "scontrol", "show", "job", number).stdout
        if not self.checks.equal(f"{name}: the run is complete", status(run_file)[0], 0):
            log = self.folder / f"canopy-slurm-{self.slurm.name}" / "slurmctld.log"
            print(said, shown, log.read_text())
            return
        self.checks.check(f"{name}: with the bits of one process",
                          STUDIES[command].result(run_file) == self.results[command], said)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())
        restarts = [word for word in shown.split() if word.startswith("Restarts=")]
        self.checks.check(f"{name}: it was queued again, {restarts}",
                          restarts and restarts != ["Restarts=0"], shown)

    def time_limit(self, command):
        """The signal is due 35 s after the start."""
        name, run_file = f"{command}, a time limit", self.folder / f"{command}-limit.h5"
        number = self.submit(name, command, run_file, ["--time", 2, "--signal", "USR1@85"])
        self.finishes(name, command, number, run_file)
        self.checks.check(f"{name}: the job says so",
                          "queued again to go on" in run_file.with_suffix(".log").read_text())

    def preemption(self, command):
        name, run_file = f"{command}, a preemption", self.folder / f"{command}-urgent.h5"
        number = self.submit(name, command, run_file)
        self.checks.equal(f"{name}: it runs", self.state(number), "RUNNING")
        urgent = self.slurm("exec", 1, "sbatch", "--parsable", "--partition", "urgent", "--nodes", 3,
                            "--output", "/dev/null", "--wrap", "sleep 2").stdout.strip()
        deadline = time.monotonic() + 60
        while self.state(urgent) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.checks.equal(f"{name}: the urgent job was done first",
                          (self.state(urgent), bool(self.state(number))), ("", True))
        self.finishes(name, command, number, run_file)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # munged is a user of its own
        slurm = Machines("slurm", "10.84.0", folder, script="slurm.sh")
        end_to_end.ENVIRONMENT["CANOPY"] = CANOPY
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes the machines down all the same
        slurm.up_or_skip(3, "--cpu", SHARE)
        checks = Checks()
        try:
            jobs = SlurmJobs(checks, pathlib.Path(folder), slurm)
            for command in sys.argv[1:] or STUDIES:
                jobs.undisturbed(command)
                jobs.preemption(command)
                jobs.time_limit(command)
        finally:
            slurm("down")
    checks.leave()
