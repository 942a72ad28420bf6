"""jobs/tune.sh and jobs/tune.sbatch: a search survives its workers, and goes on without lost machines."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

import fake_slurm
from end_to_end import (CANOPY, ENVIRONMENT, Checks, Started, descendants, journal_of,
                        keep_mpi_files_in, model_digest, pid_of_rank, rank_of, run, show, status,
                        trials, wait_for_folds)

# Some seconds on one core, so that it can be stopped in the middle.
SEARCH = ["--data", "synthetic:forest-cover,rows=900", "--trials", 8, "--folds", 4, "--seed", 5,
          "--verdict-repeats", 0, "--progress", "none"]


class StartedJob(Started):
    def __init__(self, words, **variables):
        self.begin([TOP / "jobs" / "tune.sh", *words],
                   {**ENVIRONMENT, "CANOPY": CANOPY, "NP": "3", **variables})


class TuneJobs:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        calm = folder / "calm.h5"
        result = run(["tune", *SEARCH, "--out", calm], np=3, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        self.table, self.digest = trials(calm), model_digest(calm)

    def is_finished(self, name, run_file):
        self.checks.check(f"{name}: the undisturbed table", trials(run_file) == self.table)
        self.checks.equal(f"{name}: and model", model_digest(run_file), self.digest)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())

    @contextlib.contextmanager
    def killed(self, name, rank, restarts):
        """What is done inside is done while the others find out."""
        run_file = self.folder / f"killed{rank}.h5"
        with StartedJob([*SEARCH, "--out", run_file]) as job:
            self.checks.check(f"{name}: in the midst of it",
                              wait_for_folds(job, journal_of(run_file), 3), job.text())
            os.kill(pid_of_rank(job, rank), signal.SIGKILL)
            yield
            self.checks.equal(f"{name}: the job finishes", job.wait(), 0)
            self.checks.equal(f"{name}: after {restarts} restarts", job.text().count("; restart "),
                              restarts)
        self.is_finished(name, run_file)

    def stopped(self):
        name, run_file = "SIGTERM to the job", self.folder / "stopped.h5"
        with StartedJob([*SEARCH, "--out", run_file]) as job:
            wait_for_folds(job, journal_of(run_file), 3)
            job.signal(signal.SIGTERM)
            self.checks.equal(f"{name}: exit 75", job.wait(), 75)
            self.checks.check(f"{name}: no restart", "restart" not in job.text(), job.text())
        self.checks.equal(f"{name}: all is saved", status(run_file), (75, "interrupted"))
        with StartedJob([*SEARCH, "--out", run_file, "--resume"]) as job:
            self.checks.equal(f"{name}: the same words and --resume finish", job.wait(), 0)
        self.is_finished(name, run_file)
        with StartedJob([*SEARCH, "--out", run_file]) as job:
            self.checks.equal("a run file that is there: exit 2", job.wait(), 2)
            self.checks.check("a run file that is there: says so", "exists already" in job.text(),
                              job.text())

    def walltime(self):
        with StartedJob([*SEARCH, "--walltime", 0.3, "--out", self.folder / "walltime.h5"]) as job:
            self.checks.equal("--walltime: exit 75", job.wait(), 75)
            self.checks.check("--walltime: no restart", "restart" not in job.text(), job.text())

    def mistakes(self):
        with StartedJob(["--trails", 3, "--out", self.folder / "never.h5"]) as job:
            self.checks.equal("a wrong option: exit 2", job.wait(), 2)
            self.checks.check("a wrong option: says what, and does not try again",
                              "did you mean" in job.text() and "restart" not in job.text(), job.text())

    def lost_machine(self):
        """Nothing moves any more, and one of the two machines does not answer."""
        name, run_file = "a lost machine", self.folder / "machine.h5"
        programs, hosts = self.folder / "programs", self.folder / "hosts.txt"
        programs.mkdir()
        hosts.write_text("# two machines\nlocalhost slots=3\nelsewhere slots=1\n")
        for program, lines in (
                ("ssh", "exit 255"),
                ("mpirun", f'for word; do shift; [ "$word" != "$HOSTFILE" ] || word=$ONE_MACHINE\n'
                           f'set -- "$@" "$word"; done\nexec {shutil.which("mpirun")} "$@"')):
            (programs / program).write_text(f"#!/bin/sh\n{lines}\n")
            (programs / program).chmod(0o755)
        with StartedJob([*SEARCH, "--out", run_file], PATH=f"{programs}:{os.environ['PATH']}",
                        HOSTFILE=str(hosts), ONE_MACHINE=str(TOP / "hostfiles" / "localhost.txt"), NP="4",
                        SILENCE="2", NETWORK="lo") as job:
            wait_for_folds(job, journal_of(run_file), 3)
            for pid in descendants(job.process.pid):
                if rank_of(pid) is not None:
                    os.kill(pid, signal.SIGSTOP)
            self.checks.equal(f"{name}: the job finishes", job.wait(), 0)
            for text in ("no answer from elsewhere", "goes on without", "restart 1 of 3"):
                self.checks.check(f"{name}: it is told: {text}", text in job.text(), job.text())
        self.is_finished(name, run_file)
        self.checks.equal(f"{name}: on the slots that are left", len(show(run_file, "ranks")), 3)

    def under_slurm(self):
        run_file = self.folder / "results" / "tune-7.h5"
        slurm = fake_slurm.install(self.folder, TOP, {**ENVIRONMENT, "CANOPY": CANOPY})

        def job(words, **variables):
            line = ["bash", TOP / "jobs" / "tune.sbatch", *SEARCH, "--out", run_file, *words]
            return subprocess.run([str(word) for word in line], env={**slurm, **variables}, text=True,
                                  timeout=300, stdin=subprocess.DEVNULL, capture_output=True)

        first = job(["--walltime", 0.3])
        self.checks.equal("sbatch, out of time: exit 75", first.returncode, 75)
        self.checks.check("sbatch, out of time: queued again",
                          "scontrol: requeue 7" in first.stdout, first.stdout + first.stderr)
        self.checks.check("sbatch: a lost rank ends nobody else",
                          "srun: --kill-on-bad-exit=0" in first.stdout, first.stdout)
        last = job([], SLURM_RESTART_COUNT="1")
        self.checks.equal("sbatch, queued again: finishes", last.returncode, 0)
        self.checks.check("sbatch, queued again: and that is all", "scontrol" not in last.stdout)
        self.is_finished("sbatch, queued again", run_file)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        jobs = TuneJobs(checks, pathlib.Path(folder))
        with jobs.killed("a killed coordinator", 0, 1), jobs.killed("a killed worker", 2, 0):
            jobs.stopped()
            jobs.walltime()
            jobs.mistakes()
        jobs.lost_machine()
        jobs.under_slurm()
    checks.leave()
