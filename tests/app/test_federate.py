"""`canopy federate` as a person runs it: layouts, records, errors."""

import pathlib
import tempfile

from end_to_end import Checks, journal_of, keep_mpi_files_in, run, show, trail, two_at_a_time

SHORT = ["federate", "--data", "synthetic:mnist,rows=1000", "--model", "softmax", "--rounds", 4,
         "--seed", 5, "--progress", "none"]


class Federate:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder
        self.other = folder / "other.h5"  # another network
        result = run(SHORT + ["--model", "mlp:8", "--out", self.other])
        checks.check("another network: exit 0", result.returncode == 0, result.stderr)

    def fedn(self):
        out = self.folder / "fedn.h5"
        result = run(SHORT + ["--layout", "fedn", "--dry-run"], np=4)
        for role in ("reducer", "combiner 1", "clients"):
            self.checks.check(f"fedn: --dry-run names {role}", role in result.stdout, result.stdout)
        self.checks.check("fedn: --dry-run leaves no file", not out.exists())
        result = run(SHORT + ["--layout", "fedn", "--out", out], np=4)
        self.checks.check("fedn: exit 0", result.returncode == 0, result.stderr)
        self.checks.equal("fedn: a client for each rank that is left", len(show(out, "clients")), 2)
        for table, rows in (("rounds", 4), ("models", 5), ("updates", 8), ("validations", 8),
                            ("combiners", 1), ("combiner_rounds", 4), ("layout", 4), ("ranks", 4)):
            self.checks.equal(f"fedn: rows of {table}", len(show(out, table)), rows)
        for client, labels in zip(show(out, "clients"), show(out, "client_labels")):
            trip = sum(float(client[part + "_seconds"]) for part in ("download", "train", "upload"))
            spent = float(client["virtual_seconds"])
            self.checks.check("fedn: a client's time is that of its updates",
                              abs(int(client["updates"]) * trip - spent) < 1e-6 * spent, client)
            count = sum(int(rows) for name, rows in labels.items() if name.startswith("label_"))
            self.checks.equal("fedn: each row of a client has a label", count, int(client["rows"]))
        committed = [row["committed"] for row in show(out, "models")]
        self.checks.check("fedn: when each model was committed, in turn",
                          committed == sorted(committed) and all(time.endswith("Z") for time in committed), committed)
        rounds = show(out, "rounds")
        for row, combiner in zip(rounds, show(out, "combiner_rounds")):
            parts = [float(combiner[part + "_seconds"]) for part in ("wait", "load", "aggregate")]
            self.checks.check("fedn: a combiner waits, loads and adds up within the round",
                              min(parts) > 0 and sum(parts) <= float(row["real_seconds"]), combiner)
            self.checks.equal("fedn: whose updates came to it", combiner["updates"], "2")
        self.checks.check("fedn: bytes went between ranks", float(rounds[-1]["bytes_real"]) > 0)
        self.checks.check("fedn: virtual time passes",
                          0 < float(rounds[0]["virtual_seconds"])
                          < float(rounds[-1]["virtual_seconds"]), rounds)
        self.checks.equal("fedn: the last model of the trail is the run's",
                          trail(out)[-1], show(out, "model")[0]["sha256"])

    def teams(self):
        """Two ranks a client: who is with whom, and the model of one rank a client."""
        words = ["--ranks-per-client", 2, "--layout", "tree", "--combiners", 1]
        result = run(SHORT + words + ["--dry-run"], np=6)
        for role in ("clients, group 1", "clients, group 2"):
            self.checks.equal(f"teams: --dry-run names {role} twice", result.stdout.count(role), 2)
        one, two = self.folder / "one.h5", self.folder / "two.h5"
        run(SHORT + ["--out", one])
        result = run(SHORT + words + ["--out", two], np=6)
        self.checks.check("teams: exit 0", result.returncode == 0, result.stderr)
        self.checks.equal("teams: the trail of one rank a client", trail(two), trail(one))

    def predicts(self):
        out = self.folder / "pred.csv"
        result = run(["predict", "--model", self.other, "--data", "synthetic:mnist,rows=500",
                      "--seed", 6, "--out", out])
        self.checks.equal("predict: exit 0", result.returncode, 0)
        self.checks.equal("predict: a line for each row and a heading",
                          len(out.read_text().splitlines()), 501)

    def seeds(self):
        first, second = self.folder / "first.h5", self.folder / "second.h5"
        run(SHORT + ["--keep-every", 1, "--out", first])
        ids = trail(first)
        result = run(SHORT + ["--from-model", f"{first}:{ids[2][:12]}", "--out", second], np=2)
        self.checks.check("from-model: exit 0", result.returncode == 0, result.stderr)
        self.checks.equal("from-model: the trail begins with it", trail(second)[0], ids[2])
        for words, expected in ((f"{first}:0000000", "no model"), (f"{self.other}", "numbers")):
            out = self.folder / "never.h5"
            result = run(SHORT + ["--from-model", words, "--out", out], np=2)
            self.checks.equal(f"from-model {expected}: exit 3", result.returncode, 3)
            self.checks.check(f"from-model {expected}: the error says why",
                              expected in result.stderr, result.stderr)
            self.checks.check(f"from-model {expected}: no file is left",
                              not out.exists() and not journal_of(out).exists())
        result = run(SHORT + ["--out", first], np=2)
        self.checks.equal("an existing file needs --overwrite, and nobody hangs", result.returncode,
                          2)

    def dropped(self):
        out = self.folder / "dropped.h5"
        run(SHORT + ["--clients", 20, "--fraction-fit", 0.25, "--over-selection", 2, "--dropout",
                     0.2, "--compute", "lognormal:0.1,1", "--out", out])
        fates = [row["fate"] for row in show(out, "updates")]
        lost = fates.count("dropped_out")
        self.checks.check("dropped: some are, and some are surplus",
                          lost > 0 and "surplus" in fates, fates)
        for table in ("rounds", "clients"):
            self.checks.equal(f"dropped: so many in {table}",
                              sum(int(row["dropped"]) for row in show(out, table)), lost)

    def preview(self):
        result = run(SHORT + ["--partition", "shards:2", "--clients", 10, "--preview"])
        self.checks.check("preview: the table of clients and labels", "emd" in result.stdout
                          and len(result.stdout.splitlines()) >= 12, result.stdout)

    def errors(self):
        """Two ranks say what one does; each kind of mistake is made by both together once."""
        mistakes = (
            (1, ["--aggregator", "fedavgg"], 2, "did you mean 'fedavg'"),
            (2, ["--agregator", "fedavg"], 2, "did you mean '--aggregator'"),
            (1, ["--model", "lennet"], 2, "did you mean 'lenet'"),
            (2, ["--clients", 5000], 2, "at most one client per row"),
            (1, ["--clients", 4, "--aggregator", "fedbuff", "--concurrency", 9], 2, "--concurrency is 9"),
            (1, ["--round-policy", "deadline", "--deadline", 0.0001], 2, "deadline"),
            (1, ["--clients", 20, "--min-clients", 50], 2, "min-clients"),
            (2, ["--combiners", 3], 2, "--layout tree"),
            (2, ["--ranks-per-client", 2], 2, "start 3 ranks"),
            (2, ["--ranks-per-client", 4], 2, "--batch-size 32 is cut into 2 shards"),
            (1, ["--data", "synthetic:forest-cover,rows=500", "--scaling", "unit"], 2, "--scaling is unit"),
            (2, ["--data", "no-such.csv"], 3, "no-such.csv"))
        outs = [self.folder / f"never{number}.h5" for number in range(len(mistakes))]
        results = two_at_a_time(lambda mistake, out: run(SHORT + mistake[1] + ["--out", out], mistake[0]),
                                mistakes, outs)
        for (_, words, code, expected), out, result in zip(mistakes, outs, results):
            name = " ".join(str(word) for word in words)
            self.checks.equal(f"{name}: exit {code}", result.returncode, code)
            self.checks.check(f"{name}: the error says what to do", expected in result.stderr,
                              result.stderr)
            self.checks.check(f"{name}: said once", result.stderr.count("canopy: error") == 1,
                              result.stderr)
            self.checks.check(f"{name}: no file is left",
                              not out.exists() and not journal_of(out).exists())

    def rejected(self):
        """Some of a round's clients diverge, as they make more steps than the others."""
        words = ["--clients", 6, "--fraction-fit", 1, "--rounds", 1, "--quantity", "lognormal:0.5",
                 "--batch-size", 64, "--weight-decay", 10010]
        trails = []
        for np in (1, 2, 4):
            out = self.folder / f"rejected{np}.h5"
            result = run(SHORT + words + ["--out", out], np=np)
            self.checks.equal(f"rejected: exit 0 at np {np}", result.returncode, 0)
            trails.append(trail(out))
            bad = [row["client"] for row in show(out, "updates") if row["fate"] == "rejected"]
            told = [row["text"] for row in show(out, "events") if row["kind"] == "rejected-update"]
            self.checks.check("rejected: some, not all", 0 < len(bad) < 6, bad)
            self.checks.check("rejected: an event tells of each", len(told) == len(bad) and all(
                any(f"client {client} " in text for text in told) for client in bad), told)
        self.checks.check("rejected: the same trail on any ranks",
                          trails[0] == trails[1] == trails[2], trails)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        keep_mpi_files_in(folder)
        checks = Checks()
        federate = Federate(checks, pathlib.Path(folder))
        federate.fedn()
        federate.teams()
        federate.predicts()
        federate.seeds()
        federate.dropped()
        federate.preview()
        federate.errors()
        federate.rejected()
    checks.leave()
