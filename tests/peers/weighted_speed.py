#!/usr/bin/python3
"""Times forests with class weights and sample weights side by side with scikit-learn, one core.

    taskset -c 0 python3 tests/peers/weighted_speed.py [--trees N] [--repeats R] [--build DIR]

Forest cover's 15,120 rows; processor seconds, each the least of repeats that take turns, and their
ratio. Encoding is not part of the fit (it takes some 20 ms once). Exit status 77 when
scikit-learn, h5py or the data are missing.
"""
import argparse
import pathlib
import subprocess
import tempfile
import time

from peers import ROOT, forest_cover, h5py, np
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

KINDS = {"random_forest": RandomForestClassifier, "extra_trees": ExtraTreesClassifier}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    options = parser.parse_args()
    x, y = forest_cover()
    weights = np.random.default_rng(1).lognormal(0, 1, len(y))

    def theirs(kind, criterion, class_weight, sample_weight):
        model = KINDS[kind](options.trees, criterion=criterion, class_weight=class_weight, random_state=1)
        start = time.process_time()
        model.fit(x, y, sample_weight)
        return time.process_time() - start

    def ours(folder, rng, kind, criterion, class_weight, sample_weight):
        words = ["kind", kind, "n-estimators", options.trees, "criterion", criterion, "rng", rng,
                 "class-weight", class_weight or "none"]
        if rng == "sklearn":
            words += ["random-state", 1]
        if sample_weight is not None:
            words += ["sample-weight", folder / "weights.txt"]
        program = options.build / "tests" / "peers" / "grow_forest"
        subprocess.run([str(word) for word in (program, folder / "data.csv", folder / "out.h5", 1, *words)],
                       check=True)
        with h5py.File(folder / "out.h5") as file:
            return file["outcome/fit_seconds"][0]

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.savetxt(folder / "data.csv", np.column_stack([x, y]), fmt="%.9g", delimiter=",")
        np.savetxt(folder / "weights.txt", weights, fmt="%.17g")
        print(f"{options.trees} trees, seconds           scikit-learn  keyed          sklearn order")
        for kind in KINDS:
            for criterion in ("gini", "entropy"):
                for label, case in (("no weights", (None, None)), ("class_weight", ("balanced", None)),
                                    ("sample_weight", (None, weights)), ("both", ("balanced", weights))):
                    times = [(theirs(kind, criterion, *case), ours(folder, "keyed", kind, criterion, *case),
                              ours(folder, "sklearn", kind, criterion, *case)) for _ in range(options.repeats)]
                    peer, keyed, order = np.min(times, axis=0)
                    print(f"{kind:13} {criterion:7} {label:13} {peer:8.3f}  {keyed:8.3f} {peer / keyed:5.1f}x"
                          f" {order:8.3f} {peer / order:5.1f}x", flush=True)


main()
