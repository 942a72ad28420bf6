"""jobs/federate.sh and jobs/federate.sbatch go on, whoever is lost.

  test_federate.py [--all]     --all: also what takes long to be noticed
"""

import argparse
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

import fake_slurm
from end_to_end import (CANOPY, ENVIRONMENT, Checks, Started, journal_of, keep_mpi_files_in,
                        pid_of_rank, run, show, status, trail, wait_for_a_checkpoint)

# Some seconds on one core, so that it can be stopped in the middle.
STUDY = ["--data", "synthetic:mnist,rows=2000", "--model", "lenet", "--clients", 20,
         "--fraction-fit", 0.5, "--rounds", 40, "--local-epochs", 2, "--checkpoint-every", 2,
         "--evaluate-every", 10, "--seed", 5, "--progress", "none"]


class StartedJob(Started):
    def __init__(self, words, **variables):
        self.begin([TOP / "jobs" / "federate.sh", *words],
                   {**ENVIRONMENT, "CANOPY": CANOPY, "NP": "3", **variables})


class FederateJobs:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        calm = folder / "calm.h5"
        result = run(["federate", *STUDY, "--out", calm], np=2, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        self.trail = trail(calm)

    def is_finished(self, name, run_file, sessions):
        self.checks.equal(f"{name}: with the undisturbed trail", trail(run_file), self.trail)
        self.checks.equal(f"{name}: in {sessions} sessions", len(show(run_file, "sessions")),
                          sessions)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())

    @contextlib.contextmanager
    def killed(self, name, rank, restarts, words=(), **variables):
        """What is done inside is done while the others find out."""
        run_file = self.folder / f"killed{rank}.h5"
        with StartedJob([*STUDY, *words, "--out", run_file], **variables) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            os.kill(pid_of_rank(job, rank), signal.SIGKILL)
            yield
            self.checks.equal(f"{name}: the job finishes", job.wait(), 0)
            self.checks.equal(f"{name}: after {restarts} restarts", job.text().count("; restart "),
                              restarts)
        self.is_finished(name, run_file, restarts + 1)

    def stopped(self):
        name, run_file = "SIGTERM to the job", self.folder / "stopped.h5"
        with StartedJob([*STUDY, "--out", run_file]) as job:
            wait_for_a_checkpoint(self.checks, name, job, run_file)
            job.signal(signal.SIGTERM)
            self.checks.equal(f"{name}: exit 75", job.wait(), 75)
            self.checks.check(f"{name}: no restart", "restart" not in job.text(), job.text())
        self.checks.equal(f"{name}: all is saved", status(run_file), (75, "interrupted"))

    def under_slurm(self):
        run_file = self.folder / "results" / "federate-7.h5"
        slurm = fake_slurm.install(self.folder, TOP, {**ENVIRONMENT, "CANOPY": CANOPY})

        def job(words, **variables):
            line = ["bash", TOP / "jobs" / "federate.sbatch", *STUDY, "--out", run_file, *words]
            return subprocess.run([str(word) for word in line], env={**slurm, **variables}, text=True,
                                  timeout=300, stdin=subprocess.DEVNULL, capture_output=True)

        first = job(["--walltime", 0.3])
        self.checks.equal("sbatch, out of time: exit 75", first.returncode, 75)
        self.checks.check("sbatch, out of time: queued again",
                          "scontrol: requeue 7" in first.stdout, first.stdout + first.stderr)
        last = job([], SLURM_RESTART_COUNT="1")
        self.checks.equal("sbatch, queued again: finishes", last.returncode, 0)
        self.checks.check("sbatch, queued again: and that is all", "scontrol" not in last.stdout)
        self.is_finished("sbatch, queued again", run_file, 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    everything = parser.parse_args().all
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        jobs = FederateJobs(checks, pathlib.Path(folder))
        combiner = ["--layout", "tree", "--combiners", 1]
        with jobs.killed("a killed combiner", 1, 1, combiner, NP="4"), jobs.killed("a killed client", 2, 0):
            jobs.stopped()
            jobs.under_slurm()
        if everything:
            with jobs.killed("a killed reducer", 0, 1):
                pass
    checks.leave()
