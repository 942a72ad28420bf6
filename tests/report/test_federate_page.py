"""The page of federated runs in a real browser, and that browser.sh finds what is wrong with a page. Without a
browser the test skips."""

import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

from end_to_end import Checks, keep_mpi_files_in, run, show

BROWSER = TOP / "tests" / "report" / "browser.sh"
TREE = ["--layout", "tree", "--combiners", 2, "--clients", 12, "--fraction-fit", 0.5, "--round-policy", "deadline",
        "--deadline", 1, "--late", "carry", "--compute", "lognormal:0.02,0.8", "--dropout", 0.1]
BUFFER = ["--aggregator", "fedbuff", "--buffer-size", 3, "--clients", 10, "--fraction-fit", 0.5]
SECTIONS = ["result", "progress", "distribution", "fairness", "drift", "labels", "heterogeneity", "participation",
            "shares", "client-time", "training-times", "gantt", "staleness", "rank-time", "round-times", "network",
            "clients", "combiners", "events", "sessions", "trail"]
# By section: its state, what stands in it, and the points of its charts.
SEEN = """(() => Object.fromEntries([...document.querySelectorAll('section.card')].map((card) => [card.dataset.section, {
  drawn: card.dataset.drawn,
  missing: card.querySelectorAll('.missing').length,
  text: card.querySelector('.area').innerText,
  circles: card.querySelectorAll('circle').length,
  rects: card.querySelectorAll('rect').length,
  points: canopy.charts.filter(({canvas}) => card.contains(canvas))
    .flatMap(({spec}) => spec.series.map((one) => (one.x ?? one.low).length)),
}])))()"""


def browser(page, *more):
    return subprocess.run([BROWSER, page, *more], text=True, capture_output=True, timeout=120)


def federate(checks, out, words, np=1):
    result = run(["federate", "--data", "synthetic:mnist,rows=600", "--model", "softmax", "--partition", "dirichlet:0.3",
                  "--validation", "all", "--rounds", 6, "--seed", 3, "--quiet", *words, "--out", out], np)
    checks.check(f"{out.name} is made", result.returncode == 0, result.stderr)


def report(checks, page, *runs):
    result = run(["report", *runs, "-o", page])
    checks.check(f"{page.name} is written", result.returncode == 0, result.stderr)


def seen_on(page):
    from browser import Browser
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        one = Browser("chromium", profile)
        try:
            one.call("Page.enable")
            one.size(1280, 900)
            one.call("Page.navigate", url=page.as_uri())
            one.wait(lambda: one.value("window.canopyReady === true"), "the page was not ready")
            return one.value(SEEN)
        finally:
            one.close()


def shows_what_the_run_holds(checks, page, out):
    seen = seen_on(page)
    checks.equal("every section is there and drawn",
                 [name for name in SECTIONS if seen.get(name, {}).get("drawn") != "1"], [])
    checks.equal("nothing is missing but events",
                 [name for name in SECTIONS if seen[name]["missing"] and name != "events"], [])
    rounds, clients = show(out, "rounds"), show(out, "clients")
    checks.equal("a point for each round", seen["progress"]["points"], [len(rounds)])
    checks.equal("a box for each round", seen["distribution"]["points"], [len(rounds)])
    checks.equal("a circle for each client", seen["network"]["circles"], len(clients))
    checks.equal("reducer and combiners", seen["network"]["rects"], 1 + len(show(out, "combiners")))
    checks.check("the final accuracy", f"{100 * float(rounds[-1]['accuracy']):.2f} %" in seen["result"]["text"],
                 seen["result"]["text"])
    trips = [row for row in show(out, "updates") if int(row["round"]) > len(rounds) - 5]
    drawn = sum(seen["gantt"]["points"])
    checks.check("trips of the last five rounds", 0 < drawn <= len(trips), f"{drawn} of {len(trips)}")


def finds_what_is_wrong(checks, page, folder):
    text = page.read_text()
    for what, old, new, told in [
            ("a script of others", "<main ", "<script>alert(1)</script><main ", "console:"),
            ("something to fetch", "<main ", '<img src="http://127.0.0.1:9/x.png"><main ', "WRONG"),
            ("a section that cannot be drawn", '"settings":{', '"settings":null,"other":{', "undrawn")]:
        bad = folder / "bad.html"
        checks.check(f"{what} can be put in", text.count(old) >= 1)
        bad.write_text(text.replace(old, new, 1))
        result = browser(bad)
        checks.check(f"{what} is found", result.returncode == 1 and told in result.stdout, result.stdout + result.stderr)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        keep_mpi_files_in(folder)
        checks = Checks()
        tree, buffer = folder / "tree.h5", folder / "buffer.h5"
        federate(checks, tree, TREE, np=4)
        one, two = folder / "one.html", folder / "two.html"
        report(checks, one, tree)
        result = browser(one, folder / "pictures")
        if result.returncode == 77:
            print(result.stdout.strip())
            sys.exit(77)
        checks.check("one run: nothing is wrong", result.returncode == 0, result.stdout + result.stderr)
        checks.equal("pictures are kept", sorted(path.name for path in (folder / "pictures").iterdir()),
                     ["1280-dark.png", "1280-light.png", "390-dark.png", "390-light.png", "printed.pdf"])
        shows_what_the_run_holds(checks, one, tree)
        federate(checks, buffer, BUFFER)
        report(checks, two, tree, buffer)
        result = browser(two)
        checks.check("two runs: nothing is wrong", result.returncode == 0, result.stdout + result.stderr)
        finds_what_is_wrong(checks, one, folder)
    checks.leave()
