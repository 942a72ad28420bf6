"""jobs/train.sh and jobs/train.sbatch go on from the last checkpoint, and know when not to."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

import fake_slurm
from end_to_end import (CANOPY, ENVIRONMENT, Checks, Started, journal_of, keep_mpi_files_in,
                        model_digest, pid_of_rank, run, show, status, wait_for_a_checkpoint)

# Some seconds on one core, long enough to be killed in the middle; an epoch takes about 0.1 s.
FIT = ["--data", "synthetic:mnist,rows=3000", "--model", "lenet", "--epochs", 25, "--seed", 5,
       "--progress", "none", "--checkpoint-every", 1]


class StartedJob(Started):
    def __init__(self, words, **variables):
        self.begin([TOP / "jobs" / "train.sh", *words],
                   {**ENVIRONMENT, "CANOPY": CANOPY, "NP": "2", **variables})


class TrainJobs:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        calm, began = folder / "calm.h5", time.monotonic()
        result = run(["train", *FIT, "--out", calm], np=2)
        self.share = (time.monotonic() - began) / 5  # of what the fit takes here, in which some epochs are done
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        self.digest = model_digest(calm)

    def is_finished(self, name, run_file):
        self.checks.equal(f"{name}: with the undisturbed model", model_digest(run_file), self.digest)
        told = [row["text"] for row in show(run_file, "events") if row["kind"] == "resume"]
        self.checks.check(f"{name}: from a checkpoint", told and "from update 0;" not in told[0], told)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())

    def killed_rank(self):
        name, run_file = "a killed rank", self.folder / "killed.h5"
        with StartedJob([*FIT, "--overwrite", "--out", run_file]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 1), signal.SIGKILL)
            self.checks.equal(f"{name}: the job finishes", job.wait(), 0)
            self.checks.check(f"{name}: after one restart", "restart 1 of 3" in job.text() and
                              "restart 2" not in job.text(), job.text())
        self.is_finished(name, run_file)

    def not_again_and_again(self):
        """MAX_RESTARTS is respected, and so is somebody who wants it to stop."""
        name, run_file = "MAX_RESTARTS=0", self.folder / "stopped.h5"
        words = [*FIT, f"--out={run_file}"]
        with StartedJob(words, MAX_RESTARTS="0") as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, 1), signal.SIGKILL)
            self.checks.equal(f"{name}: exit 75", job.wait(), 75)
            self.checks.check(f"{name}: says so", "gave up after 0 restarts" in job.text(), job.text())
        name, before = "SIGTERM to the job", run_file.stat().st_mtime_ns
        with StartedJob([*words, "--resume"]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file, newer_than=before)
            job.signal(signal.SIGTERM)
            self.checks.equal(f"{name}: exit 75", job.wait(), 75)
            self.checks.check(f"{name}: no restart", "restart" not in job.text(), job.text())
        self.checks.equal(f"{name}: all is saved", status(run_file), (75, "interrupted"))
        with StartedJob([*words, "--resume"]) as job:
            self.checks.equal(f"{name}: the same words and --resume finish", job.wait(), 0)
        self.is_finished(name, run_file)

    def walltime(self):
        run_file = self.folder / "walltime.h5"
        with StartedJob([*FIT, "--walltime", self.share, "--out", run_file]) as job:
            self.checks.equal("--walltime: exit 75", job.wait(), 75)
            self.checks.check("--walltime: no restart", "restart" not in job.text(), job.text())

    def mistakes(self):
        for name, words, variables, told in (
                ("a wrong option", ["--epoch", 3], {}, "did you mean"),
                ("a wrong number", FIT, {"MAX_RESTARTS": "many"}, "MAX_RESTARTS is 'many'"),
                ("no program", FIT, {"CANOPY": "/nowhere/canopy"}, "jobs/build.sh builds it")):
            with StartedJob([*words, "--out", self.folder / "never.h5"], **variables) as job:
                self.checks.equal(f"{name}: exit 2", job.wait(), 2)
                self.checks.check(f"{name}: says what, and does not try again",
                                  told in job.text() and "restart " not in job.text(), job.text())

    def under_slurm(self):
        run_file = self.folder / "results" / "train-7.h5"
        slurm = fake_slurm.install(self.folder, TOP, {**ENVIRONMENT, "CANOPY": CANOPY})

        def job(words, **variables):
            line = ["bash", TOP / "jobs" / "train.sbatch", *FIT, "--out", run_file, *words]
            return subprocess.run([str(word) for word in line], env={**slurm, **variables}, text=True,
                                  timeout=120, stdin=subprocess.DEVNULL, capture_output=True)

        first = job(["--overwrite", "--walltime", self.share])
        self.checks.equal("sbatch, out of time: exit 75", first.returncode, 75)
        self.checks.check("sbatch, out of time: queued again",
                          "scontrol: requeue 7" in first.stdout, first.stdout + first.stderr)
        self.checks.check("sbatch: one lost rank ends all", "srun: --kill-on-bad-exit=1" in first.stdout)
        for name, variables in (("cancelled", {"STATE": "COMPLETING"}),
                                ("queued too often", {"MAX_RESTARTS": "1"})):
            result = job(["--walltime", self.share / 5], SLURM_RESTART_COUNT="1", **variables)
            self.checks.equal(f"sbatch, {name}: exit 75", result.returncode, 75)
            self.checks.check(f"sbatch, {name}: not queued again", "scontrol" not in result.stdout,
                              result.stdout)
        last = job(["--overwrite"], SLURM_RESTART_COUNT="2")
        self.checks.equal("sbatch, queued again: finishes", last.returncode, 0)
        self.checks.check("sbatch, queued again: and that is all", "scontrol" not in last.stdout)
        self.is_finished("sbatch, queued again", run_file)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        jobs = TrainJobs(checks, pathlib.Path(folder))
        jobs.killed_rank()
        jobs.not_again_and_again()
        jobs.walltime()
        jobs.mistakes()
        jobs.under_slurm()
    checks.leave()
