"""How `canopy train` of a network ends early - signals, a killed rank - and goes on elsewhere.

  test_train_network.py [--all]     --all: also what takes long to be noticed
"""

import argparse
import os
import pathlib
import signal
import tempfile
import time

from end_to_end import (Checks, Started, check_killed_rank, journal_of, keep_mpi_files_in, model_digest,
                        pid_of_rank, run, show, status, wait_for_a_checkpoint)

# Some seconds on one core, long enough to be stopped in the middle; an epoch takes about 0.1 s.
FIT = ["train", "--data", "synthetic:mnist,rows=3000", "--model", "lenet", "--epochs", 24,
       "--seed", 5, "--progress", "none"]
PIPELINE = ["--parallel", "pipeline", "--schedule", "zb-h1"]
SERVERS = ["--parallel", "ps", "--servers", 1]


class TrainNetwork:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.calm = folder / "calm.h5"
        result = run(FIT + ["--out", self.calm], np=2, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        for name in ("data", "packed", "network", "layout", "reduction", "training", "speed", "test set",
                     "sha256", "run file"):
            checks.check(f"its summary has a line '{name}'",
                         any(line.startswith(name + " ") for line in result.stdout.splitlines()),
                         result.stdout)
        self.digest = model_digest(self.calm)

    def resumes(self, name, run_file, np, words):
        result = run(FIT + words + ["--out", run_file, "--resume"], np, timeout=300)
        if not self.checks.equal(f"{name}: --resume finishes", result.returncode, 0):
            print(result.stdout + result.stderr)
            return
        self.checks.equal(f"{name}: with the undisturbed model", model_digest(run_file), self.digest)
        told = [row["text"] for row in show(run_file, "events") if row["kind"] == "resume"]
        self.checks.check(f"{name}: what was saved is taken over",
                          bool(told) and "from update" in told[0], told)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())

    def stopped(self, *layouts):
        """SIGUSR1 to mpirun, on with another layout, and so on; the last one comes to the end."""
        *layouts, (then_np, then_words) = layouts
        run_file = self.folder / f"stopped-{layouts[0][0]}.h5"
        changed, resume = 0, []
        for np, words in layouts:
            name = " ".join([f"stopped at np {np}", *map(str, words)])
            with Started(FIT + words + ["--out", run_file, *resume], np) as job:
                wait_for_a_checkpoint(self.checks, name, job, run_file, newer_than=changed)
                job.signal(signal.SIGUSR1)
                self.checks.equal(f"{name}: exit 75", job.wait(), 75)
                self.checks.check(f"{name}: the output names --resume", "--resume" in job.text(), job.text())
            self.checks.equal(f"{name}: `show status` exits 75", status(run_file), (75, "interrupted"))
            changed, resume = run_file.stat().st_mtime_ns, ["--resume"]
        predicted = run(["predict", "--model", run_file, "--data", "synthetic:mnist,rows=100",
                         "--out", self.folder / "never.csv"])
        self.checks.equal(f"{name}: nobody predicts with a part of a model", predicted.returncode, 3)
        self.resumes(name, run_file, then_np, then_words)

    def killed_rank(self):
        """Nothing hangs, mpirun names the rank, and the last checkpoint is there."""
        name, run_file = "a killed rank", self.folder / "killed.h5"
        with Started(FIT + ["--out", run_file], np=3) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            check_killed_rank(self.checks, name, job)
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        shown = run(["show", run_file]).stdout
        self.checks.check(f"{name}: `show` tells the last update", "last heard of" in shown, shown)
        self.resumes(name, run_file, 2, PIPELINE)

    def frozen_rank(self):
        """The others give up within the time-out, and name the rank and the update."""
        name, run_file = "a frozen rank", self.folder / "frozen.h5"
        with Started(FIT + SERVERS + ["--out", run_file], np=3) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 2), signal.SIGSTOP)
            since = time.monotonic()
            code = job.wait()
            seconds = time.monotonic() - since
            self.checks.check(f"{name}: mpirun ends non-zero", code != 0, job.text())
            self.checks.check(f"{name}: the output names rank and update",
                              "rank 2" in job.text() and "update" in job.text(), job.text())
            self.checks.check(f"{name}: all end soon after the time-out of 10 s, in {seconds:.1f} s",
                              seconds < 25)
        self.resumes(name, run_file, 1, [])

    def lost_replica(self, allreduce, how, launcher=()):
        """In a sum of gradients or between two: who is left says so in time, and the checkpoint stands."""
        name = f"--allreduce {allreduce}, {how.name}"
        run_file = self.folder / f"{allreduce}-{how.name}.h5"
        with Started(FIT + ["--allreduce", allreduce, "--out", run_file], 2, launcher) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 1), how)
            since = time.monotonic()
            code = job.wait()
            seconds = time.monotonic() - since
            if "--enable-recovery" not in launcher:  # under which mpirun takes a lost rank for no failure
                self.checks.check(f"{name}: mpirun ends non-zero", code != 0, job.text())
            self.checks.check(f"{name}: the output names rank and update",
                              "rank 1 has not answered for 6 s" in job.text()
                              and "canopy: update" in job.text(), job.text())
            self.checks.check(f"{name}: all end soon after that, in {seconds:.1f} s",
                              6 < seconds < 15)
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        self.resumes(name, run_file, 2, [])

    def predicts(self):
        out = self.folder / "pred.csv"
        result = run(["predict", "--model", self.calm, "--data", "synthetic:mnist,rows=500",
                      "--seed", 6, "--out", out, "--proba"], np=3)
        self.checks.equal("predict: exit 0", result.returncode, 0)
        lines = out.read_text().splitlines()
        self.checks.equal("predict: one line for each row and a heading", len(lines), 501)
        first = [float(word) for word in lines[1].split(",")[1:]]
        self.checks.check("predict: probabilities sum up to 1", abs(sum(first) - 1) < 1e-5, first)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        train = TrainNetwork(checks, pathlib.Path(folder))
        train.stopped((3, []), (2, PIPELINE), (4, ["--parallel", "hybrid", "--stages", 2]))
        train.stopped((1, []), (3, SERVERS))
        train.killed_rank()
        train.predicts()
        if arguments.all:
            train.frozen_rank()
            for allreduce in ("own", "mpi"):
                train.lost_replica(allreduce, signal.SIGSTOP)
                train.lost_replica(allreduce, signal.SIGKILL, ["--enable-recovery"])
    checks.leave()
