"""What the scripts here share: the peer they compare with, and the data. Without either they are skipped
(exit status 77)."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


try:
    import h5py
    import numpy as np
    import sklearn
except ImportError as error:
    skip(f"{error}; apt-get install python3-sklearn python3-h5py")
if not sklearn.__version__.startswith("1.2."):
    skip(f"scikit-learn is {sklearn.__version__}, expected 1.2")


def data_dir(file):
    """The folder that holds forest-cover/FILE."""
    for folder in (os.environ.get("CANOPY_DATA_DIR"), ROOT / "data", ROOT.parent / "shared" / "data"):
        if folder and (pathlib.Path(folder) / "forest-cover" / file).exists():
            return pathlib.Path(folder)
    skip(f"no forest-cover/{file}; data/fetch.sh gets it")


def forest_cover():
    """The 15,120 rows: features [rows, 54] in float32, classes [rows]."""
    table = np.loadtxt(data_dir("train.csv") / "forest-cover" / "train.csv", delimiter=",", skiprows=1)
    return table[:, 1:-1].astype(np.float32), table[:, -1].astype(int)
