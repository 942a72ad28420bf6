"""What a person meets on the command line: exit statuses, messages, help, and files in and out."""

import csv
import gzip
import pathlib
import random
import re
import resource
import signal
import struct
import tempfile

from end_to_end import Checks, keep_mpi_files_in, run, show, two_at_a_time

JOBS = pathlib.Path(__file__).resolve().parents[2] / "jobs"
COMMANDS = {
    "tune": ["--data", "--model", "--trials", "--folds", "--scoring", "--time-limit", "--walltime",
             "--seed", "--out", "--resume", "--overwrite", "--progress", "--config", "[space]"],
    "train": ["--data", "--model", "--n-estimators", "--rng", "--random-state", "--oob-score",
              "--test-size", "--scoring", "--walltime", "--seed", "--out", "--resume", "--config"],
    "calibrate": ["--model", "--data", "--forest-data", "--rows", "--window", "--out", "--config"],
    "plan": ["CALIBRATION", "--command", "--layout", "--np", "--ranks-per-node", "--measured",
             "--network-bandwidth", "--tasks-of", "--out", "--config"],
    "predict": ["--model", "--data", "--out", "--id", "--proba", "--overwrite"],
    "data": ["describe", "convert", "synth", "--data", "--label", "--drop", "--out"],
    "show": ["RUN", "TABLE", "--csv"],
    "federate": ["--data", "--model", "--clients", "--fraction-fit", "--rounds", "--partition",
                 "--aggregator", "--selector", "--layout", "--combiners", "--preview", "--dry-run",
                 "--from-model", "--resume", "--config"],
}


def write_rows(path, rows=300, with_id=False):
    """Two classes that two features tell apart, and one feature of noise."""
    chance = random.Random(1)
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow((["Id"] if with_id else []) + ["height", "width", "noise", "species"])
        for number in range(1, rows + 1):
            label = chance.randrange(2)
            features = [round(chance.gauss(label, 0.6), 3), round(chance.gauss(-label, 0.6), 3),
                        round(chance.random(), 3)]
            out.writerow(([number] if with_id else []) + features + [label])
    return path


class CommandLine:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.data = write_rows(folder / "rows.csv")
        self.never = folder / "never"
        self.never.mkdir()
        self.mistakes = []

    def fails(self, name, words, code, *texts, np=1):
        """What see_them_fail() is to try."""
        self.mistakes.append((name, words, code, texts, np))

    def see_them_fail(self):
        """Each ends with its status and says each of its texts, in one error message on stderr."""
        results = two_at_a_time(lambda mistake: run(mistake[1], mistake[4], cwd=self.folder), self.mistakes)
        for (name, _, code, texts, _), result in zip(self.mistakes, results):
            self.checks.equal(f"{name}: exit {code}", result.returncode, code)
            errors = [line for line in result.stderr.splitlines() if "canopy: error:" in line]
            self.checks.equal(f"{name}: is said once", len(errors), 1)
            said = errors[0] if errors else result.stderr
            missing = [text for text in texts if text not in said]
            self.checks.check(f"{name}: the message names {', '.join(texts)}", not missing, said)
        self.mistakes.clear()

    def out(self):
        """A run file, of its own for each, that is not to be."""
        return self.never / f"{len(self.mistakes)}.h5"

    def tune(self, *words, data=None):
        return ["tune", "--data", self.data if data is None else data, "--out", self.out(), "--progress", "none", *words]

    def bad_data(self, name, path, *texts):
        self.fails(name, self.tune("--trials", 2, data=path), 3, path.name, *texts)

    def usage(self):
        self.fails("misspelt option", self.tune("--trails", 3), 2, "--trails",
                   "did you mean '--trials'?")
        self.fails("value out of range", self.tune("--folds", 1), 2, "--folds", "'1'", "at least 2")
        self.fails("a number that is not whole", self.tune("--trials", "1e9"), 2, "--trials is '1e9'",
                   "a whole number in digits")
        self.fails("more trials than memory holds", self.tune("--trials", 10**8), 2, "--trials is '100000000'",
                   "at most 1,000,000")
        points = self.folder / "unknown.csv"
        points.write_text("max_dept\n3\n")
        self.fails("points with unknown names", self.tune("--points", points), 2, "unknown.csv", "'max_dept'",
                   "did you mean 'max_depth'?")
        self.fails("a number that is none", ["train", "--data", self.data, "--model", "softmax", "--lr", "inf"], 2,
                   "--lr is 'inf'")
        self.fails("nothing but a dash", ["tune", "-"], 2, "unexpected word '-'")
        self.fails("a folder of settings", self.tune("--config", self.folder), 2, "is a folder, expected a TOML file")
        self.fails("dashboard of a file", ["dashboard", self.data], 2, "rows.csv: is no folder;")
        self.fails("value that is no number", self.tune("--trials", "many"), 2, "--trials", "many")
        self.fails("unknown choice", self.tune("--search", "magic"), 2, "magic", "random, grid, sobol")
        self.fails("misspelt choice", self.tune("--search", "tpee"), 2, "--search is 'tpee' (did you mean 'tpe'?)")
        self.fails("misspelt enumeration", self.tune("--progress", "bat"), 2, "--progress", "did you mean 'bar'?")
        self.fails("misspelt action", ["data", "discribe"], 2, "ACTION is 'discribe' (did you mean 'describe'?)")
        self.fails("misspelt subcommand", ["scaling", "colect"], 2, "'colect' (did you mean 'collect'?)")
        self.fails("misspelt measured model", ["calibrate", "--model", "lnet", "--out", self.out()], 2,
                   "--model has 'lnet' (did you mean 'lenet'?)")
        self.fails("option of another command", self.tune("--batch-size", 3), 2, "--batch-size",
                   "an option of canopy train or canopy federate")
        self.fails("misspelt network", ["train", "--data", self.data, "--model", "lenett"], 2,
                   "--model", "did you mean 'lenet'?", "FILE.toml")
        self.fails("misspelt forest", self.tune("--model", "extra_tree"), 2, "--model",
                   "did you mean 'extra_trees'?")
        self.fails("plan without measurements", ["plan"], 2, "canopy plan CALIBRATION.h5")
        self.fails("plan by a table", ["plan", self.data], 3, "rows.csv")
        self.fails("calibrate an unknown model", ["calibrate", "--model", "magic", "--out", self.out()], 2,
                   "--model", "magic", np=2)
        self.fails("unknown command", ["tuen"], 2, "tuen", "--help")
        self.fails("missing set", self.tune("--data-dir", self.folder, data="mnist"), 3, "mnist",
                   "data/fetch.sh")
        self.fails("missing file", self.tune(data=self.folder / "nowhere.csv"), 3, "nowhere.csv")
        self.fails("option without effect", self.tune("--eta", 4), 2, "--eta is 4 but --scheduler is none",
                   "set --scheduler asha")
        self.fails("bad usage on two ranks", self.tune("--folds", 1), 2, "--folds", np=2)
        self.fails("bad data on two ranks", self.tune(data=self.folder / "nowhere.csv"), 3,
                   "nowhere.csv", np=2)

    def data_errors(self):
        lines = self.data.read_text().splitlines(keepends=True)
        self.fails("missing label column", self.tune("--label", "colour"), 3, "rows.csv", "colour")

        cut = self.folder / "cut.csv.gz"
        whole = gzip.compress(self.data.read_bytes())
        cut.write_bytes(whole[:len(whole) * 2 // 3])
        self.bad_data("truncated gzip", cut, "cut off")

        alike = self.folder / "alike.csv"
        alike.write_text("a,b,class\n1,2,x\n2,3,x\n3,1,x\n")
        self.bad_data("rows of one class", alike, "all rows are of one class, 'x'", "'class'", "--label")
        for model in ("forest", "softmax"):
            self.fails(f"... by {model}", ["train", "--data", alike, "--model", model, "--out", self.out()], 3,
                       "all rows are of one class")
        rare = self.folder / "rare.csv"
        rare.write_text("a,class\n" + "".join(f"{n},{n // 9}\n" for n in range(10)))
        self.fails("a class of one row", self.tune(data=rare), 2, "number 2 of the sorted labels has 1 row, too few",
                   "--folds")
        self.fails("no name of a set", self.tune(data=""), 3, "--data is empty")

        nan = self.folder / "nan.csv"
        nan.write_text("".join(lines[:4]) + "0.5,nan,0.5,1\n" + "".join(lines[5:]))
        self.bad_data("NaN", nan, "line 5", "column 2", "nan")

        ragged = self.folder / "ragged.csv"
        ragged.write_text("".join(lines[:6]) + "0.5,1\n" + "".join(lines[7:]))
        self.bad_data("short line", ragged, "line 7")

        empty = self.folder / "empty.csv"
        empty.write_text("")
        self.bad_data("empty file", empty, "empty")

        noise = self.folder / "noise.csv"
        noise.write_bytes(b"\x7fELF\0\0\n\0\x1b[2J\n")
        self.bad_data("a program", noise, "line 1 is no text")
        noise = self.folder / "control.csv"
        noise.write_bytes(b"a,b\n1,2\n\0\x1b[2J,3\n")
        self.bad_data("bytes that are no text", noise, r"line 3, column 1: '\x00\x1b[2J' is not a number, expected")

        huge = self.folder / "huge-images-idx3-ubyte"
        huge.write_bytes(struct.pack(">4BIII", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1))
        self.bad_data("huge declared IDX", huge, "4,294,967,295")

    def config_errors(self):
        for name, text, *said in (
                ("unknown [space] parameter", "trials = 3\n[space]\nn_estimatorz = [10, 20]\n", "n_estimatorz"),
                ("TOML syntax", "trials = 3\nfolds = = 2\n", "bad.toml", "line 2", "column"),
                ("misspelt TOML key", "trails = 3\n", "bad.toml", "trails")):
            config = self.folder / name / "bad.toml"
            config.parent.mkdir()
            config.write_text(text)
            self.fails(name, self.tune("--config", config), 2, *said)
        for command, config, key, owner in (("tune", "train-mnist-cnn", "batch-size", "train"),
                                            ("train", "tune-mnist", "folds", "tune"),
                                            ("tune", "federate-mnist", "clients", "federate")):
            self.fails(f"{command} --config {config}.toml", [command, "--config", JOBS / f"{config}.toml"], 2,
                       f"unknown option --{key}; these are settings of canopy {owner}")

    def outputs(self):
        """Wherever it cannot be written, every command says so before its work, and in the same words."""
        run_file, file = self.folder / "of-tune.h5", self.folder / "a-file"
        result = run(["tune", "--data", self.data, "--trials", 1, "--folds", 2, "--verdict-repeats", 0, "--quiet",
                      "--out", run_file])
        self.checks.check("a run to have", result.returncode == 0, result.stderr)
        file.write_text("")
        cover, network = ["--data", "synthetic:forest-cover,rows=200"], ["--data", "synthetic:mnist,rows=100"]
        writers = {
            "tune": ["tune", *cover, "--out"],
            "train": ["train", *network, "--model", "softmax", "--out"],
            "--trace": ["train", *network, "--model", "softmax", "--out", self.folder / "traced.h5", "--trace"],
            "federate": ["federate", *network, "--out"],
            "calibrate": ["calibrate", "--out"],
            "plan": ["plan", run_file, "--out"],
            "data convert": ["data", "convert", *cover, "--overwrite", "--out"],
            "data synth": ["data", "synth", *cover, "--overwrite", "--out"],
            "predict": ["predict", "--model", run_file, "--data", self.data, "--overwrite", "--out"],
            "scaling": ["scaling", "collect", run_file, "--overwrite", "--out"],
            "report": ["report", run_file, "--out"],
        }
        for name, words in writers.items():
            option = name if name.startswith("--") else "--out"
            self.fails(f"{name} into a folder", [*words, self.never], 2, f"{option} is {self.never}, a folder",
                       "expected a file such as")
            self.fails(f"{name} into a device", [*words, "/dev/null"], 2, f"{option} is /dev/null", "another name")
            for where, folder, reason in ((file / "x", file, "Not a directory"), ("/proc/x", "/proc", "No such file")):
                self.fails(f"{name} into {where}", [*words, where], 2, f"{option} is {where}, but nothing can be "
                           f"written into {folder}: {reason}", "choose another folder")
        for name, words in (("predict", ["--model", run_file, "--data", self.data, "--overwrite", "--out", run_file]),
                            ("data", ["convert", "--data", self.data, "--overwrite", "--out", self.data]),
                            ("scaling", ["collect", run_file, "--overwrite", "--out", run_file])):
            self.fails(f"{name} in place of what it reads", [name, *words], 2, "which is read and would be lost")
        self.see_them_fail()
        self.checks.check("no work was begun", not (self.folder / "traced.h5").exists())
        self.full_disk(cover, network)

    def full_disk(self, cover, network):
        """A limit on the size of files fails as it does, with another reason."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

        for words in (["train", *network, "--model", "mlp", "--epochs", 1, "--quiet"],
                      ["tune", *cover, "--trials", 1, "--folds", 2, "--verdict-repeats", 0, "--quiet"],
                      ["data", "convert", *cover]):
            result = run([*words, "--out", self.folder / "full.h5"], preexec_fn=limit)
            self.checks.equal(f"{words[0]} on a full disk: exit 2", result.returncode, 2)
            self.checks.check(f"{words[0]} on a full disk: is told", result.stderr.strip().endswith(
                "full.h5: cannot be written: File too large; see to that, or choose another place"), result.stderr)
            self.checks.equal("and leaves nothing half done", list(self.folder.glob("full*.h5*")), [])
            (self.folder / "full.journal").unlink(missing_ok=True)

    def nothing_left(self):
        self.checks.equal("bad usage and bad data leave no run file or journal", list(self.never.iterdir()), [])
        self.checks.check("nor a folder of results", not (self.folder / "results").exists())

    def help(self):
        results = two_at_a_time(lambda command: run([command, "--help"]), COMMANDS)
        for (command, words), result in zip(COMMANDS.items(), results):
            missing = [word for word in words if word not in result.stdout]
            self.checks.check(f"{command} --help exits 0 and is complete",
                              result.returncode == 0 and not missing, f"missing {missing}")
        self.checks.equal("help tune is tune --help", run(["help", "tune"]).stdout, results[0].stdout)
        overview = run(["--help"])
        self.checks.check("--help names every command", overview.returncode == 0
                          and all(command in overview.stdout for command in COMMANDS))

    def job_configurations(self):
        """Every configuration in jobs/, on few rows and for a short time."""
        small = {"tune": ["--trials", 1, "--folds", 2, "--data", "synthetic:forest-cover,rows=300"],
                 "train": ["--epochs", 1],
                 "federate": ["--rounds", 1, "--clients", 20, "--fraction-fit", 0.1, "--data",
                              "synthetic:mnist,rows=2000"]}

        def job(config):
            command, out = config.name.split("-")[0], self.folder / f"{config.stem}.h5"
            words = small[command]
            if command == "train":
                data = "mnist,rows=100" if "mnist" in config.read_text() else "forest-cover,rows=2000"
                words = [*words, "--data", f"synthetic:{data}"]
            return run([command, "--config", config, *words, "--out", out])

        configs = sorted(JOBS.glob("*.toml"))
        for config, result in zip(configs, two_at_a_time(job, configs)):
            self.checks.check(f"jobs/{config.name} runs", result.returncode == 0, result.stderr)

    def failed_trial(self):
        points, out = self.folder / "points.csv", self.folder / "failed.h5"
        points.write_text("bootstrap,max_samples\nfalse,0.5\n")
        result = run(["tune", "--data", self.data, "--points", points, "--trials", 3, "--folds", 2,
                      "--progress", "none", "--out", out])
        self.checks.equal("an invalid configuration: exit 4", result.returncode, 4)
        rows = show(out, "trials")
        self.checks.equal("an invalid configuration: its trial failed, the others did not",
                          [row["status"] for row in rows], ["complete", "failed", "complete"])
        self.checks.check("an invalid configuration: the reason is recorded",
                          "bootstrap" in rows[1]["stop_reason"], rows[1])

    def predict(self):
        model = self.folder / "model.h5"
        result = run(["tune", "--data", self.data, "--trials", 2, "--folds", 2, "--progress", "none",
                      "--out", model], np=2)
        self.checks.check("a small tune finishes", result.returncode == 0, result.stderr)
        for np in (1, 2):
            result = run(["predict", "--model", model, "--data", self.data, "--out",
                          self.folder / f"p{np}.csv"], np)
            self.checks.check(f"predict at np {np}", result.returncode == 0, result.stderr)
        one, two = ((self.folder / f"p{np}.csv").read_text() for np in (1, 2))
        self.checks.check("predictions at np 1 and np 2 are the same bytes", one == two)
        lines = one.splitlines()
        self.checks.equal("the header is the label's name", lines[0], "species")
        truth = [line.rsplit(",", 1)[1] for line in self.data.read_text().splitlines()[1:]]
        self.checks.equal("one prediction a row", len(lines) - 1, len(truth))
        hits = sum(a == b for a, b in zip(lines[1:], truth)) / len(truth)
        self.checks.check(f"the model knows its own rows ({hits:.3f})", hits > 0.9)
        study = self.folder / "study-of-one.h5"
        run(["scaling", "collect", model, "--out", study])
        words = ["predict", "--data", self.data, "--out", self.folder / "p3.csv", "--model"]
        self.fails("predict with a model that is a table", words + [self.data], 3, "rows.csv")
        self.fails("predict with a run file of no model", words + [study], 3,
                   "study-of-one.h5: is a run file of canopy scaling, which makes no model; give that of a finished")
        self.see_them_fail()
        self.checks.check("... leaves no predictions", not (self.folder / "p3.csv").exists())

    def describe(self):
        with_id = run(["data", "describe", "--data", write_rows(self.folder / "id.csv", with_id=True)])
        self.checks.check("describe warns of a row number", with_id.returncode == 0 and
                          "row number" in with_id.stdout + with_id.stderr
                          and "--drop Id" in with_id.stdout + with_id.stderr, with_id.stdout)
        without = run(["data", "describe", "--data", self.data])
        self.checks.check("and not where there is none",
                          "row number" not in without.stdout + without.stderr, without.stdout)

        converted = self.folder / "rows.h5"
        result = run(["data", "convert", "--data", self.data, "--out", converted])
        self.checks.check("convert to HDF5", result.returncode == 0, result.stderr)
        again = run(["data", "describe", "--data", converted])
        shapes = [re.search(r"\d+ rows, \d+ columns, \d+ classes", text)
                  for text in (without.stdout, again.stdout)]
        self.checks.equal("the converted table has the same shape",
                          [shape and shape[0] for shape in shapes],
                          ["300 rows, 3 columns, 2 classes"] * 2)
        self.converted(converted)

    def converted(self, path):
        scores = []
        for data in (self.data, path):
            out = self.folder / f"of-{data.suffix[1:]}.h5"
            result = run(["tune", "--data", data, "--trials", 1, "--folds", 2, "--progress", "none",
                          "--out", out])
            self.checks.check(f"tune on {data.name}", result.returncode == 0, result.stderr)
            scores.append(show(out, "trials")[0]["mean_test_score"])
        self.checks.equal("both forms give the same score", scores[1], scores[0])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        line = CommandLine(checks, pathlib.Path(folder))
        line.usage()
        line.data_errors()
        line.config_errors()
        line.see_them_fail()
        line.outputs()
        line.nothing_left()
        line.help()
        line.job_configurations()
        line.failed_trial()
        line.predict()
        line.describe()
    checks.leave()
