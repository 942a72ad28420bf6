"""Workers of a search are killed at random moments, one in each run: the run ends complete, with the table
and the model of an undisturbed one, and tells whom it lost.

  kill_workers.py [--kills N]
"""

import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app"))
from end_to_end import (Checks, Started, folds_of, journal_of, keep_mpi_files_in,  # noqa: E402
                        model_digest, pid_of_rank, run, show, status, trials,
                        wait_for_folds)

TRIALS, FOLDS, RANKS = 12, 4, 4
SEARCH = ["tune", "--data", "synthetic:forest-cover,rows=800", "--trials", TRIALS, "--folds", FOLDS,
          "--seed", 5, "--progress", "none"]


def kill_one(job, journal, rank, folds, seconds):
    """Kills the rank when the journal has so many folds, and a moment later; whether it came in time, and
    whether folds were left then."""
    wait_for_folds(job, journal, folds)
    time.sleep(seconds)
    try:
        os.kill(pid_of_rank(job, rank), signal.SIGKILL)
    except (AssertionError, ProcessLookupError):
        return False, False
    return True, journal.exists() and len(folds_of(journal)) < TRIALS * FOLDS


class Kills:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        calm = folder / "calm.h5"
        result = run(SEARCH + ["--out", calm], np=RANKS, timeout=300)
        checks.check("the undisturbed run finishes", result.returncode == 0, result.stderr)
        self.table, self.digest = trials(calm), model_digest(calm)
        self.seconds = max(float(task["finished"]) for task in show(calm, "tasks")) / (TRIALS * FOLDS)

    def kill(self, number, chance):
        """False when the run had ended before."""
        run_file = self.folder / f"run{number}.h5"
        rank, folds = chance.randrange(1, RANKS), chance.randrange(1, TRIALS * FOLDS + 1)
        seconds = chance.uniform(0, 2 * self.seconds)
        name = f"kill {number}, rank {rank} {1000 * seconds:.0f} ms after {folds} folds"
        with Started(SEARCH + ["--out", run_file], RANKS, ["--enable-recovery"]) as job:
            in_time, early = kill_one(job, journal_of(run_file), rank, folds, seconds)
            began = time.monotonic()
            job.wait()
            waited = time.monotonic() - began
            output = job.text()
        if not in_time:
            return False
        self.checks.equal(f"{name}: complete {waited:.1f} s later", status(run_file), (0, "complete"))
        self.checks.check(f"{name}: the undisturbed table", trials(run_file) == self.table, output)
        self.checks.equal(f"{name}: and model", model_digest(run_file), self.digest)
        if early:
            self.tells(name, run_file, rank, output)
        return True

    def tells(self, name, run_file, rank, output):
        lost = [row for row in show(run_file, "events") if row["kind"] == "lost-rank"]
        self.checks.check(f"{name}: an event names it",
                          [row["rank"] for row in lost] == [str(rank)], output)
        self.checks.equal(f"{name}: so do the ranks",
                          [row["rank"] for row in show(run_file, "ranks") if "lost" in row["role"]],
                          [str(rank)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        kills = Kills(checks, pathlib.Path(folder))
        chance = random.Random(arguments.kills)
        done = number = 0
        while done < arguments.kills and number < 4 * arguments.kills:
            number += 1
            done += kills.kill(number, chance)
        checks.equal("so many kills came in time", done, arguments.kills)
    checks.leave()
