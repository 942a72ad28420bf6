"""`canopy dashboard`: what it serves, to whom, and that it outlives every file that it meets."""

import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import tempfile
import threading
import time

from end_to_end import PATIENCE, Checks, Started, journal_of, keep_mpi_files_in, run

TUNE = ["tune", "--data", "synthetic:forest-cover,rows=600", "--folds", 3, "--seed", 5,
        "--progress", "none", "--verdict-repeats", 0]


class Server:
    """The dashboard on a port of its own."""

    def __init__(self, folder, *more):
        self.job = Started(["dashboard", folder, "--port", 0, *more])

    def __enter__(self):
        deadline = time.monotonic() + 30
        found = None
        while not found and self.job.running() and time.monotonic() < deadline:
            found = re.search(r"http://(.*):(\d+)/", self.job.text())
            time.sleep(0.02)
        if not found:
            raise RuntimeError("the dashboard does not start: " + self.job.text())
        self.port = int(found[2])
        return self

    def __exit__(self, *unused):
        self.job.__exit__()

    def ask(self, path, method="GET", headers=None, body=None):
        """(status, headers, text), by the path as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, path, skip_host="Host" in (headers or {}))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def status(self, path, *more, **named):
        return self.ask(path, *more, **named)[0]

    def data(self, query=""):
        return json.loads(self.ask("/data" + query)[2])

    def runs(self):
        """{name: row} of the list of runs."""
        table = self.data()["runs"][0]["tables"]["runs"]
        columns = {key: plain(column) for key, column in table.items()}
        return {name: {key: columns[key][i] for key in columns}
                for i, name in enumerate(columns["name"])}

    def raw(self, request, patience=5):
        """What comes back for these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
            connection.sendall(request)
            parts = []
            try:
                while part := connection.recv(65536):
                    parts.append(part)
            except TimeoutError:
                pass
            return b"".join(parts)


def plain(column):
    """A column as the page has it: a list, or words and places."""
    if isinstance(column, list):
        return column
    return [None if at is None else column["words"][at] for at in column["at"]]


def rows_of(data, table):
    columns = data["runs"][0]["tables"].get(table, {})
    return len(plain(next(iter(columns.values())))) if columns else 0


class Pages:
    def __init__(self, checks, folder, finished):
        self.checks = checks
        self.folder = folder
        self.finished = finished

    def serve_a_finished_run(self):
        checks = self.checks
        shutil.copy(self.finished, self.folder / "done.h5")
        shutil.copy(self.finished, self.folder / "again & <b>.h5")
        with Server(self.folder) as server:
            status, headers, text = server.ask("/")
            checks.equal("the list: 200", status, 200)
            checks.check("the list is a page", text.startswith("<!doctype html>"), text[:200])
            for name, value in (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"),
                                ("Content-Type", "text/html; charset=utf-8")):
                checks.equal(f"the list: {name}", headers[name], value)
            checks.check("the list: nobody may frame it",
                         "frame-ancestors 'none'" in headers["Content-Security-Policy"])
            runs = server.runs()
            checks.equal("the list has both", set(runs), {"done", "again & <b>"})
            row = runs["done"]
            checks.equal("... with command, status and processes",
                         (row["command"], row["status"], row["np"]), ("tune", "complete", 1))
            checks.check("... and what was found", row["headline"].startswith("best 0."), row)
            checks.check("... and when", row["started"].startswith("20") and row["seconds"] > 0, row)
            status, headers, text = server.ask("/run/done")
            checks.equal("a run: 200", status, 200)
            checks.check("a run: its data is in the page", '"trials"' in text and "<title>done" in text)
            checks.equal("a run: a name that needs quoting",
                         server.status("/run/again%20%26%20%3Cb%3E"), 200)
            checks.check("... cannot break out of its place",
                         "again & <b>" not in server.ask("/run/again%20%26%20%3Cb%3E")[2])
            checks.equal("two runs: 200", server.status("/compare?run=done&run=again%20%26%20%3Cb%3E"), 200)
            data = server.data("?run=done&run=again%20%26%20%3Cb%3E")
            checks.equal("two runs: as data", [one["name"] for one in data["runs"]],
                         ["done", "again & <b>"])
            checks.equal("a finished run asks for nothing more",
                         server.data("?run=done")["options"].get("data_url", ""), "")
            status, headers, text = server.ask("/run/done", "HEAD")
            checks.check("HEAD: the length and nothing else",
                         status == 200 and int(headers["Content-Length"]) > 1000 and text == "")

    def tell_what_has_changed(self):
        with Server(self.folder) as server:
            first = server.data()["options"]["data_url"]
            self.checks.equal("nothing new: 204", server.status(first), 204)
            shutil.copy(self.finished, self.folder / "new.h5")
            self.checks.equal("something new: 200", server.status(first), 200)
            self.checks.check("... is in the list", "new" in server.runs())
            (self.folder / "new.h5").unlink()
            self.checks.check("... and goes from it", "new" not in server.runs())
            self.checks.equal("... and its page", server.status("/run/new"), 404)

    def refuse(self):
        checks = self.checks
        with Server(self.folder) as server:
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
                status, headers, _ = server.ask("/", method, body=b"x=1")
                checks.equal(f"{method}: 405", status, 405)
                checks.equal(f"{method}: names what is allowed", headers["Allow"], "GET, HEAD")
            for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example", ""):
                checks.equal(f"Host: {host}: 403", server.status("/", headers={"Host": host}), 403)
            for host in ("localhost", f"localhost:{server.port}", f"[::1]:{server.port}"):
                checks.equal(f"Host: {host}: 200", server.status("/", headers={"Host": host}), 200)
            checks.equal("no Host: 403", server.raw(b"GET / HTTP/1.0\r\n\r\n")[9:12], b"403")
            checks.equal("a part of a page: 416",
                         server.status("/", headers={"Range": "bytes=0-5"}), 416)
            for path in ("/nothing", "/run/nothing", "/run/", "/run", "//", "/data/x",
                         "/data?run=nothing", "/compare?run=done&run=nothing", "/run/done.h5",
                         "/run/done%00", "/favicon.ico"):
                checks.equal(f"{path}: 404", server.status(path), 404)
            checks.equal("/compare of nothing: 400", server.status("/compare"), 400)
            checks.equal("too many runs: 400",
                         server.status("/compare?" + "".join(f"run=done{i}&" for i in range(30))), 400)
            checks.check("it still works", server.status("/") == 200)

    def keep_to_the_folder(self):
        outside = self.folder.parent / "outside"
        outside.mkdir()
        shutil.copy(self.finished, outside / "secret.h5")
        (self.folder / "link.h5").symlink_to(outside / "secret.h5")
        (self.folder / "links").symlink_to(outside)
        absolute = str(outside / "secret")
        with Server(self.folder) as server:
            for path in ("/run/../outside/secret", "/run/%2e%2e/outside/secret",
                         "/run/..%2foutside%2fsecret", "/run/%2e%2e%2foutside%2fsecret.h5",
                         "/run/%252e%252e/outside/secret", "/run/" + absolute, "/run/" + absolute[1:],
                         "/run/%2Fetc%2Fpasswd", "/run/links/secret", "/../outside/secret.h5",
                         "/data?run=../outside/secret", "/data?run=" + absolute,
                         "/data?run=%2e%2e/outside/secret", "/compare?run=..%5coutside%5csecret",
                         "/data?run=links/secret", "/run/done/../../outside/secret"):
                status, _, text = server.ask(path)
                self.checks.check(f"{path}: 404 and nothing of it",
                                  status == 404 and "trials" not in text, f"{status} {text[:200]}")
            status, _, text = server.ask("/run/link")
            self.checks.check("a link that points out is not followed",
                              status == 422 and "points out of the folder" in text and
                              str(self.folder) not in text, f"{status} {text[:200]}")
            self.checks.equal("... and listed so", server.runs()["link"]["status"], "unreadable")
        for name in ("link.h5", "links"):
            (self.folder / name).unlink()

    def outlive_damage(self):
        """A copy that is under way, a disk that has lost something, a journal that was cut."""
        whole = self.finished.read_bytes()
        bad = self.folder / "bad.h5"
        states = set()
        with Server(self.folder) as server:
            for share in range(0, 20):
                bad.write_bytes(whole[:len(whole) * share // 20])
                states.add(server.runs()["bad"]["status"])
            self.checks.equal("a half-written file is listed as unreadable", states, {"unreadable"})
            self.checks.check("... with the reason", server.runs()["bad"]["problem"] != "")
            self.checks.equal("... and its page says so", server.status("/run/bad"), 422)
            places = [*range(0, 8000, 400), *range(8000, len(whole), len(whole) // 30)]
            for place in places:  # some of the first ones crash HDF5 1.10
                bad.write_bytes(whole[:place] + b"\xff\x00\x7f\x80" * 8 + whole[place + 32:])
                server.runs(), server.status("/run/bad")
            self.checks.check("damage anywhere does not end it", server.job.running(), server.job.text())
            bad.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(2000))
            self.checks.equal("an empty HDF5 file", server.runs()["bad"]["status"], "unreadable")
            bad.unlink()
            journal = self.folder / "torn.journal"
            journal.write_bytes(b"00000000 {}\n12345678 {}\n")
            self.checks.equal("a damaged journal", server.runs()["torn"]["status"], "unreadable")
            self.checks.equal("others are as before", server.status("/run/done"), 200)
            journal.unlink()

    def answer_nonsense(self):
        requests = [b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
                    b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20000 + b"\r\n\r\n",
                    b"GET /%zz%f HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"GET /run/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=9-1,-,5-\r\n\r\n",
                    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n",
                    b"GET /data?seen&run HTTP/1.1\r\nHost: localhost\r\n\r\n"]
        with Server(self.folder) as server:
            threads = [threading.Thread(target=server.raw, args=(request,)) for request in requests]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.checks.equal("nonsense is outlived", server.status("/"), 200)

    def list_thousands(self):
        many = self.folder / "many"
        many.mkdir()
        for number in range(2000):
            (many / f"{number}.h5").hardlink_to(self.finished)
        with Server(self.folder) as server:
            began = time.monotonic()
            rows = server.runs()
            first = time.monotonic() - began
            self.checks.check(f"2,000 runs are listed soon ({first:.2f} s)", first < 5 and len(rows) >= 2000)
            unread = [sum(row["status"] == "unread" for row in server.runs().values()) for _ in range(4)]
            self.checks.check("... and read bit by bit, so that nobody waits", unread[0] == 0 or
                              unread[-1] < unread[0], unread)
            self.checks.equal("... or when asked for", server.status("/run/many/7"), 200)
        shutil.rmtree(many)


class Jobs:
    def __init__(self, checks, folder):
        self.checks = checks
        self.folder = folder

    def watch_a_search(self):
        run_file = self.folder / "live.h5"
        with Server(self.folder) as server, \
                Started(TUNE + ["--trials", 60, "--out", run_file], np=2) as job:
            counts, url, status = [], None, None
            deadline = time.monotonic() + 90
            while job.running() and time.monotonic() < deadline and len(set(counts)) < 4:
                if server.runs().get("live", {}).get("status") == "running":
                    data = server.data("?run=live")
                    status = data["runs"][0]["attributes"]["status"]
                    url = data["options"].get("data_url", url)
                    counts.append(rows_of(data, "tasks"))
                time.sleep(0.05)
            self.checks.check("a search that goes on is listed as running", counts, job.text())
            self.checks.check("its page shows more and more folds",
                              len(set(counts)) >= 4 and counts == sorted(counts), counts)
            self.checks.equal("its page says that it is running", status, "running")
            self.checks.check("... and asks for more", url and "run=live" in url, url)
            row = server.runs()["live"]
            self.checks.check("... of 2 processes, of 60 trials",
                              row["np"] == 2 and "of 60 trials" in row["headline"], row)
            trials = server.data("?run=live")["runs"][0]["tables"]["trials"]
            self.checks.check("... with the parameters of its trials",
                              any(name.startswith("param_") for name in trials), list(trials))
            self.checks.equal("the page is there", server.status("/run/live"), 200)
            job.kill_all()
            while server.runs()["live"]["status"] == "running" and time.monotonic() < deadline:
                time.sleep(0.05)  # the kernel lets the lock go a moment after the kill
            self.checks.equal("killed, it is interrupted", server.runs()["live"]["status"], "interrupted")
            data = server.data("?run=live")
            self.checks.equal("... and its page asks for nothing more",
                              data["options"].get("data_url", ""), "")
        again = run(TUNE + ["--trials", 60, "--out", run_file, "--resume"], timeout=170)
        self.checks.equal("it goes on from its journal", again.returncode, 0)
        with Server(self.folder) as server:
            self.checks.equal("finished, it is complete", server.runs()["live"]["status"], "complete")

    def watch_a_federation(self):
        run_file = self.folder / "rounds.h5"
        words = ["federate", "--data", "synthetic:forest-cover,rows=600", "--model", "softmax",
                 "--clients", 4, "--rounds", 2000, "--progress", "none", "--out", run_file]
        with Server(self.folder) as server, Started(words) as job:
            rounds = 0
            deadline = time.monotonic() + PATIENCE
            while job.running() and time.monotonic() < deadline and rounds < 3:
                if "rounds" in server.runs():
                    rounds = rows_of(server.data("?run=rounds"), "rounds")
                time.sleep(0.05)
            self.checks.check("a federation shows its rounds", rounds >= 3, job.text())
            job.kill_all()
        for left in self.folder.glob("rounds.*"):
            left.unlink()

    def watch_a_forest(self):
        run_file = self.folder / "trees.h5"
        words = ["train", "--data", "synthetic:forest-cover,rows=4000", "--n-estimators", 100000,
                 "--max-depth", 4, "--progress", "none", "--out", run_file]
        with Server(self.folder) as server, Started(words) as job:
            counts, row = [], {}
            deadline = time.monotonic() + PATIENCE
            while job.running() and time.monotonic() < deadline and len(counts) < 3:
                row = server.runs().get("trees", {})
                if row.get("status") == "running":
                    counts = plain(server.data("?run=trees")["runs"][0]["tables"].get("growth", {}).get("trees", []))
                time.sleep(0.05)
            self.checks.check("a forest shows how its trees grow",
                              len(counts) >= 3 and counts == sorted(counts), (counts, job.text()))
            self.checks.check("... and so does the list", "of 100000 trees" in row.get("headline", ""), row)
            job.kill_all()
            shown = run(["show", run_file]).stdout
            self.checks.check("... and `canopy show`, once it is killed", " trees" in shown, shown)
        for left in self.folder.glob("trees.*"):
            left.unlink()


def ends(checks, folder):
    for number in (signal.SIGTERM, signal.SIGINT):
        with Server(folder) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as idle:
                idle.sendall(b"GET / HT")  # somebody who never comes to the point
                time.sleep(0.1)
                began = time.monotonic()
                server.job.signal(number)
                code = server.job.wait(10)
            took = time.monotonic() - began
            checks.equal(f"{number.name}: exit 0", code, 0)
            checks.check(f"{number.name}: at once ({took:.2f} s)", took < 1.5)


def begins(checks, folder):
    with Server(folder) as server:
        second = run(["dashboard", folder, "--port", server.port])
        checks.check("a port in use: exit 2, and named",
                     second.returncode == 2 and f"--port {server.port}" in second.stderr, second.stderr)
        checks.check("the loopback needs no warning", "warning" not in server.job.text())
    none = run(["dashboard", folder / "none"])
    checks.check("no such folder: exit 2, and named",
                 none.returncode == 2 and "no such folder" in none.stderr, none.stderr)
    with Server(folder, "--host", "0.0.0.0") as server:
        checks.check("all addresses: a warning", "no password" in server.job.text(), server.job.text())
        checks.equal("... and it serves", server.status("/"), 200)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        keep_mpi_files_in(place)
        checks = Checks()
        finished = pathlib.Path(place) / "finished.h5"
        made = run(TUNE + ["--trials", 3, "--out", finished])
        checks.equal("a run to look at", made.returncode, 0)
        folder = pathlib.Path(place) / "results"
        folder.mkdir()
        begins(checks, folder)
        pages = Pages(checks, folder, finished)
        pages.serve_a_finished_run()
        pages.tell_what_has_changed()
        pages.refuse()
        pages.keep_to_the_folder()
        pages.outlive_damage()
        pages.answer_nonsense()
        pages.list_thousands()
        jobs = Jobs(checks, folder)
        jobs.watch_a_search()
        jobs.watch_a_federation()
        jobs.watch_a_forest()
        ends(checks, folder)
    checks.leave()
