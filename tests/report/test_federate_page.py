"""The page of federated runs in a real browser, and that browser.sh finds what is wrong with a page. Without a
browser, or h5py, the test skips."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

try:
    import h5py
except ImportError as error:
    print(f"skipped: {error}; apt-get install python3-h5py")
    sys.exit(77)

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

from end_to_end import Checks, keep_mpi_files_in, run, show

BROWSER = TOP / "tests" / "report" / "browser.sh"
TREE = ["--layout", "tree", "--combiners", 2, "--clients", 12, "--fraction-fit", 0.5, "--round-policy", "deadline",
        "--deadline", 1, "--late", "carry", "--compute", "lognormal:0.02,0.8", "--dropout", 0.1]
BUFFER = ["--aggregator", "fedbuff", "--buffer-size", 3, "--clients", 10, "--fraction-fit", 0.5]
SECTIONS = ["result", "progress", "distribution", "fairness", "drift", "labels", "heterogeneity", "participation",
            "shares", "client-time", "training-times", "gantt", "staleness", "combiner-time", "rank-time", "round-times", "network",
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

# By section: where the axes of its chart begin, and whether at 0 by rule.
AXES = """(() => Object.fromEntries(canopy.charts.map(({canvas, chart}) => [canvas.closest('section.card').dataset.section, {
  x: chart.scales.x.min,
  y: chart.scales.y.min,
  fromZero: chart.options.scales.y.beginAtZero,
}])))()"""
# A choice of a switch, and the names and points of the bars that are drawn then.
CHOOSE = """(() => {
  const choice = document.getElementById('federate-combiner-time-%s');
  choice.value = '%s';
  choice.dispatchEvent(new Event('change'));
  canopy.forgetCharts();
  return canopy.charts.filter(({canvas}) => canvas.closest('section.card').dataset.section === 'combiner-time')
    .flatMap(({spec}) => spec.series.map((one) => [one.name, one.x.join(' ')]));
})()"""


def browser(page, *more):
    return subprocess.run([BROWSER, page, *more], text=True, capture_output=True, timeout=120)


def federate(checks, out, words, np=1):
    result = run(["federate", "--data", "synthetic:mnist,rows=600", "--model", "softmax", "--partition", "dirichlet:0.3",
                  "--validation", "all", "--rounds", 6, "--seed", 3, "--quiet", *words, "--out", out], np)
    checks.check(f"{out.name} is made", result.returncode == 0, result.stderr)


def report(checks, page, *runs):
    result = run(["report", *runs, "-o", page])
    checks.check(f"{page.name} is written", result.returncode == 0, result.stderr)


def values_on(page, *expressions):
    from browser import Browser
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        one = Browser("chromium", profile)
        try:
            one.call("Page.enable")
            one.size(1280, 900)
            one.call("Page.navigate", url=page.as_uri())
            one.wait(lambda: one.value("window.canopyReady === true"), "the page was not ready")
            return [one.value(expression) for expression in expressions]
        finally:
            one.close()


def shows_what_the_run_holds(checks, page, out):
    [seen] = values_on(page, SEEN)
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


def shows_where_the_time_of_combiners_goes(checks, page, out):
    rounds = " ".join(sorted({row["round"] for row in show(out, "combiner_rounds")}, key=int))
    parts = ["waiting for updates", "loading updates", "adding updates up"]
    [seen, work, combiners, first] = values_on(page, CHOOSE % ("of", "rounds"), CHOOSE % ("parts", "work"),
                                               CHOOSE % ("of", "combiners"), CHOOSE % ("of", "1"))
    checks.equal("bars of each round", seen, [[part, rounds] for part in parts])
    checks.equal("without waiting", work, [[part, rounds] for part in parts[1:]])
    checks.equal("bars of each combiner", combiners, [[part, "combiner 1 combiner 2"] for part in parts[1:]])
    of_first = " ".join(row["round"] for row in show(out, "combiner_rounds") if row["combiner"] == "1")
    checks.equal("bars of the rounds of one", first, [[part, of_first] for part in parts[1:]])


def begins_axes_where_they_should(checks, page):
    """Bars stand on 0, boxes need not; rounds are counted from 1."""
    [axes] = values_on(page, AXES)
    checks.equal("bars stand on 0", [axes["combiner-time"]["y"], axes["participation"]["y"]], [0, 0])
    checks.equal("boxes need not", [axes[name]["fromZero"] for name in ("distribution", "drift")], [False, False])
    checks.equal("rounds from 1", [axes[name]["x"] for name in ("progress", "drift", "participation")], [1, 1, 1])


def does_without_on_older_pages(checks, out, folder):
    """Runs were once written without what combiners tell of their time."""
    page, older = folder / "older.html", folder / "older.h5"
    shutil.copy(out, older)
    with h5py.File(older, "a") as file:
        del file["combiner_rounds"]
    report(checks, page, older)
    [seen] = values_on(page, SEEN)
    checks.equal("an older run: every section is there and drawn",
                 [name for name in SECTIONS if seen.get(name, {}).get("drawn") != "1"], [])
    checks.equal("an older run: no bars of combiners, and why",
                 [seen["combiner-time"]["points"], "this one is older" in seen["combiner-time"]["text"]], [[], True])
    checks.equal("an older run: lines of rounds alone", len(seen["round-times"]["points"]), 1)


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
        shows_where_the_time_of_combiners_goes(checks, one, tree)
        begins_axes_where_they_should(checks, one)
        does_without_on_older_pages(checks, tree, folder)
        federate(checks, buffer, BUFFER)
        report(checks, two, tree, buffer)
        result = browser(two)
        checks.check("two runs: nothing is wrong", result.returncode == 0, result.stdout + result.stderr)
        finds_what_is_wrong(checks, one, folder)
    checks.leave()
