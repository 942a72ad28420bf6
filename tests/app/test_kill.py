"""A search whose job is killed again and again loses no finished fold and ends with the same table."""

import argparse
import pathlib
import random
import tempfile
import time

from end_to_end import (PATIENCE, Checks, Started, folds_of, journal_of, keep_mpi_files_in, model_digest,
                        run, show, trials, wait_for_folds)

FOLDS = 4
LOOKING = ["--search", "tpe", "--scheduler", "asha", "--race", "rows", "--lag", 5]


def search(count, looks):
    """`looks`: decisions look at outcomes."""
    return ["tune", "--data", "synthetic:forest-cover,rows=3000", "--trials", count, "--folds",
            FOLDS, "--seed", 5, "--verdict-repeats", 1, "--progress", "none"] + (LOOKING if looks else [])


def tasks_of(run_file):
    """When each fold was finished, by trial, fold and resource."""
    return {tuple(int(task[k]) for k in ("trial", "fold", "resource")): float(task["finished"])
            for task in show(run_file, "tasks")}


def kill_after(folds, seconds, words, journal):
    """When the journal has so many folds, and a moment later; before it begins anything if there are to be none.
    Whether the run was still on when it was killed, and its output."""
    with Started(words, np=3) as job:
        deadline = time.monotonic() + PATIENCE
        while job.running() and not journal.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        wait_for_folds(job, journal, folds)
        time.sleep(seconds)
        running = job.running()
        if running:
            job.kill_all()
        return running, job.text()


def kill_again_and_again(checks, words, run_file, kills):
    """The folds that were in the journal before the last run, with their records."""
    chance = random.Random(kills)
    journal = journal_of(run_file)
    before = {}
    for number in range(1, kills + 1):
        folds, seconds = chance.randrange(5), chance.uniform(0, 0.1)
        running, output = kill_after(len(before) + folds, seconds, words, journal)
        if not checks.check(f"run {number} is still on, {folds} folds and {seconds:.2f} s later", running, output):
            return before
        after = folds_of(journal)
        kept = all(after.get(fold) == record for fold, record in before.items())
        checks.check(f"kill {number}: the {len(before)} folds from before are kept, now {len(after)}",
                     kept, f"before {sorted(before)}\nafter {sorted(after)}")
        before = after
    return before


def test_kills(checks, folder, kills, looks):
    run_file, calm_file = folder / "run.h5", folder / "calm.h5"
    count = max(150 if looks else 8, 2 * kills)  # enough that no kill comes too late
    words = search(count, looks) + ["--out", run_file, "--resume"]
    before = kill_again_and_again(checks, words, run_file, kills)
    checks.check("the kills left folds in the journal", len(before) > 0)
    last = run(words, np=3, timeout=300)
    checks.check("the last resume finishes", last.returncode == 0, last.stdout + last.stderr)
    calm = run(search(count, looks) + ["--out", calm_file], timeout=300)
    checks.check("the undisturbed run on one rank finishes", calm.returncode == 0, calm.stderr)

    checks.equal("the table of trials is that of the undisturbed run", trials(run_file),
                 trials(calm_file))
    checks.equal("so is the model", model_digest(run_file), model_digest(calm_file))
    tasks, rows = tasks_of(run_file), len(show(run_file, "tasks"))
    checks.equal("each fold stands exactly once among the tasks",
                 (sorted(tasks), rows), (sorted(tasks_of(calm_file)), len(tasks)))
    again = [fold for fold, record in before.items() if tasks.get(fold) != record["finished"]]
    checks.equal("no fold of the journal was run again", again, [])
    checks.check("the journal is gone", not journal_of(run_file).exists())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--looks", action="store_true", help="TPE, ASHA and a race")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        test_kills(checks, pathlib.Path(folder), arguments.kills, arguments.looks)
    checks.leave()
