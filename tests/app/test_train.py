"""How `canopy train` ends early - signals, a killed worker, a kill of everything - and goes on."""

import os
import pathlib
import re
import signal
import tempfile
import time

from end_to_end import (PATIENCE, Checks, Started, check_killed_rank, journal_of, keep_mpi_files_in,
                        model_digest, pid_of_rank, run, show, status, wait_for_a_checkpoint)

TREES = 3000
# Some seconds on one core: long enough to be stopped in the middle. Few nodes for the time they take,
# so that saving them is cheap beside it.
FIT = ["train", "--data", "synthetic:forest-cover,rows=20000", "--n-estimators", TREES, "--seed", 5,
       "--max-features", "all", "--min-samples-leaf", 400, "--progress", "none"]


class Train:
    """One run file is stopped and killed, and gone on with each time, until all its trees are grown."""

    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.run_file = folder / "run.h5"
        self.trees = 0  # in the run file
        self.calm = folder / "calm.h5"
        result = run(FIT + ["--out", self.calm], np=2, timeout=500)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        for name in ("data", "encoded", "forest", "fit", "hold-out", "importance", "run file"):
            checks.check(f"its summary has a line '{name}'",
                         any(line.startswith(name + " ") for line in result.stdout.splitlines()),
                         result.stdout)
        self.digest = model_digest(self.calm)

    def begin(self, np):
        return Started(FIT + ["--out", self.run_file] + (["--resume"] if self.trees else []), np)

    def wait_for_the_fit(self, name, job):
        """Until it is announced, and a moment longer: trees are being grown then."""
        deadline = time.monotonic() + PATIENCE
        while job.running() and "canopy train: " not in job.text() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        self.checks.check(f"{name}: the fit goes on before it", job.running(), job.text())

    def stopped(self, number, np):
        """The signal to the process itself, or SIGUSR1 to mpirun, which passes it on."""
        name = f"{number.name} at np {np}"
        with self.begin(np) as job:
            self.wait_for_the_fit(name, job)
            job.signal(number)
            self.checks.equal(f"{name}: exit 75", job.wait(), 75)
            told = re.search(r"stopped with (\d+) of \d+ trees .* --resume", job.text())
            trees = int(told[1]) if told else 0
            self.checks.check(f"{name}: the output tells of {trees} trees, after {self.trees}, and --resume",
                              trees > self.trees, job.text())
            self.trees = trees
        self.checks.equal(f"{name}: `show status` exits 75", status(self.run_file), (75, "interrupted"))

    def in_the_way(self):
        again = run(FIT + ["--out", self.run_file])
        self.checks.equal("without --resume the file is in the way", again.returncode, 2)
        predicted = run(["predict", "--model", self.run_file, "--data", "synthetic:forest-cover,rows=100",
                         "--out", self.folder / "never.csv"])
        self.checks.equal("nobody predicts with a part of a model", predicted.returncode, 3)

    def killed_worker(self):
        """Plain mpirun ends everything; nothing hangs, the cause is named, what was saved is there.

        The worker is halted first, with trees in hand, so that no fit is over before it is killed."""
        name, before = "a killed worker", self.run_file.stat().st_mtime_ns
        with self.begin(np=3) as job:
            self.wait_for_the_fit(name, job)
            os.kill(pid_of_rank(job, 2), signal.SIGSTOP)
            wait_for_a_checkpoint(self.checks, name, job, self.run_file, newer_than=before)
            check_killed_rank(self.checks, name, job)
        self.checks.equal(f"{name}: `show status` exits 75", status(self.run_file)[0], 75)

    def resumes(self, np):
        result = run(FIT + ["--out", self.run_file, "--resume"], np, timeout=500)
        if not self.checks.equal("--resume finishes", result.returncode, 0):
            print(result.stdout + result.stderr)
            return
        self.checks.equal("... with the undisturbed model", model_digest(self.run_file), self.digest)
        told = [row["text"] for row in show(self.run_file, "events") if row["kind"] == "resume"]
        trees = int(told[-1].split()[0]) if told else 0
        self.checks.check(f"... which takes {trees} trees over", self.trees < trees < TREES, told)
        self.checks.check("... and leaves no journal", not journal_of(self.run_file).exists())

    def finished(self):
        content = self.calm.read_bytes()
        done = run(FIT + ["--out", self.calm, "--resume"])
        self.checks.equal("--resume of a complete run: exit 0", done.returncode, 0)
        self.checks.check("... and leaves the file alone", self.calm.read_bytes() == content)

    def usage(self):
        out = self.folder / "never.h5"
        for words, said in ((["--model", "mpl"], "one of forest, extra_trees"),
                            (["--n-estimators", 0], "--n-estimators"),
                            (["--test-size", 1.5], "between 0 and 0.9"),
                            (["--kind", "extra_trees"], "--kind"),
                            (["--permutation-repeats", "many"], "expected at least 0"),
                            (["--model", "mlp", "--permutation-repeats", 2], "set --model forest"),
                            (["--bootstrap", "false", "--oob-score"], "--oob-score")):
            result = run(["train", "--data", "synthetic:forest-cover,rows=100", "--out", out, *words])
            self.checks.equal(f"{words[0]} {words[-1]}: exit 2", result.returncode, 2)
            self.checks.check(f"{words[0]} {words[-1]}: is explained", said in result.stderr,
                              result.stderr)
        self.checks.check("bad usage leaves no file",
                          not out.exists() and not journal_of(out).exists())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        train = Train(checks, pathlib.Path(folder))
        train.stopped(signal.SIGUSR1, np=3)
        train.in_the_way()
        train.stopped(signal.SIGTERM, np=1)
        train.killed_worker()
        train.resumes(np=3)
        train.finished()
        train.usage()
    checks.leave()
