"""Times forests of Canopy and of other programs in turn, on one core, and prints the ratios.

Started by forest_speed.sh. Every fit is a process of its own, pinned to one core; programs take turns,
so that a busy moment hits all of them. Medians of 5 of the processor seconds of the fit; Canopy's
include the encoding. Predictions: means of 3, in processor seconds too. Exit status: 0 measured, 77 no
scikit-learn or no data.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess

from peers import ROOT, data_dir

HERE = pathlib.Path(__file__).resolve().parent

# name, rows of forest cover or FLOATS, kind, trees, parameters by scikit-learn's names, ratio to scikit-learn wanted
SMALL, FULL = 15120, 581012
FLOATS = "floats"  # 100,000 rows of 8 columns, nearly every value another: made by time_peer.py
SETTINGS = [
    ("default, 15,120 rows", SMALL, "random_forest", 100, {}, 6),
    ("ExtraTrees, 15,120 rows", SMALL, "extra_trees", 100, {}, 6),
    ("entropy, 15,120 rows", SMALL, "random_forest", 50, {"criterion": "entropy"}, 5),
    ("max_features 0.5, 15,120 rows", SMALL, "random_forest", 30, {"max_features": 0.5}, 5),
    ("default, 581,012 rows", FULL, "random_forest", 10, {}, 10),
    ("ExtraTrees, 581,012 rows", FULL, "extra_trees", 5, {}, 6),
    ("default, 100,000 rows of floats", FLOATS, "random_forest", 10, {}, 1),
    ("ExtraTrees, 100,000 rows of floats", FLOATS, "extra_trees", 10, {}, 1),
]


class Bench:
    def __init__(self, options, data):
        self.options, self.data = options, data
        here = options.build / "tests" / "peers"
        self.numbers, self.floats = here / "forest-cover.npy", here / "floats.npy"
        self.repeats = 1 if options.quick else 5

    def run(self, words):
        """The line of JSON that the program prints."""
        pinned = ["taskset", "-c", str(self.options.core)] + [str(word) for word in words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(pinned, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            print(f"  {words[0]} failed: {done.stderr.strip().splitlines()[-1:]}", flush=True)
            return None
        return json.loads(done.stdout.strip().splitlines()[-1])

    def canopy(self, rows, kind, trees, parameters, learn=0, predict=0, rng="keyed"):
        name = {SMALL: "forest-cover", FULL: "forest-cover-full", FLOATS: self.floats.with_suffix(".csv")}[rows]
        words = [self.options.build / "tests" / "peers" / "time_forest", name, self.data, learn, predict,
                 1, "kind", kind, "n-estimators", trees, "rng", rng]
        for key, value in parameters.items():
            words += [key.replace("_", "-"), value]
        result = self.run(words)
        if result:
            result["fit"] = result["fit_cpu"] + result["encode"]
        return result

    def peer(self, program, rows, kind, trees, parameters, learn=0, predict=0):
        numbers, first = (self.floats, 0) if rows == FLOATS else (self.numbers, rows)
        return self.run(["/usr/bin/python3", "-B", HERE / "time_peer.py", program, numbers, first, kind,
                         trees, learn, predict, json.dumps(parameters)])

    def ranger(self, rows, trees):
        return self.run(["Rscript", "--vanilla", HERE / "time_ranger.R", self.data, rows, trees])


def median(results, key):
    numbers = [result[key] for result in results if result]
    return statistics.median(numbers) if numbers else None


def compare_fits(bench, settings):
    name, rows, kind, trees, parameters, wanted = settings
    runs = {"canopy": [], "canopy --rng sklearn": [], "scikit-learn": []}
    for _ in range(bench.repeats):
        runs["scikit-learn"].append(bench.peer("sklearn", rows, kind, trees, parameters))
        runs["canopy"].append(bench.canopy(rows, kind, trees, parameters))
        runs["canopy --rng sklearn"].append(bench.canopy(rows, kind, trees, parameters, rng="sklearn"))
    ours, theirs = median(runs["canopy"], "fit"), median(runs["scikit-learn"], "fit")
    same_trees = median(runs["canopy --rng sklearn"], "fit")
    peak = [median(runs[who], "peak") / 2**20 for who in ("canopy", "scikit-learn")]
    print(f"{name:34} {1e3 * ours / trees:9.2f} {1e3 * theirs / trees:9.2f} {theirs / ours:7.2f}x"
          f" {wanted:6}x {theirs / same_trees:9.2f}x {1e3 * median(runs['canopy'], 'encode'):8.1f}"
          f" {peak[0]:8.0f} {peak[1]:8.0f}", flush=True)


def compare_others(bench, peers):
    """Other libraries at their random forest's settings nearest to scikit-learn's default."""
    for rows, trees, others in ((SMALL, 20, ("ranger", "xgboost", "opencv")), (FULL, 2, ("ranger", "xgboost"))):
        ours = median([bench.canopy(rows, "random_forest", trees, {}) for _ in range(bench.repeats)], "fit")
        for other in others:
            if other not in peers:
                continue
            repeats = range(1 if rows == FULL else min(3, bench.repeats))
            result = [bench.ranger(rows, trees) if other == "ranger" else
                      bench.peer(other, rows, "random_forest", trees, {}) for _ in repeats]
            if theirs := median(result, "fit"):
                print(f"{other + ', ' + f'{rows:,} rows':34} {1e3 * ours / trees:9.2f}"
                      f" {1e3 * theirs / trees:9.2f} {theirs / ours:7.2f}x", flush=True)


def compare_predictions(bench):
    trees = 20 if bench.options.quick else 100
    ours = bench.canopy(FULL, "random_forest", trees, {}, learn=464809, predict=100000)
    theirs = bench.peer("sklearn", FULL, "random_forest", trees, {}, learn=464809, predict=100000)
    print(f"\npredict_proba of 100,000 rows, {trees} trees of 464,809 rows: canopy {ours['predict']:.3f} s,"
          f" scikit-learn {theirs['predict']:.3f} s, {theirs['predict'] / ours['predict']:.1f}x (wanted 5x);"
          f" peak memory with the fit {ours['peak'] / 2**20:.0f} and {theirs['peak'] / 2**20:.0f} MiB")


def installed_peers():
    peers, missing = [], []
    for name, module in (("sklearn", "sklearn"), ("xgboost", "xgboost"), ("opencv", "cv2")):
        found = subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], capture_output=True)
        (peers if found.returncode == 0 else missing).append(name)
    ranger = shutil.which("Rscript") and subprocess.run(
        ["Rscript", "-e", "library(ranger)"], capture_output=True).returncode == 0
    (peers if ranger else missing).append("ranger")
    if missing:
        print("not installed, so left out:", ", ".join(missing),
              "(Debian: python3-sklearn r-cran-ranger python3-xgboost python3-opencv)")
    return peers


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="once instead of 5 times, fewer trees")
    parser.add_argument("--core", type=int, default=os.cpu_count() - 1, help="the core to run on")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--only", default="", help="only the fits whose name begins so, beside scikit-learn")
    options = parser.parse_args()
    peers = installed_peers()
    bench = Bench(options, data_dir("covtype.data.gz"))
    subprocess.run(["/usr/bin/python3", "-B", HERE / "time_peer.py", "prepare", bench.numbers, bench.data],
                   check=True)
    subprocess.run(["/usr/bin/python3", "-B", HERE / "time_peer.py", "floats", bench.floats], check=True)
    print(f"{'ms of the processor per tree':34} {'canopy':>9} {'peer':>9} {'ratio':>8} {'wanted':>7}"
          f" {'same trees':>10} {'encode':>8} {'MiB':>8} {'MiB peer':>8}")
    for settings in SETTINGS:
        if settings[0].startswith(options.only):
            compare_fits(bench, settings)
    if options.only:
        return
    compare_others(bench, peers)
    compare_predictions(bench)


main()
