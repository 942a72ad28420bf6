"""`canopy federate` stopped, killed and with ranks lost: it goes on, here or by --resume, to the
trail of an undisturbed run.

  test_federate_losses.py [--all]     --all: also what takes long to be noticed
"""

import argparse
import os
import pathlib
import signal
import tempfile
import time

from end_to_end import (Checks, Started, keep_mpi_files_in, model_digest, pid_of_rank, run, show,
                        status, trail, wait_for_a_checkpoint)

# Some seconds on one core, so that it can be stopped in the middle.
LONG = ["federate", "--data", "synthetic:mnist,rows=2000", "--model", "lenet", "--clients", 20,
        "--fraction-fit", 0.5, "--rounds", 40, "--local-epochs", 2, "--checkpoint-every", 2,
        "--evaluate-every", 10, "--seed", 5, "--progress", "none"]


class Losses:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.calm = folder / "calm.h5"
        result = run(LONG + ["--out", self.calm], np=2, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)

    def resumes(self, name, run_file, np, words):
        result = run(LONG + words + ["--out", run_file, "--resume"], np, timeout=300)
        self.checks.check(f"{name}: --resume finishes", result.returncode == 0,
                          result.stdout + result.stderr)
        self.checks.equal(f"{name}: with the undisturbed trail", trail(run_file), trail(self.calm))
        self.checks.equal(f"{name}: and model", model_digest(run_file), model_digest(self.calm))

    def stopped(self):
        name, run_file = "stopped", self.folder / "stopped.h5"
        with Started(LONG + ["--out", run_file], np=3) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            job.signal(signal.SIGUSR1)
            self.checks.equal(f"{name}: exit 75", job.wait(), 75)
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file), (75, "interrupted"))
        self.resumes(name, run_file, 2, ["--layout", "tree", "--combiners", 2])
        kinds = [row["kind"] for row in show(run_file, "events")]
        self.checks.equal(f"{name}: the events of both sessions are kept", kinds,
                          ["signal", "resume"])
        first, second = show(run_file, "sessions")
        self.checks.equal(f"{name}: two sessions, how each ended",
                          [first["status"], second["status"]], ["interrupted", "complete"])
        self.checks.equal(f"{name}: and began, in processes", [first["np"], second["np"]],
                          ["3", "2"])
        self.checks.equal(f"{name}: the second goes on where the first ended",
                          [first["from_round"], second["from_round"],
                           str(int(first["rounds"]) + int(second["rounds"]))],
                          ["0", first["rounds"], "40"])
        told = sorted({int(row["round"]) for row in show(run_file, "combiner_rounds")})
        self.checks.equal(f"{name}: combiners tell of every round", told, list(range(1, 41)))
        self.checks.equal(f"{name}: with its model", second["from_model"],
                          trail(run_file)[int(second["from_round"])])

    def killed(self):
        """All at once, with no time to save anything."""
        name, run_file = "killed", self.folder / "killed.h5"
        with Started(LONG + ["--out", run_file], np=2) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            job.kill_all()
        self.resumes(name, run_file, 1, [])

    def killed_asynchronous(self):
        name, run_file, calm = "killed without rounds", self.folder / "a.h5", self.folder / "b.h5"
        words = LONG + ["--aggregator", "fedbuff", "--compute", "lognormal:0.01,1"]
        with Started(words + ["--out", run_file], np=3) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            job.kill_all()
        result = run(words + ["--out", run_file, "--resume"], np=2, timeout=300)
        self.checks.check(f"{name}: --resume finishes", result.returncode == 0,
                          result.stdout + result.stderr)
        run(words + ["--out", calm], np=1, timeout=300)
        self.checks.equal(f"{name}: with the undisturbed trail", trail(run_file), trail(calm))

    def lost_combiner(self):
        """What it had summed up is gone: the run ends with what was saved, and goes on from it."""
        name, run_file = "a lost combiner", self.folder / "combiner.h5"
        words = ["--layout", "tree", "--combiners", 1]
        with Started(LONG + words + ["--out", run_file], np=4,
                     launcher=["--enable-recovery"]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 1), signal.SIGKILL)
            job.wait()
            self.checks.check(f"{name}: the output names it", "combiner 1 on rank 1" in job.text(),
                              job.text())
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        self.resumes(name, run_file, 2, [])

    def lost_reducer(self):
        """mpirun ends the others with an error, and `--resume` goes on from what was saved."""
        name, run_file = "a lost reducer", self.folder / "reducer.h5"
        with Started(LONG + ["--out", run_file], np=3) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 0), signal.SIGKILL)
            self.checks.check(f"{name}: mpirun ends with an error", job.wait() != 0, job.text())
        self.resumes(name, run_file, 2, [])

    def lost_reducer_unnoticed(self):
        """Under --enable-recovery mpirun lets the others be, and ends with 0 whatever they do: they
        find out by its silence and leave."""
        name, run_file = "a silent reducer", self.folder / "silent.h5"
        words = ["--layout", "tree", "--combiners", 1]
        with Started(LONG + words + ["--out", run_file], np=4,
                     launcher=["--enable-recovery"]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 0), signal.SIGKILL)
            began = time.monotonic()
            job.wait()
            waited = time.monotonic() - began
            self.checks.check(f"{name}: all end within its 30 s of silence, and some", waited < 45,
                              waited)
            for rank in (1, 2, 3):
                self.checks.check(f"{name}: rank {rank} says why it leaves",
                                  f"rank {rank} has not heard of the reducer" in job.text(),
                                  job.text())
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        self.resumes(name, run_file, 2, [])

    def lost_client_rank(self):
        """Under --enable-recovery the others do its work; the result is the undisturbed one."""
        name, run_file = "a lost rank", self.folder / "lost.h5"
        with Started(LONG + ["--out", run_file], np=4, launcher=["--enable-recovery"]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 3), signal.SIGKILL)
            job.wait()
        self.checks.equal(f"{name}: the run is complete", status(run_file)[0], 0)
        told = [row["text"] for row in show(run_file, "events") if row["kind"] == "lost-rank"]
        self.checks.check(f"{name}: the event names it", bool(told) and "rank 3" in told[0], told)
        self.checks.equal(f"{name}: the undisturbed trail", trail(run_file), trail(self.calm))

    def lost_member(self, rank):
        """Of a team, whether its leader or another: its clients go to the other team."""
        name, run_file = f"a team's lost rank {rank}", self.folder / f"team{rank}.h5"
        with Started(LONG + ["--ranks-per-client", 2, "--out", run_file], np=5,
                     launcher=["--enable-recovery"]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, rank), signal.SIGKILL)
            job.wait()
        self.checks.equal(f"{name}: the run is complete", status(run_file)[0], 0)
        told = [row["text"] for row in show(run_file, "events") if row["kind"] == "lost-rank"]
        self.checks.check(f"{name}: the event names it", bool(told) and f"rank {rank}" in told[0],
                          told)
        self.checks.equal(f"{name}: the undisturbed trail", trail(run_file), trail(self.calm))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        losses = Losses(checks, pathlib.Path(folder))
        losses.stopped()
        losses.killed()
        losses.killed_asynchronous()
        losses.lost_combiner()
        losses.lost_client_rank()
        losses.lost_member(3)
        if arguments.all:
            losses.lost_reducer()
            losses.lost_member(4)
            losses.lost_reducer_unnoticed()
    checks.leave()
