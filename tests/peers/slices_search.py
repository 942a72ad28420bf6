#!/usr/bin/env python3
"""What slices save: the core time after which a search with slices has reached the best score of a random
search without them, on forest cover. Prints both for each seed, their ratio, and how many configurations each
scored in an hour of a core.

  tests/peers/slices_search.py [--seeds 5] [--trials 200] [--sliced 40] [--folds 3] [--trees 300] [--search random]
                               [--np 1]

Core time is the time inside folds; both searches use the same folds. Some minutes a seed; a quiet machine."""
import argparse
import pathlib
import statistics
import subprocess
import tempfile

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPACE = """
[space]
n_estimators = {{ type = "int", low = {least}, high = {most}, points = 11 }}
max_depth = {{ type = "int", low = 10, high = 40, points = 16, also = ["None"] }}
min_samples_split = {{ type = "int", low = 2, high = 10, points = 9 }}
max_features = ["sqrt", "log2", 0.2, 0.4, 0.6, 0.8]
min_samples_leaf = {{ type = "int", low = 1, high = 5 }}
bootstrap = [true, false]
criterion = ["gini", "entropy"]
"""


class Run:
    """Scores of trials and what their folds took, in the order of trials."""

    def __init__(self, file):
        with h5py.File(file) as run:
            self.scores = run["trials/mean_test_score"][()]
            tasks = run["tasks"]
            seconds = tasks["finished"][()] - tasks["started"][()]
            self.seconds = np.bincount(tasks["trial"][()], seconds, minlength=len(self.scores))
            self.configurations = len(self.scores)
            if "slices" in run:
                self.configurations += len(run["slices/score"])

    @property
    def best(self):
        return np.nanmax(self.scores)

    def seconds_to(self, score):
        """Of all trials up to the first one that is as good; infinity when none is."""
        reached = np.nonzero(self.scores >= score)[0]
        return self.seconds[:reached[0] + 1].sum() if len(reached) else float("inf")

    def per_hour(self):
        return self.configurations / self.seconds.sum() * 3600


def search(options, folder, seed, *more):
    out = folder / "run.h5"
    (folder / "space.toml").write_text(SPACE.format(least=options.trees // 6, most=options.trees))
    subprocess.run(["mpirun", "-np", str(options.np), "--oversubscribe", "--bind-to", "none",
                    ROOT / "build/canopy", "tune", "--data", "forest-cover", "--config", folder / "space.toml",
                    "--folds", str(options.folds), "--seed", str(seed), "--verdict-repeats", "0", "--out", out,
                    "--overwrite", "--quiet", *more], check=True)
    return Run(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--sliced", type=int, default=40)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--trees", type=int, default=300, help="the most that are searched; a sixth is the least")
    parser.add_argument("--search", default="random")
    parser.add_argument("--np", type=int, default=1)
    options = parser.parse_args()
    print("seed  random: best  core s  slices: core s to it  best   ratio  configurations/h: random  slices")
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.seeds):
            plain = search(options, pathlib.Path(name), seed, "--trials", str(options.trials))
            sliced = search(options, pathlib.Path(name), seed, "--trials", str(options.sliced),
                            "--search", options.search, "--slices")
            to_it = sliced.seconds_to(plain.best)
            ratios.append(to_it / plain.seconds.sum())
            print(f"{seed:>4}  {plain.best:>12.4f}  {plain.seconds.sum():>6.0f}  {to_it:>20.0f}  {sliced.best:.4f}"
                  f"  {ratios[-1]:>5.2f}  {plain.per_hour():>24.0f}  {sliced.per_hour():>6.0f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
