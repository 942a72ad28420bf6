#!/usr/bin/env python3
"""Draws a scaling study: time, speed-up and efficiency over the number of machines or processes, each run a
point, medians with the whole range as bars, the ideal line and the fitted laws. Of weak scaling the time should stay as
it is, efficiency is T(1) / T(n) and speed-up is scaled, n T(1) / T(n).

  python3 jobs/plot_scaling.py results/scaling-tune.h5 [--out NAME] [--title TEXT]

Writes NAME.png, .svg and .pdf (NAME: that of the file). Needs python3-h5py and python3-matplotlib."""
import argparse
import pathlib
import re
import sys

try:
    import h5py
    import matplotlib
    import numpy as np
except ImportError as error:
    sys.exit(f"plot_scaling: {error}; apt-get install python3-h5py python3-matplotlib")
matplotlib.use("Agg")
import matplotlib.pyplot as plt


def table(run, name):
    return {k: v.asstr()[:] if v.dtype.kind == "O" else v[:] for k, v in run[name].items()}


def read(file):
    try:
        with h5py.File(file) as run:
            is_weak = re.search(r'^growth = "weak"$', run["settings"].asstr()[0], re.MULTILINE) is not None
            return table(run, "scaling"), table(run, "fit"), is_weak
    except (OSError, KeyError) as error:
        sys.exit(f"plot_scaling: {file} is no scaling study ({error}); jobs/scaling.sh makes one")


class Law:
    """Seconds of one job by size, as canopy/report/scaling.hpp has it; of weak scaling those of one size's work."""

    def __init__(self, fit, row):
        self.law = fit["law"][row]
        self.one, self.serial, self.coherence = (fit[k][row] for k in ("one_seconds", "serial", "coherence"))
        self.name = {"amdahl": f"Amdahl, serial {self.serial:.3f}",
                     "usl": f"USL, contention {self.serial:.3f}, coherence {self.coherence:.4f}",
                     "gustafson": f"Gustafson, serial {self.serial:.3f}"}[self.law]

    def seconds(self, size):
        if self.law == "gustafson":
            return self.one / (size - self.serial * (size - 1))
        return self.one * (1 + self.serial * (size - 1) + self.coherence * size * (size - 1)) / size


def draw(axis, sizes, values, laws, ideal, label):
    different = np.unique(sizes)
    medians = np.array([np.median(values[sizes == s]) for s in different])
    low, high = (np.array([f(values[sizes == s]) for s in different]) for f in (np.min, np.max))
    fine = np.linspace(different[0], different[-1], 200)
    axis.plot(fine, ideal(fine), color="0.6", linestyle="--", label="ideal")
    for law, style in zip(laws, ("-", ":", "-.")):
        axis.plot(fine, law[1](fine), color="tab:blue", linestyle=style, linewidth=1, label=law[0])
    axis.errorbar(different, medians, yerr=(medians - low, high - medians), fmt="o", color="tab:orange",
                  capsize=3, label="measured")
    axis.scatter(sizes, values, s=8, color="tab:orange", alpha=0.4)
    axis.set_xticks(different)
    axis.set_ylabel(label)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("study")
    parser.add_argument("--out")
    parser.add_argument("--title")
    options = parser.parse_args()
    scaling, fit, is_weak = read(options.study)
    sizes, seconds = scaling["size"], scaling["wall_seconds"]
    smallest = sizes.min()
    work = (lambda p: p) if is_weak else np.ones_like
    one = np.median(seconds[sizes == smallest]) * smallest / work(smallest)
    laws = [Law(fit, row) for row in range(len(fit["law"]))]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    draw(axes[0], sizes, seconds, [(l.name, lambda p, l=l: work(p) * l.seconds(p)) for l in laws],
         lambda p: work(p) * one / p, "seconds")
    draw(axes[1], sizes, scaling["speed_up"], [(l.name, lambda p, l=l: one / l.seconds(p)) for l in laws],
         lambda p: p, "scaled speed-up" if is_weak else "speed-up")
    draw(axes[2], sizes, scaling["efficiency"], [(l.name, lambda p, l=l: one / l.seconds(p) / p) for l in laws],
         np.ones_like, "efficiency")
    for axis in axes:
        axis.set_xlabel("size (machines or processes that compute)")
    axes[0].legend(fontsize=7)
    figure.suptitle(options.title or f"canopy {scaling['command'][0]}: {pathlib.Path(options.study).stem}")
    name = options.out or str(pathlib.Path(options.study).with_suffix(""))
    for kind in ("png", "svg", "pdf"):
        figure.savefig(f"{name}.{kind}", dpi=150)
        print(f"{name}.{kind}")


if __name__ == "__main__":
    main()
