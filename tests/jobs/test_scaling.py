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
    weak = job([CANOPY, "scaling", "collect", files[0], other, "--growth", "weak", "--out", folder / "w.h5"])
    checks.check("but for weak scaling", weak.returncode == 0, weak.stderr)


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
        drawn(checks, folder, out)
    checks.leave()


if __name__ == "__main__":
    main()
