"""`canopy tune` under mpirun --enable-recovery when ranks are lost, and folds that take too much."""

import os
import pathlib
import re
import signal
import tempfile
import time

from end_to_end import (Checks, Started, folds_of, journal_of, keep_mpi_files_in, model_digest,
                        pid_of_rank, run, show, status, trials, wait_for_folds)

SEARCH = ["tune", "--data", "synthetic:forest-cover,rows=1500", "--trials", 8, "--folds", 4, "--seed", 5,
          "--verdict-repeats", 1, "--progress", "none"]
RECOVERY = ["--enable-recovery"]


class TuneLosses:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.calm = folder / "calm.h5"
        result = run(SEARCH + ["--out", self.calm], np=3, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)

    def resumes(self, name, run_file, before):
        result = run(SEARCH + ["--out", run_file, "--resume"], np=3, timeout=300)
        self.checks.check(f"{name}: --resume finishes", result.returncode == 0,
                          result.stdout + result.stderr)
        self.checks.equal(f"{name}: with the undisturbed table", trials(run_file), trials(self.calm))
        self.checks.equal(f"{name}: and model", model_digest(run_file), model_digest(self.calm))
        resumed = [row["text"] for row in show(run_file, "events") if row["kind"] == "resume"]
        self.checks.equal(f"{name}: no finished fold is lost", resumed,
                          [f"{before} folds taken over from the journal"])

    def lost_coordinator(self):
        """mpirun lets the workers be: they find out and leave."""
        name, run_file = "a lost coordinator", self.folder / "coordinator.h5"
        with Started(SEARCH + ["--out", run_file], 4, RECOVERY) as job:
            wait_for_folds(job, journal_of(run_file), 5)
            os.kill(pid_of_rank(job, 0), signal.SIGKILL)
            began = time.monotonic()
            job.wait()
            waited = time.monotonic() - began
            self.checks.check(f"{name}: everybody has ended soon, in {waited:.1f} s", waited < 10)
            self.checks.check(f"{name}: the workers say why", "has lost rank 0" in job.text(), job.text())
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        self.resumes(name, run_file, len(folds_of(journal_of(run_file))))

    def lost_workers(self):
        """Nobody is left: what was found is saved."""
        name, run_file = "all workers lost", self.folder / "workers.h5"
        with Started(SEARCH + ["--out", run_file], 3, RECOVERY) as job:
            wait_for_folds(job, journal_of(run_file), 5)
            for rank in (1, 2):
                os.kill(pid_of_rank(job, rank), signal.SIGKILL)
            job.wait()
            for rank in (1, 2):
                self.checks.equal(f"{name}: a line names rank {rank}, and its work",
                                  len(re.findall(rf"^canopy: rank {rank} on \S+ was lost: .*; .*(fold|no work)",
                                                 job.text(), re.MULTILINE)), 1)
            self.checks.check(f"{name}: it is told, with the remedy",
                              "all 2 workers are lost" in job.text() and "--resume" in job.text(),
                              job.text())
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file), (75, "interrupted"))
        lost = [row["rank"] for row in show(run_file, "events") if row["kind"] == "lost-rank"]
        self.checks.equal(f"{name}: the events name them", sorted(lost), ["1", "2"])
        self.resumes(name, run_file, len(folds_of(journal_of(run_file))))

    def frozen_worker(self):
        """Stopped for a while, it is not lost."""
        name, run_file = "a worker that stands still for 3 s", self.folder / "frozen.h5"
        with Started(SEARCH + ["--out", run_file], 3, RECOVERY) as job:
            wait_for_folds(job, journal_of(run_file), 5)
            worker = pid_of_rank(job, 1)
            os.kill(worker, signal.SIGSTOP)
            time.sleep(3)
            os.kill(worker, signal.SIGCONT)
            job.wait()
        self.checks.equal(f"{name}: complete", status(run_file), (0, "complete"))
        self.checks.equal(f"{name}: nobody is lost", show(run_file, "events"), [])
        self.checks.equal(f"{name}: the undisturbed table", trials(run_file), trials(self.calm))

    def limit(self, name, words, text):
        run_file = self.folder / f"{name}.h5"
        config = self.folder / "space.toml"
        config.write_text("[space]\nn_estimators = [2, 3000]\nmax_features = 'sqrt'\n")
        result = run(["tune", "--data", "synthetic:forest-cover,rows=4000", "--trials", 3, "--folds", 2,
                      "--seed", 5, "--progress", "none", "--config", config, "--out", run_file] + words,
                     np=3, timeout=300)
        self.checks.equal(f"{name}: exit 4, with failed trials", result.returncode, 4)
        fates = {row["param_n_estimators"]: (row["status"], row["stop_reason"])
                 for row in show(run_file, "trials")}
        self.checks.equal(f"{name}: the small forest is fine", fates["2"][0], "complete")
        self.checks.check(f"{name}: the large one failed and tells why",
                          fates["3000"][0] == "failed" and text in fates["3000"][1], fates)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        losses = TuneLosses(checks, pathlib.Path(folder))
        losses.lost_coordinator()
        losses.lost_workers()
        losses.frozen_worker()
        losses.limit("time", ["--task-timeout", 1], "a fold may take 1 s (--task-timeout)")
        losses.limit("memory", ["--task-memory", 100], "a fold may take 100 MB (--task-memory)")
    checks.leave()
