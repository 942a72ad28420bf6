"""The pages of searches, trained models and scaling studies, in a real browser: every section is drawn, and
shows what the run file holds. Without a browser the test skips."""

import pathlib
import shutil
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

from end_to_end import Checks, keep_mpi_files_in, run, show

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
try:
    from browser import Browser, look_at
except ImportError:
    CHROMIUM = None
if CHROMIUM is None:
    print("skipped: chromium or python3-websocket is missing; jobs/install.sh --tests installs them")
    sys.exit(77)

FOREST = ["--data", "synthetic:forest-cover,rows=400", "--seed", 3]
IMAGES = ["--data", "synthetic:mnist,rows=300", "--seed", 3]
SPACE = """
[space]
n_estimators = { type = "int", low = 2, high = 8 }
max_depth = { type = "int", low = 2, high = 6, also = ["None"] }
min_samples_leaf = { type = "int", low = 1, high = 5 }
"""
# What is drawn where: by section, marks that one sees; series of charts by name, or an empty one.
SEEN = """(() => {
  const sections = {};
  for (const card of document.querySelectorAll('section.card')) {
    const count = (query) => card.querySelectorAll(query).length;
    sections[card.dataset.section] = {
      drawn: card.dataset.drawn, text: card.querySelector('.area').innerText, rows: count('tbody tr'),
      lines: count('svg path'), cells: count('svg rect'), figures: count('.kpi'), series: {}, top: card.offsetTop,
      left: card.offsetLeft, wide: card.offsetWidth, halves: card.closest('.grid').offsetWidth};
  }
  for (const {canvas, spec} of canopy.charts.filter(({canvas}) => canvas.isConnected)) {
    const series = sections[canvas.closest('section.card').dataset.section].series;
    for (const one of spec.series)
      series[one.name ?? ''] = (series[one.name ?? ''] ?? 0) + (one.x ?? one.low).length;
  }
  return sections;
})()"""


# What one comes to by Tab, and where it then is.
CONTROLS = """[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex="0"]')]
  .filter((node) => node.offsetParent && !node.disabled).length"""
FOCUSED = """(() => {
  const node = document.activeElement, box = node.getBoundingClientRect(), style = getComputedStyle(node);
  if (node === document.body) return {isNew: false, seen: true};  // between the last and the first
  const isNew = !node.dataset.visited;
  node.dataset.visited = '1';
  const isInside = box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  const list = node.closest('nav, .scroll')?.getBoundingClientRect();
  const isShown = !node.closest('nav, thead') || (box.left > list.left - 1 && box.right < list.right + 1);
  return {isNew, name: node.id || node.textContent.slice(0, 30) || node.tagName,
          seen: isInside && isShown && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0};
})()"""


def make(checks, words, np=1):
    result = run([*words, "--quiet"], np)
    checks.check(f"canopy {words[0]} makes {pathlib.Path(words[-1]).name}", result.returncode in (0, 4), result.stderr)


class Page:
    """A report that is open in a browser."""

    def __init__(self, checks, files):
        self.checks = checks
        out = files[0].with_suffix(".html")
        result = run(["report", *files, "-o", out])
        checks.check(f"a report of {', '.join(f.stem for f in files)}", result.returncode == 0, result.stderr)
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.browser = Browser(CHROMIUM, self.profile.name)
        checks.equal("is drawn at all sizes, in light and dark, without a complaint",
                     look_at(self.browser, f"file://{out}", None), [])
        self.look()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.close()
        self.profile.cleanup()

    def look(self):
        self.sections = self.browser.value(SEEN)

    def choose(self, section, switch, value):
        self.browser.value(f"""(() => {{
          const choice = document.getElementById('{section}-{switch}');
          choice.value = '{value}';
          choice.dispatchEvent(new Event('change'));
        }})()""")
        self.look()

    def has_sections(self, wanted):
        own = [name for name in self.sections if name not in ("runs", "settings", "environment", "tables")]
        self.checks.equal("the sections", own, wanted.split())
        for name in own:
            seen = self.sections[name]
            marks = seen["rows"] + seen["lines"] + seen["cells"] + seen["figures"] + sum(seen["series"].values())
            may_be_empty = name in ("events", "absent")
            self.checks.check(f"{name} is drawn", seen["drawn"] == "1" and (marks > 0 or may_be_empty), seen)
        lonely = [name for name in own if 2 * self.sections[name]["wide"] < self.sections[name]["halves"] and
                  sum(other["top"] == self.sections[name]["top"] for other in self.sections.values()) == 1]
        self.checks.equal("no half of the page is empty", lonely, [])

    def series(self, section, wanted):
        got = self.sections[section]["series"]
        self.checks.equal(f"what {section} shows", {name: got.get(name) for name in wanted}, wanted)

    def says(self, section, words):
        self.checks.check(f"{section} says: {words}", words in self.sections[section]["text"], self.sections[section]["text"])

    def press(self, key, code):
        for kind in ("rawKeyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def tab_through(self):
        """All that can be used is come to by Tab, and one sees where one is."""
        for width in (1280, 390):
            self.browser.size(width, 844)
            self.browser.value("document.activeElement.blur()")
            self.browser.value("document.querySelectorAll('[data-visited]').forEach((node) => delete node.dataset.visited)")
            wanted, reached, hidden = self.browser.value(CONTROLS), 0, []
            for _ in range(wanted + 1):
                self.press("Tab", 9)
                focused = self.browser.value(FOCUSED)
                reached += focused["isNew"]
                if not focused["seen"]:
                    hidden.append(focused["name"])
            self.checks.equal(f"what Tab comes to at {width} px", reached, wanted)
            self.checks.equal(f"... and what of it one does not see at {width} px", hidden, [])
        self.browser.size(1280, 900)

    def equal(self, what, expression, wanted):
        self.checks.equal(what, self.browser.value(expression), wanted)


def search(checks, folder):
    config, out = folder / "slices.toml", folder / "slices.h5"
    config.write_text(SPACE)
    make(checks, ["tune", "--config", config, *FOREST, "--slices", "true", "--trials", 5, "--folds", 2,
                  "--test-size", 0.2, "--out", out], np=3)
    trials, tasks, confusion = show(out, "trials"), show(out, "tasks"), show(out, "confusion")
    with Page(checks, [out]) as page:
        gained = "gain " if show(out, "verdict")[0]["gain"] else ""
        page.has_sections(f"verdict {gained}winner best-so-far coordinates importances folds slices timeline use "
                          "confusion trials events absent")
        verdict = show(out, "verdict")[0]["text"]
        page.says("verdict", "Keep the default." if verdict.startswith("keep") else "Take the tuned configuration.")
        page.says("verdict", ". Hold-out (")
        page.series("best-so-far", {"trials": len(trials)})
        checks.equal("a line for every trial", page.sections["coordinates"]["lines"], len(trials))
        grid = len({row["n_estimators"] for row in show(out, "slices")})
        sliced = len({row["trial"] for row in show(out, "slices")})
        checks.equal("a curve for every trial with slices", sum(page.sections["slices"]["series"].values()), grid * sliced)
        page.choose("tune-slices", "axis", "max_depth")
        depths = len({row["max_depth"] for row in show(out, "slices")})
        checks.equal("and over the depth", sum(page.sections["slices"]["series"].values()), depths * sliced)
        page.says("absent", "all trials went through all folds")
        page.series("timeline", {"folds of trials: complete": len(tasks)})
        page.series("folds", {"fold 1": len(trials), "fold 2": len(trials), "mean": len(trials)})
        page.series("use", {"in folds": 2})
        checks.equal("cells of the confusion", page.sections["confusion"]["cells"], len(confusion) ** 2)
        checks.equal("rows of the table", page.sections["trials"]["rows"], len(trials))
        scale = """(() => {
          const drawing = document.querySelector('#tune-confusion svg');
          return drawing.clientWidth / drawing.viewBox.baseVal.width;
        })()"""
        page.browser.size(390, 844)
        checks.check("letters of drawings do not shrink with the window", page.browser.value(scale) > 0.9)
        page.browser.size(1280, 900)
        logic_of_searches(page)
        page.browser.value("document.querySelector('#tune-best-so-far canvas').focus()")
        heard = []
        for _ in range(len(trials)):
            page.press("ArrowRight", 39)
            heard.append(page.browser.value("document.getElementById('spoken').textContent"))
        checks.check("arrow keys tell point after point", len(set(heard)) == len(trials) and
                     all(("best so far" in text) != (", trials: " in text) for text in heard), heard)
        page.tab_through()


def logic_of_searches(page):
    tasks = """[{queued: 0, started: 1, finished: 3}, {queued: 4, started: 4.5, finished: 6},
                {queued: 1, started: 6.25, finished: 7}]"""
    gaps = [{"begin": 0, "end": 1, "cause": "first"}, {"begin": 3, "end": 4, "cause": "decision"},
            {"begin": 4, "end": 4.5, "cause": "way"}, {"begin": 6, "end": 6.25, "cause": "way"}]
    page.equal("why a rank was idle", f"tuneTime.gapsOf({tasks}, 9, 'tail')", [*gaps, {"begin": 7, "end": 9, "cause": "tail"}])
    page.equal("or lost", f"tuneTime.gapsOf({tasks}, 9, 'lost')", [*gaps, {"begin": 7, "end": 9, "cause": "lost"}])
    cause = """tuneTime.timelineOf({{attributes: {{status: '{}'}}, settings: {{}}, has: () => false, rows: () =>
               [{{rank: 1, started: 0, finished: 2}}, {{rank: 2, started: 0, finished: 3}}]}}).ranks[0].gaps[0].cause"""
    page.equal("at the end of a search", cause.format("complete"), "tail")
    page.equal("or perhaps not, while it goes on", cause.format("running"), "open")
    trials = """[{id: 0, score: 0.5, ended: 9}, {id: 1, score: 0.7, ended: 2}, {id: 2, score: null, ended: 3},
                 {id: 3, score: 0.6, ended: 4}]"""
    best = "tuneData.bestSoFar({}, '{}').map((point) => [point.at, point.trial])"
    page.equal("the best by trials", best.format(trials, "trial"), [[0, 0], [1, 1], [3, 1]])
    page.equal("the best by time", best.format(trials, "time"), [[2, 1], [9, 1]])
    places = "(({{place}}) => {}.map((value) => place(value)))(tuneData.axisOf({}))"
    page.equal("numbers stand by size", places.format("[1, 2, 5]", "[5, 1, 2]"), [0, 0.25, 1])
    page.equal("words above them", places.format("[0, 10, 'None', '']", "['10', '0', 'None', '']"), [0, 0.84, 1, None])
    page.equal("words alone in equal steps", places.format("['a', 'b', 'c']", "['a', 'c', 'b', 'b']"), [0, 1, 0.5])
    decades = "tuneData.axisOf([0.001, 0.01, 0.1, 0.5, 1]).place(0.1)"
    page.equal("decades by their logarithm", f"Math.round(1000 * {decades})", 667)


def stopped_trials(checks, folder):
    """By a scheduler, and by a race that soon knows a stump to be worse than a deep tree."""
    asha, config, race = folder / "asha.h5", folder / "race.toml", folder / "race.h5"
    config.write_text("[space]\nn_estimators = 5\nmax_depth = [1, 20]\n"
                      "min_samples_leaf = { type = 'int', low = 1, high = 5 }\n")
    make(checks, ["tune", *IMAGES, "--model", "softmax", "--scheduler", "asha", "--min-resource", 1, "--max-resource", 4,
                  "--eta", 2, "--trials", 6, "--folds", 2, "--verdict-repeats", 0, "--out", asha], np=2)
    make(checks, ["tune", "--config", config, *FOREST, "--race", "rows", "--lag", 2, "--trials", 10, "--folds", 5,
                  "--verdict-repeats", 0, "--out", race], np=2)
    fates = [row["status"] for row in show(race, "trials")]
    pruned, complete = fates.count("pruned"), fates.count("complete")
    checks.check("some trials of the race are pruned", pruned > 0 and complete > 0, fates)
    with Page(checks, [asha, race]) as page:
        page.says("verdict", "No verdict was asked for")
        page.says("absent", "canopy tune --slices true records them")
        done = sum(row["status"] == "complete" for row in show(asha, "trials"))
        page.series("best-so-far", {"asha: trials": done, "race: trials": complete})
        checks.equal("a point for every rung", sum(page.sections["race"]["series"].values()), len(show(asha, "rungs")))
        page.choose("tune-race", "run", 1)
        page.series("race", {"complete": complete, "pruned": pruned})


def networks(checks, folder):
    pipeline, servers = folder / "pipeline.h5", folder / "servers.h5"
    fit = ["train", *IMAGES, "--model", "mlp", "--epochs", 2, "--batch-size", 32]
    make(checks, [*fit, "--validation-split", 0.2, "--parallel", "pipeline", "--trace", folder / "trace.json",
                  "--out", pipeline], np=2)
    make(checks, [*fit, "--parallel", "ps", "--staleness", 1, "--out", servers], np=3)
    with Page(checks, [pipeline, servers]) as page:
        page.has_sections("outcome loss accuracy speed use trace pipeline staleness leads confusion layout events absent")
        page.says("outcome", "2 ranks on 1 machine: one pipeline of 2 stages.")
        page.says("outcome", "2 workers with the whole network")
        page.says("outcome", "Workers may be 1 update ahead of the slowest.")
        page.series("loss", {"pipeline: learnt from": 2, "pipeline: set aside": 2, "servers: learnt from": 2})
        page.choose("train-loss", "over", "samples")
        page.equal("samples are counted", "trainData.epochsOf(canopy.state.runs[0]).map((row) => row.samples)", [240, 480])
        spans = show(pipeline, "trace")
        checks.equal("every span of the trace", sum(page.sections["trace"]["series"].values()), len(spans))
        page.says("pipeline", "bubble, measured")
        page.series("staleness", {"servers": len({row["staleness"] for row in show(servers, "staleness")})})
        checks.equal("every rank", page.sections["layout"]["rows"], 5)
        page.says("absent", "Sums of gradients")


def forests(checks, folder):
    out = folder / "forest.h5"
    make(checks, ["train", *FOREST, "--n-estimators", 8, "--oob-score", "true", "--permutation-repeats", 3,
                  "--out", out], np=2)
    permuted, curve = show(out, "permutation_importances"), show(out, "oob_curve")
    with Page(checks, [out]) as page:
        page.has_sections("outcome use oob importances permutation confusion layout events")
        page.says("outcome", "every rank holds all rows and grows some of the trees")
        page.says("outcome", "out-of-bag")
        page.series("use", {"computing": 2, "idle": 2})
        page.series("importances", {"importance": 20})
        checks.check("no cell is undefined", "undefined" not in page.sections["layout"]["text"], page.sections["layout"])
        page.series("oob", {"out-of-bag": len(curve)})
        voted, rows = curve[-1]["rows_with_vote"], show(out, "model")[0]["rows"]
        checks.check("eight trees leave rows without a vote", int(voted) < int(rows), curve)
        page.says("oob", f"{voted} rows of {rows} have a vote; the others count as the first class.")
        page.series("permutation", {"mean": 20, "± std": 20})
        page.says("permutation", "3 repeats on rows that the forest has not seen (hold-out).")
        best, mean, std = max(((row["feature"], float(row["mean"]), float(row["std"])) for row in permuted),
                              key=lambda row: row[1])
        page.equal("the greatest one comes first, with its deviation",
                   """(({series: [deviation, mean]}) => [
                        mean.y[0], ...[mean.high[0], deviation.low[0], deviation.high[0]].map((x) => Math.round(1e5 * x))])(
                        canopy.charts.find(({spec}) => spec.series.some(({name}) => name === '± std')).spec)""",
                   [best, *(round(1e5 * x) for x in (mean, mean - std, mean + std))])
        # As the dashboard shows one that grows: settings and what its journal tells, nothing else.
        page.browser.value("""(() => {
          const data = JSON.parse(document.getElementById("data").textContent);
          data.runs[0].attributes.status = "running";
          data.runs[0].tables = {growth: {seconds: [0.5, 1.5], trees: [2, 5]}};
          canopy.show(data);
        })()""")
        page.look()
        page.has_sections("outcome growth events absent")
        page.says("absent", "canopy train --oob-score true records it")
        page.says("absent", "canopy train --permutation-repeats 5 records it")
        page.says("outcome", "2 ranks on 1 machine: every rank holds all rows")
        page.says("outcome", "of 8")
        page.series("growth", {"trees": 2, "in all": 2})
        page.equal("a network without its first epoch is none of them",
                   'trainData.isForest({settings: {model: "mlp"}, has: () => false})', False)


def study(checks, folder):
    files, out = [], folder / "study.h5"
    for size in (1, 2, 3):
        for repeat in (0, 1):
            files.append(folder / f"size{size}-{repeat}.h5")
            make(checks, ["train", *FOREST, "--n-estimators", 12, "--out", files[-1]], np=size)
    result = run(["scaling", "collect", *files, "--by", "np", "--out", out])
    checks.check("a study", result.returncode == 0, result.stderr)
    with Page(checks, [out]) as page:
        page.has_sections("outcome time speed-up efficiency phases shares serial runs-table")
        page.says("outcome", "Amdahl's law")
        page.says("outcome", "the same")
        for section in ("time", "speed-up", "efficiency"):
            page.series(section, {"runs": 6, "median": 3})
        page.series("time", {"ideal": 41, "Amdahl's law": 41, "universal scalability law": 41})
        checks.equal("every run", page.sections["runs-table"]["rows"], 6)
        page.series("shares", {"computing": 3, "messages": 3, "idle": 3})
        law = """scalingData.lawsOf({settings: {}, rows: () => [{law: "usl", one_seconds: 8, serial: 0.25, coherence: 0.5,
                                                                  relative_error: 0}]})[0].seconds(2)"""
        page.equal("a law by its formula", law, 8 * (1 + 0.25 + 0.5 * 2) / 2)
        weak_scaling(page)


def weak_scaling(page):
    """Of sizes 1 and 3, the larger with three times the work; as Gustafson's law has it in 8 and 12 seconds."""
    run = """{settings: {growth: "weak"}, rows: (table) => table === "fit" ?
        [{law: "gustafson", one_seconds: 8, serial: 0.5, coherence: 0}] :
        [1, 1, 3, 3].map((size, i) => ({size, wall_seconds: size === 1 ? 8 : 12, result: "aabb"[i]}))}"""
    for measure, ideal, by_law in (("wall_seconds", 8, 12), ("speed_up", 3, 2), ("efficiency", 1, 8 / 12)):
        page.equal(f"weak {measure}: ideal", f"scalingData.curve({run}, '{measure}', null).at(-1).value", ideal)
        curve = f"scalingData.curve({run}, '{measure}', scalingData.lawsOf({run})[0]).at(-1).value"
        page.equal(f"weak {measure}: by Gustafson's law", curve, by_law)
    page.equal("other sizes may find other things", f"scalingData.inWords({run}).results", 1)
    page.equal("runs of a size may not", f"scalingData.inWords({run.replace('aabb', 'aabc')}).results", 2)
    page.equal("one run of each is no check", f"scalingData.inWords({run.replace('1, 1, 3, 3', '1, 3')}).results", None)


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        keep_mpi_files_in(folder)
        search(checks, folder)
        stopped_trials(checks, folder)
        networks(checks, folder)
        forests(checks, folder)
        study(checks, folder)
    checks.leave()


if __name__ == "__main__":
    main()
