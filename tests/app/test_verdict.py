"""The verdict of a search: the same on any number of processes and after an interruption, and right."""

import pathlib
import random
import signal
import tempfile
import time

from end_to_end import (Checks, Started, journal_of, journal_records, keep_mpi_files_in, run, show,
                        status)

# One tree with few candidates per split by default, and all of them when tuned.
BETTER = ["--model", "extra_trees", "--data", "synthetic:forest-cover,rows=2000", "--trials", 2,
          "--folds", 4, "--verdict-repeats", 3, "--seed", 2]
BETTER_SPACE = "[space]\nn_estimators = 1\nmax_features = [1.0]\n"
# What is searched changes next to nothing.
EQUAL = ["--data", "synthetic:forest-cover,rows=800", "--trials", 4, "--folds", 3, "--seed", 2]
EQUAL_SPACE = "[space]\nn_estimators = 10\nmin_samples_split = [3, 4]\n"


def search(folder, name, words, space):
    config = folder / f"{name}.toml"
    config.write_text(space)
    return ["tune", "--config", config, *words, "--progress", "none"]


def verdict(run_file):
    (row,) = show(run_file, "verdict")
    return row


def test_is_right(checks, folder):
    for name, words, space, is_better in (("better", BETTER, BETTER_SPACE, "1"),
                                          ("equal", EQUAL, EQUAL_SPACE, "0")):
        run_file = folder / f"{name}.h5"
        result = run(search(folder, name, words, space) + ["--out", run_file])
        row = verdict(run_file)
        checks.equal(f"{name}: exit 0", result.returncode, 0)
        checks.equal(f"{name}: is_better", row["is_better"], is_better)
        said = "take the tuned configuration" if is_better == "1" else "keep the default"
        checks.check(f"{name}: it is said", f"verdict  {said}: " in result.stdout, result.stdout)
        checks.check(f"{name}: and written", row["text"].startswith(said + ": "), row["text"])
        checks.check(f"{name}: there was something to compare", row["trial"] != "0", row)
        advised = row["trial"] if is_better == "1" else "0"
        (final,) = show(run_file, "final")
        checks.equal(f"{name}: the model is that of the advised trial", (row["advised"], final["trial"]),
                     (advised, advised))
        saved = f"trial {advised}, the best of the search\n" if is_better == "1" else (
            f"the default (trial 0), as the verdict advises; --refit best saves trial {row['trial']} instead\n")
        checks.check(f"{name}: and that is said", "model    " + saved in result.stdout, result.stdout)


def test_any_number_of_processes(checks, folder):
    for np in (2, 3):
        run_file = folder / f"np{np}.h5"
        run(search(folder, "better", BETTER, BETTER_SPACE) + ["--out", run_file], np)
        checks.equal(f"np {np}: the verdict of one process", verdict(run_file),
                     verdict(folder / "better.h5"))


def test_resumes(checks, folder):
    words = ["--data", "synthetic:forest-cover,rows=1500", "--trials", 2, "--folds", 3,
             "--verdict-repeats", 8, "--test-size", 0.2, "--seed", 5]
    words = search(folder, "long", words, "[space]\nn_estimators = [150, 160]\n")
    calm = folder / "calm.h5"
    run(words + ["--out", calm])
    run_file = folder / "stopped.h5"

    def fresh_folds():
        return [record for record in journal_records(journal_of(run_file))
                if record["kind"] == "verdict-fold"]

    with Started(words + ["--out", run_file]) as job:
        while job.running() and len(fresh_folds()) < 3:
            time.sleep(0.01)
        job.signal(signal.SIGUSR1)
        checks.equal("interrupted: exit 75", job.wait(), 75)
    before = fresh_folds()
    checks.check("interrupted among the fresh folds", 3 <= len(before) < 48, len(before))
    checks.equal("interrupted: it says so", status(run_file), (75, "interrupted"))
    with Started(words + ["--out", run_file, "--resume"], np=3) as job:
        last = before
        while job.running():
            last = fresh_folds() or last
            time.sleep(0.01)
        checks.equal("resumed: exit 0", job.wait(), 0)
    checks.equal("resumed: no fresh fold is computed again", last[:len(before)], before)
    places = {(record["trial"], record["fold"]) for record in last}
    checks.equal("resumed: nor any twice", len(places), len(last))
    checks.equal("resumed: the undisturbed verdict", verdict(run_file), verdict(calm))
    checks.equal("held-out rows were judged on", verdict(calm)["held_out_rows"], "300")


def write_forest_cover(file, rows):
    """Rows in the form of UCI's file, the class from the first numbers."""
    chance = random.Random(1)
    with open(file, "w") as out:
        for _ in range(rows):
            x = [chance.randrange(100) for _ in range(54)]
            print(*x, (x[0] + x[1] + chance.randrange(60)) * 7 // 258 + 1, sep=",", file=out)


def test_forest_cover_is_judged_on_the_full_set(checks, folder):
    data = folder / "data" / "forest-cover"
    data.mkdir(parents=True)
    write_forest_cover(data / "covtype.data", 15120 + 80)
    words = ["--data", "forest-cover", "--data-dir", data.parent, "--trials", 2, "--folds", 2,
             "--verdict-repeats", 1]
    words = search(folder, "cover", words, "[space]\nn_estimators = 2\nmax_features = [0.5]\n")
    result = run(words + ["--out", folder / "full.h5"])
    row = verdict(folder / "full.h5")
    checks.equal("full set: the rows beyond Kaggle's", (row["held_out"], row["held_out_rows"]),
                 ("full set", "80"))
    checks.check("full set: it is said", "full set (80 rows): default 0." in result.stdout,
                 result.stdout)

    first = (data / "covtype.data").read_text().splitlines()[:15120]
    names = [f"x{i}" for i in range(54)] + ["Cover_Type"]
    lines = [",".join(["Id"] + names)] + [f"{i},{line}" for i, line in enumerate(first)]
    (data / "train.csv").write_text("\n".join(lines) + "\n")
    (data / "covtype.data").unlink()
    result = run(words + ["--out", folder / "kaggle.h5"])
    checks.equal("without the full set: exit 0", result.returncode, 0)
    checks.equal("without the full set: no held-out rows",
                 verdict(folder / "kaggle.h5")["held_out_rows"], "0")
    checks.check("without the full set: it is said",
                 "no full forest-cover set to judge on" in result.stdout, result.stdout)


def test_is_not_asked_for(checks, folder):
    run_file = folder / "none.h5"
    result = run(search(folder, "equal", EQUAL, EQUAL_SPACE) +
                 ["--verdict-repeats", 0, "--out", run_file])
    checks.equal("--verdict-repeats 0: exit 0", result.returncode, 0)
    checks.check("--verdict-repeats 0: no verdict", "verdict" not in result.stdout, result.stdout)


if __name__ == "__main__":
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        test_is_right(checks, pathlib.Path(folder))
        test_any_number_of_processes(checks, pathlib.Path(folder))
        test_resumes(checks, pathlib.Path(folder))
        test_forest_cover_is_judged_on_the_full_set(checks, pathlib.Path(folder))
        test_is_not_asked_for(checks, pathlib.Path(folder))
    checks.leave()
