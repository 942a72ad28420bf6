"""What README, jobs/README and results/ say is true of this program: commands are accepted by its own parser,
those of README run (on less data), files that are named exist, and short answers are short."""

import pathlib
import re
import shlex
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "app"))

from end_to_end import Checks, keep_mpi_files_in, run, two_at_a_time

PAGES = [TOP / "README.md", TOP / "jobs" / "README.md", *sorted((TOP / "results").glob("*.md"))]
SHORT = {"How does federated learning differ": 300, "How does it relate to the parameter server": 300}
SMALL = {  # what README's examples are run with besides: the last word wins
    "tune": ["--trials", "3", "--folds", "2", "--verdict-repeats", "0"],
    "train": [],
    "federate": ["--rounds", "2"],
}
LAST = {"tune": "walltime", "train": "zero", "federate": "weight-decay", "show": "rows", "predict": "seed"}
FOREST, IMAGES = ["--data", "synthetic:forest-cover,rows=600"], ["--data", "synthetic:mnist,rows=200"]
NETWORKS = re.compile(r"softmax|mlp|lenet|cnn|mnist")


def blocks(text):
    """The lines of code blocks, those that end in a backslash joined."""
    lines = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    return re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()


def spans(text):
    """What stands between backticks outside of code blocks."""
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


class Command:
    """A call of canopy, or of a script in jobs/ that takes its options, as it is written on a page."""

    PATTERN = re.compile(r"(?:^|\s)(?:\S*/)?canopy (?P<name>COMMANDS)\b(?P<words>.*)"
                         r"|(?:^|\s)jobs/(?P<job>tune|train|federate)\.(?:sh|sbatch)\b(?P<more>.*)")

    def __init__(self, line, match):
        self.line = line
        self.name = match["name"] or match["job"]
        self.is_job = bool(match["job"])
        text = (match["words"] if match["name"] else match["more"]).replace("\\|", "|")
        text = re.split(r"\s[|>;&#]|;|\s2>", text)[0]
        self.words = [word.split("|")[0].strip("[]") for word in shlex.split(text)]
        processes = re.search(r"-np (\d+)", line)
        self.np = int(processes[1]) if processes else 1

    @property
    def key(self):
        """What several pages have in common."""
        return self.name, *self.words

    @property
    def has_gaps(self):
        """Words such as S, NAME.h5 or ... stand for others: names of options can be checked, values not."""
        return any(re.fullmatch(r"[A-Z]+|.*\.\.\.|.*[=:](?:[A-Z]|NAME)+", word) for word in self.words)


def commands(lines, names):
    pattern = re.compile(Command.PATTERN.pattern.replace("COMMANDS", "|".join(names)))
    return [Command(line, match) for line in lines if (match := pattern.search(line))]


def complaint(command):
    """What the parser says against a command; None if nothing. It looks at names first, then at values in the
    order of names: it is given one more word, which fails after all of the command's own have passed."""
    before = [""] + command.words
    words = [w for w, last in zip(command.words, before)
             if w != "..." and not (re.fullmatch(r"[A-Z]+", w) and not last.startswith("--"))]
    said = run([command.name, *words, "--no-such-option"], cwd=TOP).stderr
    if "unknown option --no-such-option" not in said:
        return said
    last = LAST.get(command.name)
    if command.has_gaps or last is None:
        return None
    said = run([command.name, *words, f"--{last}=no such value"], cwd=TOP).stderr
    return None if f"--{last}" in said and "no such value" in said else said


def test_pages(checks, names):
    texts = {page: page.read_text() for page in PAGES}
    found = {page: commands(blocks(text) + spans(text), names) for page, text in texts.items()}
    different = {command.key: command for some in found.values() for command in some}
    complaints = dict(zip(different, two_at_a_time(complaint, different.values())))
    for page, text in texts.items():
        wrong = [f"{c.line}\n  {said}" for c in found[page] if (said := complaints[c.key])]
        checks.check(f"{page.relative_to(TOP)}: {len(found[page])} commands are accepted", not wrong,
                     "\n".join(wrong))
        links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
        named = re.findall(r"(?<![\w/])(?:jobs|tests|data|hostfiles|src|include|cmake)/[a-z][\w./-]*\.[a-z]+\d?\b",
                           " ".join(spans(text)))
        absent = [f for f in links if not (page.parent / f).exists()]
        absent += [f for f in named if not (TOP / f).exists() and not re.search(r"\.gz|\.csv", f)]
        checks.check(f"{page.relative_to(TOP)}: files that it names exist", not absent, ", ".join(absent))


def test_length(checks):
    text = (TOP / "results" / "ANSWERS.md").read_text()
    sections = {part.split("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}
    for start, most in SHORT.items():
        parts = [part for title, part in sections.items() if start in title]
        if checks.equal(f"ANSWERS.md: one section '{start}'", len(parts), 1):
            words = len(parts[0].split())
            checks.check(f"'{start}' has {words} words, at most {most}", words <= most)


def test_help(checks, names):
    checks.check("canopy --help lists commands", len(names) >= 7, names)
    for name, page in zip(names, two_at_a_time(lambda name: run([name, "--help"]), names)):
        checks.check(f"canopy {name} --help", page.returncode == 0 and f"Usage: canopy {name}" in page.stdout
                     and "--config" in page.stdout, page.stderr)


def clients_of(federation):
    """As many as it says or its configuration does; 50 when they are those of the layout."""
    configs = [TOP / word for word in federation.words if word.endswith(".toml")]
    said = " ".join([federation.line, *(config.read_text() for config in configs)])
    found = re.search(r'\bclients[ ="]+(\d+)', said)
    return int(found[1]) if found else 50


def test_examples(checks, names, folder):
    """README's code blocks, with less data and fewer rounds; run files go to the folder."""
    for command in commands(blocks((TOP / "README.md").read_text()), names):
        if command.is_job or command.name not in SMALL or "--simulate" in command.words:
            continue
        words = [str(folder / pathlib.Path(w).name) if w.startswith("results/") else w for w in command.words]
        if "--out" not in words:
            words += ["--out", folder / "run.h5"]
        data = IMAGES if NETWORKS.search(" ".join(command.words)) else FOREST
        if command.name == "train":
            words += ["--epochs", "1"] if data == IMAGES else ["--n-estimators", "8"]
        if command.name == "federate":
            data = ["--data", f"synthetic:mnist,rows={20 * clients_of(command)}"]
        words += data + SMALL[command.name]
        done = run([command.name, *words, "--overwrite", "--quiet"], command.np, cwd=TOP)
        checks.check(f"runs: {command.line.strip()}", done.returncode == 0, done.stderr)


def main():
    checks = Checks()
    listed = run(["--help"]).stdout.split("commands\n")[-1]
    names = re.findall(r"^  (\w+) ", listed, re.MULTILINE)
    test_help(checks, names)
    test_pages(checks, names)
    test_length(checks)
    with tempfile.TemporaryDirectory() as name:
        keep_mpi_files_in(name)
        test_examples(checks, names, pathlib.Path(name))
    checks.leave()


if __name__ == "__main__":
    main()
