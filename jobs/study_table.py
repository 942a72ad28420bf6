#!/usr/bin/env python3
"""Prints what jobs/study-federated.sh found, one line per cell: medians over seeds, as Markdown.

  python3 jobs/study_table.py results/federated/skew-*.h5 [--target 0.9]

Files are NAME-seedN.h5. Columns: rounds (or steps) until the test accuracy first is --target, read off with
linear interpolation ("-": never, in the median); the mean test accuracy of the last three evaluations; the
accuracy of the worst tenth of clients on their own rows, likewise; the length of a client's update; agreement,
the length of the mean update over the mean length of the updates (1: all pull the same way), over the first
five rounds, if their models were kept; virtual seconds and megabytes of devices until the target and at the end; updates lost.
Needs python3-h5py."""
import argparse
import pathlib
import re
import statistics
import sys

try:
    import h5py
    import numpy as np
except ImportError as error:
    sys.exit(f"study_table: {error}; apt-get install python3-h5py")

COLUMNS = ("to target", "seconds to target", "MB to target", "accuracy", "worst tenth", "update", "agreement",
           "seconds", "MB", "lost")


def reaches(values, accuracy, target):
    """Where values are when the accuracy first is the target, by linear interpolation; infinity if never."""
    there = np.flatnonzero(accuracy >= target)
    if not len(there):
        return float("inf")
    if there[0] == 0:
        return float(values[0])
    low, high = there[0] - 1, there[0]
    share = (target - accuracy[low]) / (accuracy[high] - accuracy[low])
    return float(values[low] + share * (values[high] - values[low]))


def agreement(run, rounds, lengths):
    """Mean over the rounds whose models before and after were kept; NaN without any."""
    arrays = run["model/arrays"]
    weights = {int(m[1]): arrays[n][:] for n in arrays if (m := re.fullmatch(r"model_of_round_(\d+)", n))}
    pairs = [np.linalg.norm(weights[r] - weights[r - 1]) / lengths[r]
             for r in rounds if r in weights and r - 1 in weights and lengths.get(r)]
    return statistics.fmean(pairs) if pairs else float("nan")


def measure(file, target):
    with h5py.File(file) as run:
        rounds = {name: column[:] for name, column in run["rounds"].items()}
        updates = {name: run["updates"][name][:] for name in ("round", "norm", "weight")}
        number = rounds["round"]
        lengths = {int(r): float(np.mean(updates["norm"][(updates["round"] == r) & (updates["weight"] > 0)]))
                   for r in np.unique(updates["round"]) if (updates["weight"][updates["round"] == r] > 0).any()}
        together = agreement(run, number[:5], lengths)
    seen = np.isfinite(rounds["accuracy"])
    accuracy = rounds["accuracy"][seen]
    seconds, megabytes = rounds["virtual_seconds"], np.cumsum(rounds["bytes_device"]) / 1e6
    return (reaches(number[seen], accuracy, target), reaches(seconds[seen], accuracy, target),
            reaches(megabytes[seen], accuracy, target), accuracy[-3:].mean(),
            rounds["client_accuracy_worst_decile"][seen][-3:].mean(), statistics.fmean(lengths.values()),
            together, seconds[-1], megabytes[-1], rounds["dropped"].sum())


def shown(column, value):
    if not np.isfinite(value):
        return "-" if value > 0 else ""
    digits = {"accuracy": 4, "worst tenth": 3, "update": 2, "agreement": 2, "lost": 0}
    return f"{value:.{digits.get(column, 1)}f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--target", type=float, default=0.9, help="accuracy on the test rows [0.9]")
    options = parser.parse_args()
    cells = {}
    for file in map(pathlib.Path, options.files):
        if match := re.fullmatch(r"(.*)-seed(\d+)", file.stem):
            cells.setdefault(match[1], []).append(measure(file, options.target))
    print("| cell | seeds |", " | ".join(COLUMNS), "|")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for name, rows in cells.items():
        medians = [statistics.median(column) for column in zip(*rows)]
        print(f"| {name} | {len(rows)} |", " | ".join(map(shown, COLUMNS, medians)), "|")


if __name__ == "__main__":
    main()
