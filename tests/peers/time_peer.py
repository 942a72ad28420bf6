"""Times one forest of another library for forest_speed.py, and prints a line of JSON.

    time_peer.py prepare NUMBERS.npy DATA_DIR
    time_peer.py floats NUMBERS.npy             (and NUMBERS.csv, the same)
    time_peer.py sklearn|xgboost|opencv NUMBERS.npy ROWS KIND TREES LEARN PREDICT PARAMETERS

ROWS of the file are used (0: all), the first LEARN of them to learn from (0: all), the first PREDICT
rows are predicted (0: none) three times. Seconds are the processor's, of a prediction the mean.
"""
import gzip
import json
import pathlib
import resource
import sys
import time

import numpy as np


def prepare(numbers, data_dir):
    if pathlib.Path(numbers).exists():
        return
    with gzip.open(pathlib.Path(data_dir) / "forest-cover" / "covtype.data.gz") as file:
        np.save(numbers, np.loadtxt(file, delimiter=",", dtype=np.float32))


def floats(numbers):
    """Columns that need 32-bit codes: normal numbers, of which hardly two are equal."""
    numbers = pathlib.Path(numbers)
    if numbers.exists():
        return
    random = np.random.default_rng(3)
    x = random.normal(size=(100000, 8)).astype(np.float32)
    score = x[:, 0] + x[:, 1] * x[:, 2] + random.normal(size=len(x)) / 2
    table = np.column_stack([x, 1 + np.digitize(score, [-1, 1])]).astype(np.float32)
    names = [f"x{i}" for i in range(8)] + ["label"]
    np.savetxt(numbers.with_suffix(".csv"), table, "%.9g", ",", header=",".join(names), comments="")
    np.save(numbers, table)


def sklearn_model(kind, trees, parameters):
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    estimator = ExtraTreesClassifier if kind == "extra_trees" else RandomForestClassifier
    return estimator(n_estimators=trees, random_state=1, n_jobs=1, **parameters)


def xgboost_model(kind, trees, parameters):
    import xgboost
    return xgboost.XGBRFClassifier(n_estimators=trees, colsample_bynode=7 / 54, max_depth=0, tree_method="hist",
                                   grow_policy="lossguide", reg_lambda=0, min_child_weight=0, n_jobs=1)


class OpenCV:
    def __init__(self, trees):
        import cv2
        cv2.setNumThreads(1)
        self.ml = cv2.ml
        self.model = cv2.ml.RTrees_create()
        self.model.setMaxDepth(25)
        self.model.setMinSampleCount(2)
        self.model.setActiveVarCount(7)
        self.model.setTermCriteria((cv2.TERM_CRITERIA_MAX_ITER, trees, 0))

    def fit(self, x, y):
        self.model.train(x, self.ml.ROW_SAMPLE, y.astype(np.int32))


def main():
    if sys.argv[1] == "prepare":
        return prepare(*sys.argv[2:])
    if sys.argv[1] == "floats":
        return floats(sys.argv[2])
    program, numbers, rows, kind, trees, learn, predict, parameters = sys.argv[1:]
    table = np.load(numbers, mmap_mode="r")[: int(rows) or None]  # what is not used counts for no peak
    x, y = np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(np.int64) - 1
    del table
    make = {"sklearn": lambda: sklearn_model(kind, int(trees), json.loads(parameters)),
            "xgboost": lambda: xgboost_model(kind, int(trees), json.loads(parameters)),
            "opencv": lambda: OpenCV(int(trees))}[program]
    model = make()
    learn = int(learn) or len(x)
    start = time.process_time()
    model.fit(x[:learn], y[:learn])
    result = {"fit": time.process_time() - start,
              "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
    if int(predict):
        start = time.process_time()
        for _ in range(3):
            model.predict_proba(x[: int(predict)])
        result["predict"] = (time.process_time() - start) / 3
    print(json.dumps(result))


main()
