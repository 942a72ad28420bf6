"""What the end-to-end tests share: starting the program, reading its run files, reporting."""

import concurrent.futures
import contextlib
import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import zlib

PATIENCE = 150  # seconds after which something hangs, however busy the machine is; who is in time waits for none
CANOPY = os.path.abspath(os.environ.get("CANOPY", "build/canopy"))
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]
ENVIRONMENT = {
    **os.environ,
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_btl_tcp_if_include": "lo",
    "OMPI_MCA_oob_tcp_if_include": "lo",
    "OMPI_MCA_mpi_yield_when_idle": "1",
}


def keep_mpi_files_in(folder):
    """What killed ranks leave behind (4 MB of shared memory each) then goes with the folder."""
    for name in ("orte_tmpdir_base", "btl_vader_backing_directory", "osc_sm_backing_directory",
                 "shmem_mmap_backing_file_base_dir"):
        ENVIRONMENT["OMPI_MCA_" + name] = str(folder)


class Checks:
    """Prints one line per check and remembers whether any failed."""

    def __init__(self):
        self.failed = 0

    def check(self, name, passed, detail=""):
        print(f"{'ok  ' if passed else 'FAIL'} {name}", flush=True)
        if not passed:
            self.failed += 1
            if str(detail).strip():
                print("     " + str(detail).strip().replace("\n", "\n     "), flush=True)
        return passed

    def equal(self, name, got, wanted):
        return self.check(name, got == wanted, f"got    {got}\nwanted {wanted}")

    def leave(self):
        print(f"{self.failed} failed" if self.failed else "all passed")
        sys.exit(1 if self.failed else 0)


def command(words, np=1, launcher=()):
    """`launcher`: more words for mpirun."""
    launcher = MPIRUN + [*launcher, "-np", str(np)] if np > 1 else []
    return launcher + [CANOPY] + [str(word) for word in words]


def run(words, np=1, timeout=PATIENCE, **more):
    return subprocess.run(command(words, np), env=ENVIRONMENT, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, capture_output=True, **more)


def two_at_a_time(do, *lists):
    """map(do, *lists) on two cores, in this order: for what takes starts of programs, and no order among them."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(do, *lists))


class Started:
    """A run in the background, in a session of its own, that never outlives the test."""

    def __init__(self, words, np=1, launcher=()):
        self.begin(command(words, np, launcher), ENVIRONMENT)

    def begin(self, line, environment):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(word) for word in line], env=environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.kill_all()
        self.output.close()

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        return self.process.wait(timeout)

    def text(self):
        self.output.seek(0)
        return self.output.read()

    def kill_all(self):
        """SIGKILL to the process and all its descendants, found before the first one dies."""
        victims = [(pid, start_of(pid)) for pid in [self.process.pid] + descendants(self.process.pid)]
        for pid, started in victims:
            if started is not None and start_of(pid) == started:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait(PATIENCE)
        deadline = time.monotonic() + PATIENCE
        while any(started and start_of(pid) == started for pid, started in victims):
            if time.monotonic() > deadline:
                raise RuntimeError("a killed rank does not go away")
            time.sleep(0.01)


def stat_fields(pid):
    """The fields of /proc/PID/stat after the name, or None for the gone and the dead."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields


def start_of(pid):
    """When a living process began: with its id it names it, for ids are used again."""
    fields = stat_fields(pid)
    return fields and fields[19]


def descendants(root):
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_fields(entry.name)):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        born = children.get(queue.pop(), [])
        found += born
        queue += born
    return found


@contextlib.contextmanager
def halted(job):
    """All its processes stand still: it has not ended by the time that one does something about it."""
    pids = [job.process.pid, *descendants(job.process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def journal_of(run_file):
    return pathlib.Path(run_file).with_suffix(".journal")


def journal_records(path):
    """The records of a journal, `CRC JSON` a line; only the last line may be torn."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    records = []
    for place, line in enumerate(lines):
        try:
            whole = int(line[:8], 16) == zlib.crc32(line[9:])
        except ValueError:
            whole = False
        if whole:
            records.append(json.loads(line[9:]))
        elif any(lines[place + 1:]):
            raise ValueError(f"{path}: line {place + 1} is damaged, and others follow it")
    return records


def folds_of(path):
    """{(trial, fold, resource): record} of the folds in a journal."""
    records = [record for record in journal_records(path) if record["kind"] == "fold"]
    folds = {(record["trial"], record["fold"], record["resource"]): record for record in records}
    if len(folds) < len(records):
        raise ValueError(f"{path}: a fold stands in it twice")
    return folds


def wait_for_folds(started, path, count, timeout=PATIENCE):
    """Until that many folds are in the journal; False if the run ends or takes too long."""
    deadline = time.monotonic() + timeout
    while started.running() and time.monotonic() < deadline:
        if len(folds_of(path)) >= count:
            return True
        time.sleep(0.02)
    return False


def show(run_file, table):
    result = run(["show", run_file, table, "--csv"])
    if result.returncode != 0:
        raise RuntimeError(f"show {table}: exit {result.returncode}: {result.stderr}")
    return list(csv.DictReader(io.StringIO(result.stdout)))


def wait_for_a_checkpoint(checks, name, job, run_file, newer_than=0):
    """Until the run file is there and has changed since then, in nanoseconds."""
    deadline = time.monotonic() + PATIENCE
    while job.running() and time.monotonic() < deadline:
        if run_file.exists() and run_file.stat().st_mtime_ns > newer_than:
            break
        time.sleep(0.02)
    checks.check(f"{name}: a checkpoint is saved, and the run goes on",
                 job.running() and run_file.exists(), job.text())


def trail(run_file):
    """The models of a federation, first to last."""
    return [row["id"] for row in show(run_file, "models")]


def status(run_file):
    """(exit status, text) of `canopy show RUN status`."""
    result = run(["show", run_file, "status"])
    return result.returncode, result.stdout.strip()


def trials(run_file):
    """The table of trials without its times, which no two runs share."""
    return [{name: cell for name, cell in row.items() if not name.endswith("_time")}
            for row in show(run_file, "trials")]


def model_digest(run_file):
    return show(run_file, "model")[0]["sha256"]


def rank_of(pid):
    try:
        variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = [word for word in variables if word.startswith(b"OMPI_COMM_WORLD_RANK=")]
    return found[0].split(b"=")[1].decode() if found else None


def pid_of_rank(job, rank):
    """Process number of a rank that a Started mpirun has running."""
    found = [pid for pid in descendants(job.process.pid) if rank_of(pid) == str(rank)]
    assert len(found) == 1, f"rank {rank}: {len(found)} processes"
    return found[0]


def check_killed_rank(checks, name, job):
    """Kills rank 2: nothing hangs, mpirun fails and names the rank and what ended it."""
    os.kill(pid_of_rank(job, 2), signal.SIGKILL)
    code = job.wait()
    checks.check(f"{name}: mpirun ends non-zero", code != 0, job.text())
    checks.check(f"{name}: the output names rank and signal",
                 "rank 2" in job.text() and "signal 9" in job.text(), job.text())
