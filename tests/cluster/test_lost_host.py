"""`canopy train` over virtual hosts: a rank is killed or stops answering, and the run goes on elsewhere.

Hosts are network namespaces of virtual_vms.sh, one rank each. Needs root; without namespaces it is skipped.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from machines import Machines, end_to_end
from end_to_end import (Checks, journal_of, journal_records, model_digest, run, show, status)

HOSTS = 3
SECONDS = 10  # within which everybody has to end
# Long epochs: who stops between two of them is waited for by MPI, which has no time-out.
LONG = ["train", "--data", "synthetic:mnist,rows=20000", "--model", "lenet", "--epochs", 400,
        "--allreduce", "own", "--checkpoint-every", 0, "--progress", "none"]
FIT = ["train", "--data", "synthetic:mnist,rows=2000", "--model", "lenet", "--epochs", 40, "--seed", 5,
       "--allreduce", "own", "--progress", "none"]


def has_begun(run_file):
    return any(record["kind"] == "step" for record in journal_records(journal_of(run_file)))


class LostHost:
    def __init__(self, checks, folder, machines):
        self.checks = checks
        self.machines = machines
        self.folder = folder
        calm = folder / "calm.h5"
        result = run(FIT + ["--out", calm], timeout=300)
        checks.check("the undisturbed run on one process finishes", result.returncode == 0,
                     result.stderr)
        self.digest = model_digest(calm)

    def on_hosts(self, ranks, words):
        """The first hosts run one rank each."""
        return [self.machines.script, "mpirun", str(ranks), end_to_end.CANOPY] + [str(word) for word in words]

    def all_ranks(self):
        return {rank: pid for host in range(1, HOSTS + 1)
                for rank, pid in self.machines.ranks_on(host).items()}

    def loses(self, name, number, fit, is_ready, texts):
        """Rank 1 of two gets the signal; returns the run file."""
        run_file, log = self.folder / f"{name}.h5", self.folder / f"{name}.txt"
        with open(log, "w") as output:
            job = subprocess.Popen(self.on_hosts(2, fit + ["--out", run_file]), stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env=end_to_end.ENVIRONMENT, start_new_session=True)
        deadline = time.monotonic() + 60
        while job.poll() is None and not is_ready(run_file) and time.monotonic() < deadline:
            time.sleep(0.02)
        victims = self.machines.ranks_on(2)
        if not self.checks.equal(f"{name}: rank 1 is on the second host, in the midst of the fit",
                                 (list(victims), is_ready(run_file)), ([1], True)):
            print(log.read_text())
        os.kill(victims[1], number)
        since = time.monotonic()
        while (job.poll() is None or self.all_ranks()) and time.monotonic() - since < 3 * SECONDS:
            time.sleep(0.05)
        seconds = time.monotonic() - since
        shown = run(["show", run_file])
        said = log.read_text() + shown.stdout + shown.stderr
        self.checks.check(f"{name}: everybody has ended within {SECONDS} s, in {seconds:.1f} s",
                          seconds < SECONDS and job.poll() not in (None, 0), said)
        for text in texts:
            self.checks.check(f"{name}: it is told: {text}", text in said, said)
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        return run_file

    def resumes(self, name, run_file):
        result = subprocess.run(self.on_hosts(HOSTS, FIT + ["--out", run_file, "--resume"]), text=True,
                                capture_output=True, timeout=300, stdin=subprocess.DEVNULL,
                                env=end_to_end.ENVIRONMENT)
        self.checks.check(f"{name}: --resume finishes on {HOSTS} hosts", result.returncode == 0,
                          result.stdout + result.stderr)
        self.checks.equal(f"{name}: with the undisturbed model", model_digest(run_file), self.digest)
        self.checks.equal(f"{name}: on different hosts",
                          [row["host"] for row in show(run_file, "layout")],
                          [f"vm{host}" for host in range(1, HOSTS + 1)])

    def waits(self):
        """Messages that take far longer than what is computed."""
        self.machines("down")
        self.checks.equal("slow links: the hosts are up",
                          self.machines("up", 2, "--rate", "20mbit").returncode, 0)
        run_file = self.folder / "slow.h5"
        result = subprocess.run(
            self.on_hosts(2, ["train", "--data", "synthetic:mnist,rows=640", "--model", "mlp", "--epochs", 2,
                         "--progress", "none", "--out", run_file]), text=True, capture_output=True,
            timeout=300, stdin=subprocess.DEVNULL, env=end_to_end.ENVIRONMENT)
        said = [line for line in result.stdout.splitlines() if line.startswith("advice ")]
        told = [row["text"] for row in show(run_file, "events") if row["kind"] == "advice"]
        self.checks.check("slow links: fewer ranks are advised, on the screen and in the record",
                          len(said) == len(told) == 1 and told[0] in said[0]
                          and told[0].startswith("2 ranks took") and "start fewer" in told[0],
                          result.stdout + result.stderr)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        machines = Machines("lost", "10.79.0", folder)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes the hosts down all the same
        machines.up_or_skip(HOSTS)
        checks = Checks()
        try:
            train = LostHost(checks, pathlib.Path(folder), machines)
            saved = train.loses("killed", signal.SIGKILL, FIT, pathlib.Path.exists,
                                ["rank 1", "vm2", "signal 9", "by its journal"])
            train.resumes("killed", saved)
            train.loses("frozen", signal.SIGSTOP, LONG, has_begun,
                        ["canopy: update", "as rank 0 on vm1 saw", "rank 1 has not answered"])
            train.waits()
        finally:
            machines("down")
    checks.leave()
