"""jobs/scaling.sh runs a study, checks that all sizes found the same, and jobs/plot_scaling.py draws it."""

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
    checks.check("and named", "different settings" in refused.stderr, refused.stderr)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    result = job([CANOPY, "scaling", "collect", files[0], "--out", elsewhere / "one.h5"])
    checks.check("runs of another folder", result.returncode == 0, result.stderr)
    checks.equal("are told by name", show(elsewhere / "one.h5", "scaling")[0]["run"], files[0].name)
    kept = (elsewhere / "one.h5").read_bytes()
    checks.check("and nothing tells where that was", str(folder).encode() not in kept)


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


def drawn(checks, folder, out):
    result = job([sys.executable, TOP / "jobs" / "plot_scaling.py", out, "--out", folder / "figure"])
    if "apt-get install" in result.stderr:
        print(f"skipped the figures: {result.stderr.strip()}")
        return
    checks.check("the figures are drawn", result.returncode == 0, result.stderr)
    for kind, begin in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        checks.check(f"as {kind}", (folder / f"figure.{kind}").read_bytes().startswith(begin))
    wrong = job([sys.executable, TOP / "jobs" / "plot_scaling.py", folder / "tune-small.toml"])
    checks.check("what is no study is told", "is no scaling study" in wrong.stderr, wrong.stderr)


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        keep_mpi_files_in(name)
        folder = pathlib.Path(name)
        out, files = study(checks, folder)
        disagreement(checks, folder, files)
        changed_data(checks, folder)
        drawn(checks, folder, out)
    checks.leave()


if __name__ == "__main__":
    main()
