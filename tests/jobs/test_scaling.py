"""jobs/scaling.sh runs a study, strong or weak, checks that all sizes found the same, or all runs of a size, and
jobs/plot_scaling.py draws it."""

import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

from end_to_end import CANOPY, ENVIRONMENT, Checks, keep_mpi_files_in, show

CONFIG = """
data = "synthetic:forest-cover,rows=600"
trials = 4
folds = 2
seed = 3
verdict_repeats = 0
"""


def job(words):
    return subprocess.run([str(w) for w in words], env={**ENVIRONMENT, "CANOPY": str(CANOPY)}, text=True,
                          capture_output=True, timeout=300)


def study(checks, folder):
    config, out = folder / "tune-small.toml", folder / "study.h5"
    config.write_text(CONFIG)
    words = [TOP / "jobs" / "scaling.sh", config, "--np", "1,2,3", "--repeat", "2", "--out", out]
    result = job(words)
    checks.check("the study finishes", result.returncode == 0, result.stderr)
    scaling = show(out, "scaling")
    checks.equal("six runs", len(scaling), 6)
    checks.equal("workers are counted", sorted({float(r["size"]) for r in scaling}), [1, 2])
    checks.equal("all found the same", len({r["result"] for r in scaling}), 1)
    checks.check("the laws are fitted", [r["law"] for r in show(out, "fit")] == ["amdahl"])
    checks.equal("runs are named from the study's folder", scaling[0]["run"], "study/tune-small-np1-0.h5")
    files = [folder / "study" / f"tune-small-np{n}-0.h5" for n in (1, 3)]
    times = [f.stat().st_mtime_ns for f in files]
    checks.equal("again it finishes", job(words).returncode, 0)
    checks.equal("and repeats no run", [f.stat().st_mtime_ns for f in files], times)
    return out, files


def disagreement(checks, folder, files):
    other = folder / "other.h5"
    result = job([CANOPY, "tune", "--config", folder / "tune-small.toml", "--seed", "4", "--out", other,
                  "--quiet"])
    checks.check("another run", result.returncode == 0, result.stderr)
    refused = job([CANOPY, "scaling", "collect", files[0], other, "--out", folder / "no.h5"])
    checks.equal("other settings are refused", refused.returncode, 2)
    checks.check("and named as they were given", f"{files[0]} and {other} were run with different settings"
                 in refused.stderr, refused.stderr)
    for words in ([folder / "study.h5"], [files[0], folder / "study.h5"]):
        refused = job([CANOPY, "scaling", "collect", *words, "--out", folder / "no.h5"])
        checks.equal("a study is no run", refused.returncode, 3)
        checks.check("and told whose it is", f"{folder / 'study.h5'}: is of canopy scaling, which has no work" in
                     refused.stderr, refused.stderr)
    refused = job([CANOPY, "scaling", "colect", *files, "--out", folder / "no.h5"])
    checks.check("a misspelt word is told", refused.returncode == 2 and
                 "no 'colect' (did you mean 'collect'?)" in refused.stderr, refused.stderr)
    checks.check("and nothing is written", not (folder / "no.h5").exists())
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    result = job([CANOPY, "scaling", "collect", files[0], "--out", elsewhere / "one.h5"])
    checks.check("runs of another folder", result.returncode == 0, result.stderr)
    checks.equal("are told by name", show(elsewhere / "one.h5", "scaling")[0]["run"], files[0].name)
    kept = (elsewhere / "one.h5").read_bytes()
    checks.check("and nothing tells where that was", str(folder).encode() not in kept)


def weak_study(checks, folder):
    out = folder / "weak.h5"
    script = [TOP / "jobs" / "scaling.sh", folder / "tune-small.toml", "--np", "1,2,3"]
    words = [*script, "--weak", "trials=2", "--out", out]
    result = job(words)
    checks.check("a weak study finishes", result.returncode == 0, result.stderr)
    scaling = show(out, "scaling")
    checks.equal("its sizes", [float(r["size"]) for r in scaling], [1, 1, 2])
    trials = [len(show(folder / row["run"], "trials")) for row in scaling]
    checks.equal("trials grow with the workers", trials, [2, 2, 4])
    checks.equal("the same are found with one worker", scaling[0]["result"], scaling[1]["result"])
    checks.check("others with two", scaling[2]["result"] != scaling[0]["result"])
    seconds = [float(r["wall_seconds"]) for r in scaling]
    checks.check("the efficiency is T(1) / T(n)", abs(
        float(scaling[2]["efficiency"]) * seconds[2] * 2 / (seconds[0] + seconds[1]) - 1) < 1e-6, scaling)
    checks.equal("Gustafson's law is fitted", [r["law"] for r in show(out, "fit")], ["amdahl", "gustafson"])

    hosts, is_folder = folder / "hosts.txt", folder / "is-folder.h5"
    hosts.write_text("# two\nvm1 slots=2\n\nvm2 slots=1\n")
    is_folder.mkdir()
    for what, more, complaint in (
            ("an option that tune has not", ["--weak", "rounds=2"], "canopy tune has no --rounds"),
            ("no number", ["--weak", "trials"], "--weak is 'trials', expected OPTION=NUMBER"),
            ("an option twice", ["--weak", "folds=2", "--", "--folds", "3"], "both set --folds"),
            ("no value", ["--weak"], "--weak is the last word"),
            ("sizes twice", ["--nodes", "1"], "both say sizes"),
            ("no repeats", ["--repeat", "0"], "--repeat is '0'"),
            ("another kind of file", ["--out", folder / "new.txt"], "ends in .h5"),
            ("an out that is a folder", ["--out", is_folder], "a folder; expected a file"),
            ("an out in no folder", ["--out", hosts / "new.h5"], "Not a directory; choose another"),
            ("no hostfile", ["--hostfile", folder / "none.txt"], "no such file to read")):
        refused = job([*script, "--out", folder / "new.h5", *more])
        checks.check(f"{what} is refused", refused.returncode == 2 and complaint in refused.stderr,
                     refused.stderr)
    refused = job([*script[:2], "--nodes", "1,3", "--hostfile", hosts, "--out", folder / "new.h5"])
    checks.check("more machines than there are is refused", refused.returncode == 2 and
                 "--nodes has 3, but" in refused.stderr and "names 2 machines" in refused.stderr, refused.stderr)
    checks.check("before any run", not list(folder.glob("new*")))
    return out


def changed_data(checks, folder):
    """Two runs of the same settings that found different things, whose data were changed between them."""
    data, files = folder / "rows.csv", [folder / f"changed{i}.h5" for i in (0, 1)]
    for i, file in enumerate(files):
        data.write_text("a,class\n" + "".join(f"{n},{n * n % (5 + i) % 2}\n" for n in range(40)))
        result = job([CANOPY, "tune", "--data", data, "--trials", "1", "--folds", "2", "--verdict-repeats", "0",
                      "--out", file, "--quiet"])
        checks.check("a run", result.returncode == 0, result.stderr)
    for growth, told in (("strong", "NOT ALL RUNS FOUND THE SAME"), ("weak", "NOT ALL RUNS OF A SIZE FOUND")):
        result = job([CANOPY, "scaling", "collect", *files, "--growth", growth, "--out",
                      folder / f"{growth}-changed.h5"])
        checks.equal(f"{growth}: other results are told", result.returncode, 4)
        checks.check("in words", told in result.stdout, result.stdout)


def drawn(checks, folder, out, weak):
    result = job([sys.executable, TOP / "jobs" / "plot_scaling.py", out, "--out", folder / "figure"])
    if "apt-get install" in result.stderr:
        print(f"skipped the figures: {result.stderr.strip()}")
        return
    checks.check("the figures are drawn", result.returncode == 0, result.stderr)
    for kind, begin in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        checks.check(f"as {kind}", (folder / f"figure.{kind}").read_bytes().startswith(begin))
    wrong = job([sys.executable, TOP / "jobs" / "plot_scaling.py", folder / "tune-small.toml"])
    checks.check("what is no study is told", "is no scaling study" in wrong.stderr, wrong.stderr)
    curves_of_weak_scaling(checks, folder, weak)


def curves_of_weak_scaling(checks, folder, weak):
    sys.path.insert(0, str(TOP / "jobs"))
    import plot_scaling
    sys.argv = ["plot_scaling.py", str(weak), "--out", str(folder / "weak")]
    plot_scaling.main()
    axes = {axis.get_ylabel(): axis for axis in plot_scaling.plt.gcf().axes}
    checks.equal("weak scaling has its own speed-up", list(axes), ["seconds", "scaled speed-up", "efficiency"])

    def ends(axis, label):
        """The curve at its smallest and its largest size, 1 and 2."""
        line = next(l for l in axes[axis].lines if l.get_label().startswith(label))
        return [line.get_ydata()[0], line.get_ydata()[-1]]

    def near(name, got, wanted):
        checks.check(name, all(abs(g / w - 1) < 1e-6 for g, w in zip(got, wanted)), f"{got}, wanted {wanted}")

    scaling, fits = show(weak, "scaling"), show(weak, "fit")
    flat = (float(scaling[0]["wall_seconds"]) + float(scaling[1]["wall_seconds"])) / 2
    near("ideal time stays", ends("seconds", "ideal"), [flat, flat])
    near("ideal speed-up grows", ends("scaled speed-up", "ideal"), [1, 2])
    near("ideal efficiency stays", ends("efficiency", "ideal"), [1, 1])
    for law, name in (("amdahl", "Amdahl"), ("gustafson", "Gustafson")):
        one, serial = next((float(r["one_seconds"]), float(r["serial"])) for r in fits if r["law"] == law)
        speed_up = 2 / (1 + serial) if law == "amdahl" else 2 - serial
        near(f"{name}: time", ends("seconds", name), [one, one * 2 / speed_up])
        near(f"{name}: speed-up", ends("scaled speed-up", name), [flat / one, flat / one * speed_up])
        near(f"{name}: efficiency", ends("efficiency", name), [flat / one, flat / one * speed_up / 2])


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        keep_mpi_files_in(name)
        folder = pathlib.Path(name)
        out, files = study(checks, folder)
        disagreement(checks, folder, files)
        weak = weak_study(checks, folder)
        changed_data(checks, folder)
        drawn(checks, folder, out, weak)
    checks.leave()


if __name__ == "__main__":
    main()
