"""The Python reader that results/README.md prints predicts what Canopy predicts.

    test_python_reader.py GROW_FOREST README.md
"""

import csv
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import textwrap

try:
    import h5py
    import numpy
except ImportError as error:
    print(f"skipped: {error}; apt-get install python3-h5py")
    sys.exit(77)

from end_to_end import Checks, run


def reader(readme):
    """The class `Forest` of the indented block that starts with its imports."""
    block = re.search(r"^    import h5py, numpy\n(?:(?:    .*)?\n)+", readme.read_text(), re.MULTILINE)
    names = {}
    exec(textwrap.dedent(block[0]), names)
    return names["Forest"]


def write_rows(path, rows=400):
    """Four kinds of trees by two numbers, a one-hot group of three and a constant column."""
    chance = random.Random(1)
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["height", "red", "green", "blue", "width", "same", "kind"])
        for _ in range(rows):
            kind = chance.choices(range(4), [6, 3, 2, 1])[0]
            colour = chance.choice([kind % 3, chance.randrange(3)])
            out.writerow([round(chance.gauss(kind, 1), 3), *(int(colour == c) for c in range(3)),
                          round(chance.gauss(-kind, 2), 1), 7, ["oak", "elm", "yew", "ash"][kind]])
    return numpy.loadtxt(path, delimiter=",", skiprows=1, usecols=range(6))


def check_run_file(checks, forest_of, folder, rows):
    """Classes and probabilities as `canopy predict` writes them."""
    for model in ("forest", "extra_trees"):
        file, out = folder / f"{model}.h5", folder / f"{model}.csv"
        for words in (["tune", "--data", folder / "rows.csv", "--model", model, "--trials", 2, "--folds", 2,
                       "--progress", "none", "--out", file],
                      ["predict", "--model", file, "--data", folder / "rows.csv", "--proba", "--out", out]):
            result = run(words)
            checks.check(f"{model}: canopy {words[0]}", result.returncode == 0, result.stderr)
        with open(out, newline="") as lines:
            written = list(csv.reader(lines))
        forest = forest_of(file)
        checks.equal(f"{model}: the header", written[0][1:],
                     [f"proba_{name}" for name in forest.class_names])
        checks.equal(f"{model}: classes", list(forest.predict(rows)), [line[0] for line in written[1:]])
        checks.equal(f"{model}: probabilities", forest.predict_proba(rows).tolist(),
                     [[float(word) for word in line[1:]] for line in written[1:]])


def check_layouts(checks, forest_of, folder, rows, grow_forest):
    """Every form that the arrays may take; `has` says that the form is really met."""
    is_counted_whole = lambda forest: len(forest["samples"]) == len(forest["feature"])
    cases = {
        "default": ({}, lambda forest: "left" not in forest and not is_counted_whole(forest)),
        "max_leaf_nodes": ({"max-leaf-nodes": 25}, lambda forest: "left" in forest),
        "class_weight": ({"class-weight": "balanced", "min-samples-leaf": 4}, is_counted_whole),
        "one leaf": ({"max-depth": 1, "min-samples-leaf": 200}, lambda forest: forest["threshold"].shape == (0,)),
        "extra_trees": ({"kind": "extra_trees", "criterion": "entropy"},
                        lambda forest: forest["threshold"].dtype == "float64"),
    }
    for name, (parameters, has) in cases.items():
        out = folder / "grown.h5"
        words = [str(word) for pair in parameters.items() for word in pair]
        subprocess.run([grow_forest, folder / "rows.csv", out, "3", "n-estimators", "9", *words], check=True)
        with h5py.File(out) as file:
            checks.check(f"{name}: the arrays are of that form", has(file["forest"]), list(file["forest"]))
            proba = file["outcome/proba"][:]
        checks.check(f"{name}: probabilities",
                     numpy.array_equal(forest_of(out, "forest").predict_proba(rows), proba))


if __name__ == "__main__":
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = write_rows(folder / "rows.csv")
        forest_of = reader(pathlib.Path(sys.argv[2]))
        check_run_file(checks, forest_of, folder, rows)
        check_layouts(checks, forest_of, folder, rows, sys.argv[1])
    checks.leave()
