"""Times training steps of Canopy and of PyTorch in turn, on one core, and prints the ratios.

Started by train_speed.sh. Every run is a process of its own, pinned to one core with one thread; the two
take turns, so that a busy moment hits both. Medians of 5 of images per second of processor time. Exit
status: 0 measured, 1 a ratio is below the wanted one, 77 no PyTorch or no data.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]

# model, batch, steps of a run, ratio wanted
SETTINGS = [("mlp", 64, 2000, 2.0), ("lenet", 64, 500, 3.0), ("cnn", 64, 40, 1.3)]


def data_dir():
    for folder in (os.environ.get("CANOPY_DATA_DIR"), ROOT / "data", ROOT.parent / "shared" / "data"):
        if folder and (pathlib.Path(folder) / "mnist").is_dir():
            return pathlib.Path(folder)
    print("skipped: no mnist; data/fetch.sh gets it")
    sys.exit(77)


def run(core, words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(["taskset", "-c", str(core)] + [str(word) for word in words], capture_output=True,
                          text=True, env=environment)
    if done.returncode != 0:
        print(done.stdout + done.stderr, end="")
        sys.exit(77 if done.returncode == 77 else 2)
    return json.loads(done.stdout.strip().splitlines()[-1])["images_per_second"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    options = parser.parse_args()
    data = data_dir()
    print("images per second of one core, SGD with momentum, gathering and the sum over shards included")
    print(f"{'model':8} {'batch':>5} {'canopy':>10} {'PyTorch':>10} {'ratio':>7}  (each pair)   wanted")
    enough = True
    for model, batch, steps, wanted in SETTINGS:
        ours, theirs = [], []
        if options.quick:
            steps //= 4
        for _ in range(1 if options.quick else 5):
            theirs.append(run(options.core, ["/usr/bin/python3", "-B", HERE / "time_torch.py", model, batch,
                                             steps, data / "mnist"]))
            ours.append(run(options.core, [options.build / "tests" / "peers" / "time_train", model, batch,
                                           2 * steps, "mnist", data]))
        ratio = statistics.median(ours) / statistics.median(theirs)
        pairs = sorted(a / b for a, b in zip(ours, theirs))
        print(f"{model:8} {batch:5} {statistics.median(ours):10.0f} {statistics.median(theirs):10.0f} {ratio:6.2f}x"
              f"  ({pairs[0]:.2f} - {pairs[-1]:.2f})  {wanted}x", flush=True)
        enough = enough and ratio >= wanted
    sys.exit(0 if enough or options.quick else 1)


main()
