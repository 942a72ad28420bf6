"""The dashboard in a real browser: pages without complaints, and one that follows a run by itself."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(TESTS / "report"))

try:
    import browser
except ImportError:
    print("skipped: python3-websocket is missing; jobs/install.sh --tests installs it")
    sys.exit(77)

from end_to_end import Checks, Started, keep_mpi_files_in, run
from test_dashboard import TUNE, Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TASKS = "canopy.state.runs[0].tables.tasks?.trial.length ?? 0"
BUTTON = "document.getElementById('live').textContent"


def look(checks, server, pictures):
    for name, path in (("list", "/"), ("run", "/run/done"), ("compared", "/compare?run=done&run=study/again")):
        folder = [str(pathlib.Path(pictures) / name)] if pictures else []
        seen = subprocess.run([TESTS / "report" / "browser.sh", f"http://127.0.0.1:{server.port}{path}", *folder],
                              text=True, capture_output=True, timeout=170)
        checks.check(f"{path}: nothing to complain of", seen.returncode == 0, seen.stdout + seen.stderr)


def choose(checks, page):
    """Sorts, filters and ticks, and has it all after new data."""
    page.value("document.querySelector('input[type=checkbox]').click()")
    page.value("document.querySelectorAll('input[type=checkbox]')[1].click()")
    href = page.value("document.getElementById('compare').getAttribute('href')")
    checks.check("two ticks make a link", href.startswith("/compare?run=") and href.count("run=") == 2, href)
    page.value("document.getElementById('dashboard-list/runs/name').click()")
    page.value("canopy.show({runs: canopy.state.runs, options: canopy.state.options})")
    checks.equal("ticks stay with new data",
                 page.value("document.querySelectorAll('input[type=checkbox]:checked').length"), 2)
    checks.equal("... and the order",
                 page.value("document.querySelector('th[aria-sort=ascending]').textContent.slice(0, 3)"), "Run")


def follow(checks, server, page, job):
    page.call("Page.navigate", url=f"http://127.0.0.1:{server.port}/run/live")
    page.wait(lambda: page.value("window.canopyReady === true"), "the page of a running search is not drawn")
    page.value("scrollTo({top: 300, behavior: 'instant'})")
    page.value("window.sameDocument = true")
    before = page.value(TASKS)
    page.wait(lambda: page.value(TASKS) > before, "the page does not grow")
    checks.check("the page of a running search grows by itself", page.value(TASKS) > before)
    checks.check("... without being loaded anew", page.value("window.sameDocument === true"))
    checks.equal("... and stays where one reads", page.value("scrollY"), 300)
    checks.equal("... and says that it is live", page.value(BUTTON), "Live")
    page.value("document.getElementById('live').click()")
    held = page.value(TASKS)
    time.sleep(5)
    checks.equal("paused, it stays", (page.value(BUTTON), page.value(TASKS)), ("Paused", held))
    page.value("document.getElementById('live').click()")
    page.wait(lambda: page.value(TASKS) > held, "it does not go on")
    job.kill_all()
    page.wait(lambda: page.value(BUTTON) == "Ended", "the page does not notice the end")
    checks.equal("at the end it asks for nothing more", page.value("canopy.state.options.data_url ?? ''"), "")


if __name__ == "__main__":
    if CHROMIUM is None:
        print("skipped: chromium is missing; jobs/install.sh --tests installs it")
        sys.exit(77)
    pictures = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        keep_mpi_files_in(place)
        checks = Checks()
        folder = pathlib.Path(place) / "results"
        (folder / "study").mkdir(parents=True)
        made = run(TUNE + ["--trials", 8, "--out", folder / "done.h5"])
        checks.equal("a run to look at", made.returncode, 0)
        shutil.copy(folder / "done.h5", folder / "study" / "again.h5")
        (folder / "half.h5").write_bytes((folder / "done.h5").read_bytes()[:9000])
        with Server(folder) as server:
            look(checks, server, pictures)
            with Started(TUNE + ["--trials", 2000, "--out", folder / "live.h5"]) as job:
                page = browser.Browser(CHROMIUM, str(pathlib.Path(place) / "profile"))
                try:
                    page.call("Page.enable"), page.call("Runtime.enable")
                    page.size(1280, 900)
                    page.call("Page.navigate", url=f"http://127.0.0.1:{server.port}/")
                    page.wait(lambda: page.value("window.canopyReady === true"), "the list is not drawn")
                    choose(checks, page)
                    follow(checks, server, page, job)
                    checks.equal("nothing was complained of", page.complaints, [])
                finally:
                    page.close()
    checks.leave()
