#!/usr/bin/python3
"""Out-of-bag curve and permutation importances against scikit-learn 1.2.1, on the same trees.

    python3 tests/peers/oob_and_importances.py [--build DIR]

Forests are grown with --rng sklearn, so scikit-learn has the same ones. The curve must be equal, number
by number, to oob_score_ of scikit-learn's forests of 1, 2, ... trees. Each importance must be equal to
the accuracy that scikit-learn's forest loses when the column is read in the same order, mean and std to
numpy's. And over many repeats the means must be those of scikit-learn's permutation_importance, which
shuffles by itself: Welch's t test, false alarms 1 % all together (Bonferroni), seeds fixed. Exit status:
0 all so, 1 not, 77 when scikit-learn 1.2, h5py or the data is missing.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import warnings

from peers import ROOT, forest_cover, h5py, np, sklearn
import scipy.stats
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.inspection import permutation_importance

ROWS, TREES, REPEATS, ALPHA = 800, 10, 12, 0.01
SETTINGS = {
    "random_forest": {},
    "extra_trees with bootstrap": {"kind": "extra_trees", "bootstrap": True},
    "entropy, min_samples_leaf 3": {"criterion": "entropy", "min_samples_leaf": 3},
    "max_leaf_nodes 60, max_samples 0.4": {"max_leaf_nodes": 60, "max_samples": 0.4},
}


def some_rows(rows):
    x, y = forest_cover()
    some = np.sort(np.random.default_rng(0).choice(len(x), rows, replace=False))
    return x[some], y[some]


def canopy_outcome(program, folder, setting):
    words = [program, folder / "data.csv", folder / "outcome.h5", 5, REPEATS, "rng", "sklearn"]
    for name, value in setting.items():
        words += [name.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value]
    subprocess.run([str(word) for word in words], check=True)
    with h5py.File(folder / "outcome.h5") as file:
        return {name: array[:] for name, array in file["outcome"].items()}


def sklearn_forest(x, y, setting, trees):
    parameters = {name: value for name, value in setting.items() if name != "kind"}
    estimator = ExtraTreesClassifier if setting.get("kind") == "extra_trees" else RandomForestClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows that are in every bag
        return estimator(**{**parameters, "n_estimators": trees, "oob_score": True}).fit(x, y)


def loss(forest, x, y, baseline, column, order):
    shuffled = x.copy()
    shuffled[:, column] = x[order, column]
    return baseline - forest.score(shuffled, y)


def checks(outcome, x, y, setting):
    """Names and truth of what must hold."""
    forest = sklearn_forest(x, y, setting, TREES)
    yield "oob_curve", np.array_equal(
        outcome["oob_curve"], [sklearn_forest(x, y, setting, n + 1).oob_score_ for n in range(TREES)])
    yield "baseline", outcome["baseline"][0] == forest.score(x, y)
    ours = outcome["importances"]
    few = range(3)
    yield "importances", np.array_equal(ours[:, :3], [
        [loss(forest, x, y, outcome["baseline"][0], f, outcome["orders"][f, r]) for r in few]
        for f in range(x.shape[1])])
    yield "orders", all((np.sort(order) == np.arange(len(y))).all() for order in outcome["orders"][:, 0])
    yield "mean", np.allclose(outcome["mean"], ours.mean(axis=1), rtol=1e-13, atol=1e-17)
    yield "std", np.allclose(outcome["std"], ours.std(axis=1), rtol=1e-13, atol=1e-17)
    theirs = permutation_importance(forest, x, y, n_repeats=REPEATS, random_state=1)
    unused = np.array([np.ptp(a) == 0 and np.ptp(b) == 0 for a, b in zip(ours, theirs.importances)])
    yield "constant importances", np.array_equal(ours[unused], theirs.importances[unused])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of columns that change nothing in nearly all repeats
        p = scipy.stats.ttest_ind(ours[~unused], theirs.importances[~unused], axis=1, equal_var=False).pvalue
    yield "distribution of importances", p.min() >= ALPHA / (len(SETTINGS) * x.shape[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    program = parser.parse_args().build / "tests" / "peers" / "oob_and_importances"
    x, y = some_rows(ROWS)
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.savetxt(folder / "data.csv", np.column_stack([x, y]), fmt="%.9g", delimiter=",", comments="",
                   header=",".join([f"x{i}" for i in range(x.shape[1])] + ["label"]))
        for number, (title, setting) in enumerate(SETTINGS.items()):
            setting = {**setting, "n_estimators": TREES, "random_state": number}
            outcome = canopy_outcome(program, folder, setting)
            for what, holds in checks(outcome, x, y, setting):
                print(f"{'ok  ' if holds else 'FAIL'} {title}: {what}", flush=True)
                failed += not holds
    print(f"{failed} failed, scikit-learn {sklearn.__version__}")
    return 1 if failed else 0


sys.exit(main())
