#!/usr/bin/python3
"""Compares every node of forests grown with --rng sklearn with those of scikit-learn 1.2.1.

    python3 tests/peers/sklearn_equal.py [--cases N] [--seed S] [--build DIR]

Each case draws a data set, an estimator, its parameters and sample weights; equal means ==, on every
number (and nan where scikit-learn has nan, the impurity of no rows): feature,
threshold, children, row counts, weights, impurity and class counts of all nodes, probabilities,
importances, out-of-bag score and decision function. Exit status: 0 all equal, 1 not, 77 when
scikit-learn 1.2 or h5py is missing.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import warnings

from peers import ROOT, forest_cover, h5py, np, sklearn
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier


def with_ties(rng):
    """Few distinct values, so that most splits tie with others; constant and doubled columns."""
    x = rng.integers(0, 4, (400, 9)).astype(np.float32)
    x[:, 3] = 2
    x[:, 6] = x[:, 1]
    return x, rng.integers(0, 3, 400)


def with_close_values(rng):
    """Neighbours nearer than scikit-learn's threshold of 1e-7, negative and huge numbers."""
    x = rng.normal(size=(300, 6)).astype(np.float32)
    x[:, 0] = np.float32(0.1) + rng.integers(0, 40, 300).astype(np.float32) * np.float32(3e-8)
    x[:, 1] *= np.float32(1e30)
    return x, (x[:, 2] + rng.normal(size=300) > 0).astype(int)


def with_rare_classes(rng):
    """Classes with one and two rows, one-hot groups, and noise."""
    x = np.zeros((500, 14), np.float32)
    x[np.arange(500), rng.integers(0, 8, 500)] = 1
    x[:, 8:] = rng.normal(size=(500, 6)).round(1)
    y = rng.integers(0, 4, 500)
    y[:3] = [4, 5, 5]
    return x, y


def with_many(rng, rows, columns, decimals):
    """More rows than are kept in the compact form of small nodes."""
    x = rng.normal(size=(rows, columns)).astype(np.float32).round(decimals)
    return x, np.digitize(x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=rows), (-1, 0, 1))


def data_sets(rng):
    x, y = forest_cover()
    some = np.sort(rng.choice(len(x), 3000, replace=False))
    return {
        "forest-cover": (x, y),
        "forest-cover-3000": (x[some], y[some]),
        "ties": with_ties(rng),
        "close-values": with_close_values(rng),
        "rare-classes": with_rare_classes(rng),
        "many-rows": with_many(rng, 20000, 5, 3),
        "wide-codes": with_many(rng, 70000, 3, 9),  # of 32 bits
    }


def draw_sample_weight(kind, y, rng):
    """Per row; kind "missing" leaves some classes without a row that counts."""
    n = len(y)
    if kind == "real":
        return rng.lognormal(0, 1.5, n) * (rng.random(n) > 0.2)
    if kind == "tenths":  # ties in exact arithmetic that rounding breaks
        return rng.integers(0, 4, n) / 10
    if kind == "whole":
        return rng.integers(0, 6, n).astype(float)
    if kind == "missing":
        present = rng.random(y.max() + 1) > 0.3
        present[y[rng.integers(n)]] = True
        return np.where(present[y], rng.random(n), 0.0)
    if kind == "one row":
        weights = np.zeros(n)
        weights[rng.integers(n)] = 0.7
        return weights
    return 10.0 ** rng.integers(-9, 10, n)  # "wide": small weights vanish beside large ones


def draw_weighting(number, rng):
    """Kinds of class and sample weights, so that few cases meet them all."""
    sample = (None, "real", None, "tenths", "missing", None, "whole", "real", None, "wide", "one row")
    classes = (None, "balanced", "balanced_subsample")
    return sample[number % len(sample)], classes[number % len(classes)]


def draw_case(class_weight, rng):
    """Parameters as scikit-learn takes them."""
    pick = lambda *options: options[rng.integers(len(options))]
    extra = bool(rng.integers(2))
    case = {
        "kind": "extra_trees" if extra else "random_forest",
        "n_estimators": int(rng.integers(1, 8)),
        "criterion": pick("gini", "gini", "entropy", "log_loss"),
        "max_depth": pick(None, None, 3, 9, 20),
        "min_samples_split": pick(2, 2, 5, 20, 0.01),
        "min_samples_leaf": pick(1, 1, 1, 3, 10, 0.005),
        "min_weight_fraction_leaf": pick(0.0, 0.0, 0.0, 0.01),
        "max_features": pick("sqrt", "sqrt", "log2", 0.5, 3, None),
        "max_leaf_nodes": pick(None, None, None, 7, 60, 500),
        "min_impurity_decrease": pick(0.0, 0.0, 0.0005, 0.01),
        "bootstrap": pick(True, not extra),
        "random_state": int(rng.integers(2**31 - 1)),
        "class_weight": class_weight,
    }
    if rng.random() < 0.4:  # trees of full depth
        case.update(max_depth=None, min_samples_split=2, min_samples_leaf=1, max_leaf_nodes=None,
                    min_impurity_decrease=0.0)
    if case["bootstrap"]:
        case["max_samples"] = pick(None, None, 0.5, 100)
        case["oob_score"] = pick(True, False)
    return case


def canopy(program, data, case, weights, folder):
    words = [program, data, folder / "forest.h5", "0", "rng", "sklearn"]
    if weights is not None:
        np.savetxt(folder / "weights.txt", weights, fmt="%.17g")
        words += ["sample-weight", folder / "weights.txt"]
    for name, value in case.items():
        if value is None and name in ("max_features", "class_weight"):
            value = "all" if name == "max_features" else "none"
        words += [name.replace("_", "-"), str(value).lower() if isinstance(value, bool) else str(value)]
    subprocess.run([str(word) for word in words], check=True)
    with h5py.File(folder / "forest.h5") as file:
        return ({name: array[:] for name, array in file["nodes"].items()},
                {name: array[:] for name, array in file["outcome"].items()})


def sklearn_forest(x, y, case, weights):
    parameters = {name: value for name, value in case.items() if name != "kind"}
    estimator = ExtraTreesClassifier if case["kind"] == "extra_trees" else RandomForestClassifier
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows that are in every bag
        return estimator(**parameters).fit(x, y, weights)


def differences(theirs, ours, outcome, x, case):
    """The names of what is not equal, and the number of nodes."""
    names = []
    first = 0

    def check(name, a, b):
        if not np.array_equal(a, b, equal_nan=True):
            names.append(name)

    for number, tree in enumerate(e.tree_ for e in theirs.estimators_):
        last = ours["tree_offsets"][number + 1]
        part = {name: array[first:last] for name, array in ours.items()
                if len(array) == ours["tree_offsets"][-1]}
        first = last
        if len(part["left"]) != tree.node_count:
            names.append(f"node_count of tree {number}")
            continue
        inner = tree.children_left >= 0
        check(f"left of tree {number}", tree.children_left, part["left"])
        check(f"right of tree {number}", tree.children_right, part["right"])
        check(f"feature of tree {number}", tree.feature[inner], part["feature"][inner])
        check(f"threshold of tree {number}", tree.threshold[inner], part["threshold"][inner])
        check(f"samples of tree {number}", tree.n_node_samples, part["samples"])
        check(f"weight of tree {number}", tree.weighted_n_node_samples, part["weight"])
        check(f"impurity of tree {number}", tree.impurity, part["impurity"])
        check(f"values of tree {number}", tree.value[:, 0, :], part["values"])
    check("predict_proba", theirs.predict_proba(x), outcome["proba"])
    check("feature_importances_", theirs.feature_importances_, outcome["importances"])
    if case.get("oob_score"):
        check("oob_score_", np.array([theirs.oob_score_]), outcome["oob_score"])
        check("oob_decision_function_", theirs.oob_decision_function_, outcome["oob_proba"])
    return names, first


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=231, help="parameter combinations")
    parser.add_argument("--seed", type=int, default=1, help="of the combinations")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="build folder")
    options = parser.parse_args()
    program = options.build / "tests" / "peers" / "grow_forest"
    rng = np.random.default_rng(options.seed)
    sets = data_sets(rng)
    failed, nodes = 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for key, (x, y) in sets.items():
            np.savetxt(folder / f"{key}.csv", np.column_stack([x, y]), fmt="%.9g", delimiter=",",
                       header=",".join([f"x{i}" for i in range(x.shape[1])] + ["label"]), comments="")
        for number in range(options.cases):
            key = list(sets)[number % len(sets)]
            weighting, class_weight = draw_weighting(number, rng)
            case = draw_case(class_weight, rng)
            x, y = sets[key]
            weights = weighting and draw_sample_weight(weighting, np.unique(y, return_inverse=True)[1], rng)
            names, count = differences(sklearn_forest(x, y, case, weights),
                                       *canopy(program, folder / f"{key}.csv", case, weights, folder),
                                       x, case)
            nodes += count
            failed += bool(names)
            shown = " ".join(f"{k}={v}" for k, v in case.items()) + f" sample_weight={weighting}"
            print(f"{'DIFFERS' if names else 'equal'}  {count:6} nodes  {key}  {shown}", flush=True)
            if names:
                print("  differs in " + ", ".join(names[:8]))
    print(f"{options.cases - failed} of {options.cases} forests equal, {nodes} nodes compared, "
          f"scikit-learn {sklearn.__version__}")
    return 1 if failed else 0


sys.exit(main())
