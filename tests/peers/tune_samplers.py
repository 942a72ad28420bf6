#!/usr/bin/env python3
"""How many evaluations searches need, on the same table of configurations that were all evaluated once:
Canopy's samplers and Optuna's TPE, GP and random search where Optuna is installed (pip install optuna; the
project itself does not need it). Prints for each the median over seeds of the evaluations until the best mean
score is within 0.1 points of the table's best, and the median regret after 25, 50 and 100.

  tests/peers/tune_samplers.py results/table.h5 [--seeds 20] [--trials 200] [--lag 1] [--searches tpe,gp]

The table: canopy tune --config jobs/tune-table.toml --out results/table.h5. Canopy never tries a
configuration twice; Optuna may, and then its evaluation counts again, as it would in a real search."""
import argparse
import pathlib
import statistics
import subprocess
import tempfile
import tomllib

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
NEAR = 0.001
MARKS = (25, 50, 100)


def text(values):
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]


class ReplayTable:
    """Mean scores by configuration, and the space as lists of values in order."""

    def __init__(self, file):
        with h5py.File(file) as run:
            settings = str(np.ravel(run["settings"].asstr()[()])[0])
            trials = run["trials"]
            names = [n for n in trials if n.startswith("param_")]
            columns = {n[6:]: text(trials[n][()]) for n in names}
            scores = trials["mean_test_score"][()]
        space = tomllib.loads(settings)["space"]
        self.names = list(columns)
        self.scores = dict(zip(zip(*columns.values()), scores))
        self.values = {n: list(dict.fromkeys(columns[n][1:])) for n in self.names}  # trial 0 may be outside
        self.ordered = {n for n, p in space.items() if isinstance(p, dict) and p.get("type") in ("int", "float")}
        for n in self.ordered:
            self.values[n].sort(key=lambda v: float("inf") if v == "None" else float(v))
        self.best = max(s for c, s in self.scores.items()
                        if all(v in self.values[n] for n, v in zip(self.names, c)))

    def score(self, values):
        return self.scores[tuple(values[n] for n in self.names)]


def best_so_far(scores):
    return np.maximum.accumulate(scores)


def by_canopy(table, file, search, options):
    """The best score after each evaluation, one row for each seed."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "simulation.h5"
        lag = [] if search in ("random", "grid", "sobol") else ["--lag", str(options.lag)]
        subprocess.run([ROOT / "build/canopy", "tune", "--simulate", file, "--search", search,
                        "--trials", str(options.trials), "--seeds", str(options.seeds), *lag,
                        "--ranks", "1", "--out", out, "--quiet"], check=True)
        with h5py.File(out) as run:
            seeds, best = run["regret/seed"][()], run["regret/best"][()]
    return [best[seeds == seed] for seed in sorted(set(seeds))]


def by_optuna(table, sampler, options):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        values = {}
        for name, words in table.values.items():
            numbers = [w for w in words if w != "None"]
            if len(words) == 1:
                values[name] = words[0]
            elif name in table.ordered and len(numbers) == len(words):
                values[name] = words[trial.suggest_int(name, 0, len(words) - 1)]
            elif name in table.ordered:  # a range and None beside it: which, then where
                kind = trial.suggest_categorical(f"{name}_kind", ["range", "None"])
                values[name] = "None" if kind == "None" else numbers[
                    trial.suggest_int(name, 0, len(numbers) - 1)]
            else:
                values[name] = trial.suggest_categorical(name, words)
        return table.score(values)

    curves = []
    for seed in range(options.seeds):
        study = optuna.create_study(direction="maximize", sampler=sampler(seed))
        study.optimize(objective, n_trials=options.trials)
        curves.append(best_so_far([t.value for t in study.trials]))
    return curves


def report(name, curves, table):
    near = [next((i + 1 for i, b in enumerate(c) if table.best - b <= NEAR), float("inf")) for c in curves]
    regrets = [statistics.median(table.best - c[min(m, len(c)) - 1] for c in curves) for m in MARKS]
    reached = statistics.median(near)
    print(f"{name:<22} {'never' if reached == float('inf') else f'{reached:.1f}':>7}  " +
          "  ".join(f"{r:.4f}" for r in regrets), flush=True)
    return reached


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--lag", type=int, default=1)
    parser.add_argument("--searches", default="random,sobol,tpe,gp,forest,portfolio")
    options = parser.parse_args()
    table = ReplayTable(options.table)
    print(f"{len(table.scores)} configurations, best {table.best:.4f}; medians of {options.seeds} seeds; "
          f"regret after {', '.join(map(str, MARKS))} evaluations; lag {options.lag}")
    print(f"{'':<22} {'near':>7}  " + "  ".join(f"{m:>6}" for m in MARKS))
    for search in options.searches.split(","):
        report(f"canopy {search}", by_canopy(table, options.table, search, options), table)
    try:
        import optuna
    except ImportError:
        print("optuna is not installed: not compared")
        return
    for name, sampler in {
            "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
            "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    }.items():
        report(f"optuna {optuna.__version__} {name}", by_optuna(table, sampler, options), table)


if __name__ == "__main__":
    main()
