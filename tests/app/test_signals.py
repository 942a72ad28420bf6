"""How a search stops - signals, budgets, the end of the allocation - and how --resume goes on."""

import pathlib
import signal
import tempfile
import time

from end_to_end import (Checks, Started, descendants, folds_of, halted, journal_of, keep_mpi_files_in,
                        model_digest, run, show, status, trials, wait_for_folds)

# Some seconds on one core: long enough to be stopped in the middle.
BASE = ["tune", "--data", "synthetic:forest-cover,rows=1500", "--folds", 3, "--seed", 5,
        "--verdict-repeats", 0, "--progress", "none"]
SEARCH = BASE + ["--trials", 8]


class Stops:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        calm = folder / "calm.h5"
        result = run(SEARCH + ["--out", calm])
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        self.complete = calm
        self.table = trials(calm)
        self.digest = model_digest(calm)

    def resumes(self, name, run_file, np, more=()):
        result = run(SEARCH + ["--out", run_file, "--resume", *more], np)
        if not self.checks.equal(f"{name}: --resume finishes", result.returncode, 0):
            print(result.stdout + result.stderr)
            return
        self.checks.equal(f"{name}: with the undisturbed table", trials(run_file), self.table)
        self.checks.equal(f"{name}: and model", model_digest(run_file), self.digest)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())

    def is_interrupted(self, name, run_file):
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file), (75, "interrupted"))

    def graceful(self, numbers, np):
        """One signal after the other to the process itself, or to mpirun, which passes SIGUSR1 on; each time the
        search goes on from there."""
        run_file = self.folder / f"graceful-{np}.h5"
        journal, resume = journal_of(run_file), []
        for number in numbers:
            name, before = f"{number.name} at np {np}", folds_of(journal)
            with Started(SEARCH + ["--out", run_file, *resume], np) as job:
                self.checks.check(f"{name}: folds are done before it",
                                  wait_for_folds(job, journal, len(before) + 2), job.text())
                job.signal(number)
                self.checks.equal(f"{name}: exit 75", job.wait(), 75)
                self.checks.check(f"{name}: the output names --resume", "--resume" in job.text(), job.text())
            self.checks.check(f"{name}: the run file is there", run_file.exists())
            self.is_interrupted(name, run_file)
            resume = ["--resume"]
        self.resumes(name, run_file, np)
        kinds = [row["kind"] for row in show(run_file, "events") if row["kind"] in ("signal", "resume")]
        self.checks.equal(f"{name}: all sessions tell their events", kinds, ["signal", "resume"] * len(numbers))

    def terminated_mpirun(self):
        name, run_file = "SIGTERM to mpirun", self.folder / "mpirun-term.h5"
        with Started(SEARCH + ["--out", run_file], np=3) as job:
            self.checks.check(f"{name}: folds are done before it",
                              wait_for_folds(job, journal_of(run_file), 2), job.text())
            before = folds_of(journal_of(run_file))
            began = time.monotonic()
            job.signal(signal.SIGTERM)
            code = job.wait()
            took = time.monotonic() - began
            self.checks.check(f"{name}: it ends non-zero", code != 0, job.text())
            self.checks.check(f"{name}: soon ({took:.1f} s)", took < 20)
        after = folds_of(journal_of(run_file))
        self.checks.check(f"{name}: the journal is whole",
                          all(after.get(fold) == record for fold, record in before.items()))
        self.checks.equal(f"{name}: `show status` exits 75", status(run_file)[0], 75)
        self.resumes(name, run_file, np=3)

    def time_limit(self):
        run_file = self.folder / "limit.h5"
        result = run(BASE + ["--trials", 60, "--time-limit", 1, "--out", run_file], np=3)
        self.checks.equal("--time-limit 1: exit 0", result.returncode, 0)
        self.checks.equal("--time-limit 1: status", status(run_file), (0, "complete"))
        ends = [row["status"] for row in show(run_file, "trials")]
        self.checks.equal("--time-limit 1: the default is complete", ends[0], "complete")
        self.checks.check("--time-limit 1: the others are complete or stopped, and some stopped",
                          set(ends) <= {"complete", "stopped"} and "stopped" in ends, ends)
        self.checks.check("--time-limit 1: there is a model", len(model_digest(run_file)) == 64)

    def walltime(self):
        run_file = self.folder / "wall.h5"
        result = run(SEARCH + ["--walltime", 0.3, "--out", run_file], np=1)
        self.checks.equal("--walltime: exit 75", result.returncode, 75)
        self.is_interrupted("--walltime", run_file)
        other = run(BASE + ["--trials", 9, "--out", run_file, "--resume"])
        self.checks.equal("--resume with other --trials: exit 2", other.returncode, 2)
        self.checks.check("--resume with other --trials: is named",
                          "trials: 8 -> 9" in other.stderr, other.stderr)
        self.resumes("--walltime", run_file, np=1, more=["--walltime", 500])

    def files_in_the_way(self):
        again = run(SEARCH + ["--out", self.complete])
        self.checks.equal("an existing run file without flags: exit 2", again.returncode, 2)
        self.checks.check("... and names --resume and --overwrite",
                          "--resume" in again.stderr and "--overwrite" in again.stderr, again.stderr)
        content = self.complete.read_bytes()
        done = run(SEARCH + ["--out", self.complete, "--resume"])
        self.checks.equal("--resume of a complete run: exit 0", done.returncode, 0)
        other = run(BASE + ["--trials", 9, "--out", self.complete, "--resume"])
        self.checks.equal("--resume of a complete run of other --trials: exit 2", other.returncode, 2)
        self.checks.check("... which are named", "trials: 8 -> 9" in other.stderr, other.stderr)
        self.checks.check("... and leaves the file alone", self.complete.read_bytes() == content)

    def two_at_once(self):
        run_file = self.folder / "both.h5"
        with Started(SEARCH + ["--out", run_file]) as job:
            wait_for_folds(job, journal_of(run_file), 1)
            self.checks.equal("a process alone has no daemon beside it", descendants(job.process.pid), [])
            with halted(job):
                before = folds_of(journal_of(run_file))
                second = run(SEARCH + ["--out", run_file, "--resume"])
                overwrite = run(SEARCH + ["--out", run_file, "--overwrite"])
            self.checks.equal("a second run of the same file: exit 2", second.returncode, 2)
            self.checks.check("... and names the journal that the first one holds",
                              "another run is writing this journal" in second.stderr, second.stderr)
            self.checks.equal("... with --overwrite too", overwrite.returncode, 2)
            self.checks.check("... while the first one goes on, with its journal unharmed",
                              wait_for_folds(job, journal_of(run_file), len(before) + 1) and before, job.text())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        stops = Stops(checks, pathlib.Path(folder))
        stops.graceful([signal.SIGUSR1], np=3)
        stops.graceful([signal.SIGUSR1, signal.SIGTERM, signal.SIGINT], np=1)
        stops.terminated_mpirun()
        stops.time_limit()
        stops.walltime()
        stops.files_in_the_way()
        stops.two_at_once()
    checks.leave()
