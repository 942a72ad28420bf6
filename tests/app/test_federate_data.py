"""`canopy federate` learns Fashion-MNIST and forest cover; the four wilderness areas as clients."""

import os
import pathlib
import sys
import tempfile

from end_to_end import Checks, keep_mpi_files_in, run, show

TOP = pathlib.Path(__file__).resolve().parents[2]
PLACES = [TOP / "data", TOP.parent / "shared" / "data"]
if "CANOPY_DATA_DIR" in os.environ:
    PLACES.insert(0, pathlib.Path(os.environ["CANOPY_DATA_DIR"]))
NEEDED = ["fashion-mnist/t10k-labels-idx1-ubyte.gz", "forest-cover/train.csv"]
FOLDER = next((place for place in PLACES if all((place / name).exists() for name in NEEDED)), None)


def learns(checks, name, folder, words, wanted, np=1):
    """Accuracy on the test rows at the end, which the first round does not reach."""
    out = folder / f"{name}.h5"
    result = run(["federate", "--data-dir", FOLDER, "--progress", "none", "--seed", 3,
                  "--validation", "none", *words, "--out", out], np)
    checks.check(f"{name}: exit 0", result.returncode == 0, result.stderr)
    accuracies = [float(row["accuracy"]) for row in show(out, "rounds")]
    checks.check(f"{name}: {wanted} of the test rows", accuracies[-1] >= wanted > accuracies[0],
                 accuracies)
    return out


if __name__ == "__main__":
    if FOLDER is None:
        print("skipped: no fashion-mnist and forest-cover; data/fetch.sh gets them")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        keep_mpi_files_in(folder)
        checks = Checks()
        learns(checks, "fashion", folder,
               ["--data", "fashion-mnist", "--model", "softmax", "--partition", "dirichlet:0.5",
                "--fraction-fit", 0.1, "--rounds", 12], 0.7, np=2)
        learns(checks, "cover", folder,
               ["--data", "forest-cover", "--model", "mlp:64", "--clients", 20,
                "--fraction-fit", 0.5, "--rounds", 12], 0.65, np=2)
        out = learns(checks, "wilderness", folder,
                     ["--data", "forest-cover", "--model", "mlp:64", "--partition", "natural",
                      "--fraction-fit", 1, "--rounds", 12], 0.6)
        checks.equal("wilderness: a client for each of the four areas", len(show(out, "clients")), 4)
    checks.leave()
