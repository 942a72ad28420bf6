#!/usr/bin/env python3
"""Writes golden/: small data sets and the trees that scikit-learn 1.2.1 grows on them.

With all features in every node and no bootstrap, only ties between features depend on
random_state. The data seed is searched so that no tree has one: each tree is grown with several
random_states and must come out the same.

    /usr/bin/python3 tests/forest/make_golden.py
"""
import itertools
from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import RandomForestClassifier

FOLDER = Path(__file__).parent / "golden"

# Parameters as Canopy spells them; whatever is not named keeps its default.
CASES = [
    {"max_depth": 4},
    {"max_depth": 4, "criterion": "entropy"},
    {"max_depth": 3, "criterion": "log_loss"},
    {"min_samples_split": 30},
    {"min_samples_split": 0.15, "criterion": "entropy"},
    {"min_samples_leaf": 12},
    {"min_samples_leaf": 0.05, "criterion": "entropy"},
    {"min_weight_fraction_leaf": 0.06},
    {"min_impurity_decrease": 0.01},
    {"min_impurity_decrease": 0.015, "criterion": "entropy"},
    {"max_leaf_nodes": 9},
    {"max_leaf_nodes": 12, "criterion": "entropy", "min_samples_leaf": 3},
    {"max_leaf_nodes": 14, "max_depth": 4, "min_impurity_decrease": 0.004},
    {"min_samples_split": 30, "class_weight": "balanced"},
    {"max_depth": 4, "class_weight": "balanced_subsample", "criterion": "entropy"},
    {"max_leaf_nodes": 8, "class_weight": "balanced"},
    {"min_weight_fraction_leaf": 0.05, "class_weight": "balanced"},
]
LINE_CASES = [{}, {"criterion": "entropy"}, {"min_samples_leaf": 2}, {"max_leaf_nodes": 40}]


def mixed(seed):
    """Four continuous columns, three one-hot columns, three classes of unequal size."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, 4)).astype(np.float32)
    x[:, 1] *= 1000
    group = rng.integers(0, 3, size=400)
    score = x[:, 0] + x[:, 1] / 1500 + 0.7 * (group == 1) + 0.8 * rng.normal(size=400)
    y = np.digitize(score, [0.2, 1.6])
    return np.hstack([x, np.eye(3, dtype=np.float32)[group]]), y


def line(seed):
    """One column with repeated values: no other feature to tie with, so grown to the end."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(300, 1)), 2).astype(np.float32)
    return x, (rng.random(300) < 0.5 + 0.3 * np.sin(3 * x[:, 0])).astype(int)



def grow(x, y, case, random_state):
    forest = RandomForestClassifier(1, max_features=None, bootstrap=False,
                                    random_state=random_state, **case)
    return forest.fit(x, y)


def same(a, b):
    return all(np.array_equal(getattr(a.tree_, f), getattr(b.tree_, f))
               for f in ("feature", "threshold", "children_left", "children_right"))


def forests(x, y, cases):
    """One forest per case, or None when a tie shows."""
    result = []
    for case in cases:
        grown = [grow(x, y, case, s) for s in range(8)]
        if not all(same(grown[0].estimators_[0], g.estimators_[0]) for g in grown):
            return None
        result.append(grown[0])
    return result


def lines_of(case, forest):
    tree = forest.estimators_[0].tree_
    options = " ".join(f"{k.replace('_', '-')}={v}" for k, v in case.items())
    yield f"tree {tree.node_count} {options}".rstrip()
    yield "importances " + " ".join(repr(float(v)) for v in forest.feature_importances_)
    for i in range(tree.node_count):
        is_leaf = tree.children_left[i] < 0
        fields = [-1 if is_leaf else tree.feature[i],
                  repr(0.0 if is_leaf else float(tree.threshold[i])),
                  tree.children_left[i], tree.children_right[i], tree.n_node_samples[i],
                  repr(float(tree.weighted_n_node_samples[i])), repr(float(tree.impurity[i]))]
        fields += [repr(float(v)) for v in tree.value[i, 0]]
        yield " ".join(str(f) for f in fields)


def write(name, make, cases):
    for seed in itertools.count():
        x, y = make(seed)
        grown = forests(x, y, cases)
        if grown:
            break
    rows = [" ".join(repr(float(v)) for v in row) + f" {label}" for row, label in zip(x, y)]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.rows").write_text("\n".join(rows) + "\n")
    text = [line for case, forest in zip(cases, grown) for line in lines_of(case, forest)]
    (FOLDER / f"{name}.trees").write_text("\n".join(text) + "\n")
    print(f"{name}: data seed {seed}, {len(cases)} trees, {len(text)} lines")


if __name__ == "__main__":
    assert sklearn.__version__ == "1.2.1", sklearn.__version__
    write("mixed", mixed, CASES)
    write("line", line, LINE_CASES)
