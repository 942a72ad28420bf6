#!/usr/bin/python3
"""Compares forests of the keyed generator with those of scikit-learn 1.2.1 as random samples.

    python3 tests/peers/forest_statistics.py [--seeds N] [--trees N] [--rows N] [--alpha A]
                                             [--build DIR]

Both programs grow one forest per seed on the same rows of forest cover, for each setting below. A
forest gives accuracy on a fixed test set, nodes per tree, depth of the trees and of the mean leaf,
out-of-bag score, and importances. (A tree of L leaves has 2L - 1 nodes, so leaves are counted.)
Each of these is compared by Welch's two-sample t test. All tests together refuse forests of one and
the same distribution with a chance of at most --alpha (Bonferroni: each takes its share of it).
Seeds are fixed, so one build gives one answer. Exit status: 0 no difference is seen, 1 there is one,
77 when scikit-learn 1.2, h5py or the data is missing.
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
from sklearn.model_selection import train_test_split

SETTINGS = {
    "random_forest": {"oob_score": True},
    "extra_trees": {"kind": "extra_trees"},
    "entropy": {"oob_score": True, "criterion": "entropy"},
    "max_features 0.5": {"oob_score": True, "max_features": 0.5},
    "min_samples_leaf 3": {"oob_score": True, "min_samples_leaf": 3},
}
# Members of a one-hot group go together: a soil type is rare and its share far from normal.
IMPORTANCES = {**{f"importance of column {i}": slice(i, i + 1) for i in range(10)},
               "importance of wilderness": slice(10, 14), "importance of soil": slice(14, 54)}


def with_shares(sample):
    """Replaces importances [seeds, features] by one entry per seed for each of IMPORTANCES."""
    importances = sample.pop("importances")
    return {**sample, **{name: importances[:, part].sum(axis=1) for name, part in IMPORTANCES.items()}}


def canopy_sample(program, folder, seeds, setting):
    words = [program, folder / "train.csv", folder / "test.csv", folder / "sample.h5", seeds]
    for name, value in setting.items():
        words += [name.replace("_", "-"), str(value).lower() if isinstance(value, bool) else value]
    subprocess.run([str(word) for word in words], check=True)
    with h5py.File(folder / "sample.h5") as file:
        return with_shares({name: array[:] for name, array in file["sample"].items()})


def mean_leaf_depth(tree):
    depths, level = [], np.array([0])
    while len(level):
        is_leaf = tree.children_left[level] < 0
        depths.append(is_leaf.sum())
        inner = level[~is_leaf]
        level = np.concatenate([tree.children_left[inner], tree.children_right[inner]])
    return np.average(np.arange(len(depths)), weights=depths)


def sklearn_sample(train, test, seeds, setting):
    parameters = {name: value for name, value in setting.items() if name != "kind"}
    estimator = ExtraTreesClassifier if setting.get("kind") == "extra_trees" else RandomForestClassifier
    sample = {}
    for seed in range(seeds):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rows that are in every bag
            forest = estimator(random_state=seed, **parameters).fit(*train)
        trees = [e.tree_ for e in forest.estimators_]
        figures = {
            "accuracy": forest.score(*test),
            "nodes": np.mean([tree.node_count for tree in trees]),
            "depth": np.mean([tree.max_depth for tree in trees]),
            "leaf_depth": np.mean([mean_leaf_depth(tree) for tree in trees]),
            "importances": forest.feature_importances_,
        }
        if "oob_score" in setting:
            figures["oob_score"] = forest.oob_score_
        for name, figure in figures.items():
            sample.setdefault(name, []).append(figure)
    return with_shares({name: np.array(figures) for name, figures in sample.items()})


def chance_of(ours, theirs):
    """Welch's p: how often samples of one distribution differ by as much."""
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:
        return float(ours[0] == theirs[0])
    return scipy.stats.ttest_ind(ours, theirs, equal_var=False).pvalue


def show(name, ours, theirs, p, limit):
    print(f"  {'DIFFERS' if p < limit else 'ok':7} {name:26} {ours.mean():10.5g} +- {ours.std(ddof=1):<9.3g}"
          f" scikit-learn {theirs.mean():10.5g} +- {theirs.std(ddof=1):<9.3g} p {p:.2g}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30, help="forests of each program and setting")
    parser.add_argument("--trees", type=int, default=20, help="trees of a forest")
    parser.add_argument("--rows", type=int, default=15120, help="rows of forest cover; a fifth are test rows")
    parser.add_argument("--alpha", type=float, default=0.01, help="chance of a false alarm, all tests together")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    options = parser.parse_args()
    program = options.build / "tests" / "peers" / "sample_forests"
    x, y = forest_cover()
    some = np.sort(np.random.default_rng(0).choice(len(x), options.rows, replace=False))
    x_train, x_test, y_train, y_test = train_test_split(x[some], y[some], test_size=0.2, random_state=42,
                                                        stratify=y[some])
    tests = len(SETTINGS) * (4 + len(IMPORTANCES)) + sum("oob_score" in s for s in SETTINGS.values())
    limit = options.alpha / tests
    differing = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for file, part in (("train", (x_train, y_train)), ("test", (x_test, y_test))):
            np.savetxt(folder / f"{file}.csv", np.column_stack(part), fmt="%.9g", delimiter=",", comments="",
                       header=",".join([f"x{i}" for i in range(x.shape[1])] + ["label"]))
        for title, setting in SETTINGS.items():
            setting = {**setting, "n_estimators": options.trees}
            print(f"{title}: {options.seeds} forests of {options.trees} trees on {len(y_train)} rows")
            ours = canopy_sample(program, folder, options.seeds, setting)
            theirs = sklearn_sample((x_train, y_train), (x_test, y_test), options.seeds, setting)
            assert ours.keys() == theirs.keys()
            for key in ours:
                p = chance_of(ours[key], theirs[key])
                differing += p < limit
                show(key, ours[key], theirs[key], p, limit)
    print(f"{tests - differing} of {tests} statistics agree; each is refused below p {limit:.2g}, "
          f"scikit-learn {sklearn.__version__}")
    return 1 if differing else 0


sys.exit(main())
