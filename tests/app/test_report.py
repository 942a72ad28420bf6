"""`canopy report`: what it writes, and what it says about files that are no runs."""

import pathlib
import re
import shutil
import tempfile

from end_to_end import Checks, keep_mpi_files_in, run


def names_on(page):
    return re.findall(r'\{"name":"([^"]*)","attributes"', page.read_text())


def writes_one_page(checks, folder, federated, forest):
    page = folder / "new" / "page.html"
    result = run(["report", federated, forest, "-o", page, "--title", "Two <runs>"])
    checks.equal("a page about two kinds of run: exit 0", result.returncode, 0)
    checks.check("it says where and how large", re.search(r"report .*page\.html \(.* kB\)", result.stdout), result.stdout)
    checks.equal("both are on it", names_on(page), ["federated", "forest"])
    text = page.read_text()
    checks.check("its title is text", "<title>Two &lt;runs&gt;</title>" in text)
    checks.equal("nothing is left beside it", [path.name for path in page.parent.iterdir()], ["page.html"])
    result = run(["report", federated, "--out", page])
    checks.equal("written again, it is replaced", (result.returncode, names_on(page)), (0, ["federated"]))


def tells_what_is_wrong(checks, folder, federated):
    page, note, torn = folder / "page.html", folder / "note.h5", folder / "torn.h5"
    note.write_text("no run file")
    torn.write_bytes(federated.read_bytes()[:3000])
    for what, words, status, told in [
            ("nothing given", [], 2, "which runs, and where to?"),
            ("no --out", [federated], 2, "which runs, and where to?"),
            ("--out is a run file", [federated, "-o", folder / "other.h5"], 2, "named like a run file"),
            ("--out is a folder", [federated, "-o", folder], 2, "a folder; expected a file such as"),
            ("no such file", [folder / "absent.h5", "-o", page], 3, "absent.h5"),
            ("not a run file", [note, "-o", page], 3, "note.h5"),
            ("a torn file", [torn, "-o", page], 3, "torn.h5")]:
        result = run(["report", *words])
        checks.equal(f"{what}: exit {status}", result.returncode, status)
        checks.check(f"{what}: says so", told in result.stderr, result.stderr)
        checks.check(f"{what}: leaves nothing", not page.exists() and not list(folder.glob("*.part")))
    result = run(["report", torn, federated, note, "-o", page])
    checks.equal("good and bad files: exit 4", result.returncode, 4)
    checks.equal("good and bad files: the good one is shown", names_on(page), ["federated"])
    checks.equal("good and bad files: each bad one is told", result.stderr.count("left out"), 2)
    copy = folder / "again" / "federated.h5"
    copy.parent.mkdir()
    shutil.copy(federated, copy)
    run(["report", federated, copy, "-o", page])
    checks.equal("files of one name are told apart", names_on(page), [str(federated), str(copy)])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        keep_mpi_files_in(folder)
        checks = Checks()
        federated, forest = folder / "federated.h5", folder / "forest.h5"
        for words in (["federate", "--data", "synthetic:mnist,rows=300", "--model", "softmax", "--clients", 4,
                       "--rounds", 2, "--fraction-fit", 1, "--quiet", "--out", federated],
                      ["train", "--data", "synthetic:forest-cover,rows=400", "--quiet", "--out", forest]):
            result = run(words)
            checks.check(f"a run of {words[0]}", result.returncode == 0, result.stderr)
        writes_one_page(checks, folder, federated, forest)
        tells_what_is_wrong(checks, folder, federated)
    checks.leave()
