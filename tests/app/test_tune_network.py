"""`canopy tune` for networks under mpirun --enable-recovery when ranks are lost: trials of one rank go on
elsewhere, those of several end the run, which --resume goes on with."""

import os
import pathlib
import signal
import tempfile
import time

from end_to_end import (Checks, Started, folds_of, journal_of, keep_mpi_files_in, model_digest,
                        pid_of_rank, run, show, status, trials, wait_for_folds)

SEARCH = ["tune", "--data", "synthetic:mnist,rows=1000", "--model", "lenet", "--trials", 6, "--folds", 3,
          "--scheduler", "asha", "--max-resource", 9, "--verdict-repeats", 0, "--seed", 5, "--progress", "none"]
TEAMS = ["--ranks-per-trial", "1,2"]
RECOVERY = ["--enable-recovery"]


class TuneNetworkLosses:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.calm = folder / "calm.h5"
        result = run(SEARCH + ["--out", self.calm], np=2, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)

    def is_undisturbed(self, name, run_file):
        self.checks.equal(f"{name}: the undisturbed table", trials(run_file), trials(self.calm))
        self.checks.equal(f"{name}: and model", model_digest(run_file), model_digest(self.calm))

    def lost_worker(self):
        name, run_file = "a lost worker, one rank a trial", self.folder / "worker.h5"
        with Started(SEARCH + ["--out", run_file], 3, RECOVERY) as job:
            wait_for_folds(job, journal_of(run_file), 3)
            os.kill(pid_of_rank(job, 2), signal.SIGKILL)
            job.wait()
        self.checks.equal(f"{name}: complete", status(run_file), (0, "complete"))
        lost = [row["rank"] for row in show(run_file, "events") if row["kind"] == "lost-rank"]
        self.checks.equal(f"{name}: the events name it", lost, ["2"])
        self.is_undisturbed(name, run_file)

    def lost_member(self, what, rank):
        name, run_file = f"a lost {what}, several ranks a trial", self.folder / f"{what}.h5"
        with Started(SEARCH + TEAMS + ["--out", run_file], 5, RECOVERY) as job:
            wait_for_folds(job, journal_of(run_file), 3)
            os.kill(pid_of_rank(job, rank), signal.SIGKILL)
            began = time.monotonic()
            job.wait()
            waited = time.monotonic() - began
            self.checks.check(f"{name}: everybody has ended within 60 s", waited < 60, waited)
            self.checks.check(f"{name}: it was said at the start", "do not outlive" in job.text(), job.text())
            self.checks.check(f"{name}: and is told, with the remedy", "--resume\n" in job.text(), job.text())
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        before = len(folds_of(journal_of(run_file)))
        result = run(SEARCH + ["--out", run_file, "--resume"], np=3, timeout=300)
        self.checks.check(f"{name}: --resume finishes", result.returncode == 0, result.stdout + result.stderr)
        resumed = [row["text"] for row in show(run_file, "events") if row["kind"] == "resume"]
        self.checks.equal(f"{name}: no finished fold is lost", resumed,
                          [f"{before} folds taken over from the journal"])
        self.is_undisturbed(name, run_file)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        losses = TuneNetworkLosses(checks, pathlib.Path(folder))
        losses.lost_worker()
        losses.lost_member("leader", 3)
        losses.lost_member("follower", 2)
    checks.leave()
