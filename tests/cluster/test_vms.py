"""Three virtual machines by hostfiles/vms.txt over ssh: the bits of one process, and jobs/*.sh when a
process, a machine or its network is lost.

  test_vms.py [--all]     --all: every loss of every command (minutes)

Needs root and network namespaces, else it is skipped.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from machines import TOP, Machines, end_to_end
from studies import STUDIES
from end_to_end import CANOPY, PATIENCE, Checks, Started, journal_of, run, show, status

HOSTFILE = TOP / "hostfiles" / "vms.txt"
PROMISED = 60  # seconds that nothing hangs longer than


class Job(Started):
    def __init__(self, machines, command, words):
        line = ["env", f"CANOPY={CANOPY}", f"HOSTFILE={HOSTFILE}", f"NETWORK={machines.network}",
                TOP / "jobs" / f"{command}.sh", *words]
        self.begin(machines.on(1, line), end_to_end.ENVIRONMENT)


class VirtualMachines:
    def __init__(self, checks, folder, machines):
        self.checks = checks
        self.folder = folder
        self.machines = machines
        self.results = {}

    def same_bits(self, command, words):
        study = STUDIES[command]
        calm, spread = self.folder / f"{command}-1.h5", self.folder / f"{command}-vms.h5"
        result = run([command, *words, "--out", calm], timeout=300)
        self.checks.check(f"{command}: one process finishes", result.returncode == 0, result.stderr)
        self.results[command] = study.result(calm)
        line = ["mpirun", "--hostfile", HOSTFILE, "--bind-to", "none", CANOPY, command, *words,
                "--out", spread]
        result = subprocess.run(self.machines.on(1, line), env=end_to_end.ENVIRONMENT, text=True,
                                capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
        self.checks.check(f"{command}: three machines finish", result.returncode == 0,
                          result.stdout + result.stderr)
        self.checks.check(f"{command}: with the same bits",
                          study.result(spread) == self.results[command])
        table = "layout" if command == "train" else "ranks"
        self.checks.equal(f"{command}: two ranks on vm1, one on vm2 and vm3",
                          [row["host"] for row in show(spread, table)], ["vm1", "vm1", "vm2", "vm3"])

    def loses(self, command, name, lose, told):
        """lose() disturbs the job of jobs/COMMAND.sh in its midst: it finishes with the same bits, after
        one of the numbers of restarts that `told` maps to what the job must have said by then."""
        study, name = STUDIES[command], f"{command}, {name}"
        run_file = self.folder / (name.replace(" ", "-").replace(",", "") + ".h5")
        with Job(self.machines, command, [*study.words, "--out", run_file]) as job:
            deadline = time.monotonic() + PATIENCE
            while job.running() and not study.is_under_way(run_file) and time.monotonic() < deadline:
                time.sleep(0.02)
            self.checks.check(f"{name}: in the midst of it", job.running() and status(run_file)[0] == 75,
                              job.text())
            lose()
            since = time.monotonic()
            while job.running() and "; restart " not in job.text() and time.monotonic() < since + 180:
                time.sleep(0.1)
            seconds = time.monotonic() - since
            self.checks.check(f"{name}: the job ends or goes on within {PROMISED} s, in {seconds:.1f} s",
                              seconds < PROMISED, job.text())
            self.checks.equal(f"{name}: the job finishes", job.wait(240), 0)
            said = job.text()
        restarts = said.count("; restart ")
        self.checks.check(f"{name}: after {restarts} restarts of {list(told)}", restarts in told, said)
        for text in told.get(restarts, []):
            self.checks.check(f"{name}: it is told: {text}", text in said, said)
        self.checks.check(f"{name}: with the same bits", study.result(run_file) == self.results[command],
                          said)
        self.checks.check(f"{name}: no journal is left", not journal_of(run_file).exists())

    def lost_process(self, command):
        def lose():
            os.kill(self.machines.ranks_on(3)[3], signal.SIGKILL)

        self.loses(command, "a killed process", lose,
                   {0 if STUDIES[command].survives_workers else 1: []})

    def lost_machine(self, command):
        """mpirun ends when it sees that a machine is gone; who survives workers may be done by then."""
        told = {1: ["vm3 does not answer, goes on without"]}
        if STUDIES[command].survives_workers:
            told[0] = []
        self.loses(command, "a dead machine", lambda: self.machines("kill", 3), told)
        self.machines("down")
        self.machines.up_or_skip(3)

    def lost_network(self, command):
        """Searches and federations give the machine up by its silence and come to their end without."""
        survives = STUDIES[command].survives_workers
        self.loses(command, "an unplugged network", lambda: self.machines("unplug", 3),
                   {0: ["mpirun does not end"]} if survives else {1: ["mpirun is ended"]})
        since = time.monotonic()
        while self.machines.ranks_on(3) and time.monotonic() < since + PROMISED:
            time.sleep(0.1)
        self.checks.equal(f"{command}, an unplugged network: nobody is left on vm3",
                          self.machines.ranks_on(3), {})
        self.machines("plug", 3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true")
    everything = parser.parse_args().all
    with tempfile.TemporaryDirectory() as folder:
        machines = Machines("three", "10.80.0", folder)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes the machines down all the same
        machines.up_or_skip(3)
        checks = Checks()
        try:
            cluster = VirtualMachines(checks, pathlib.Path(folder), machines)
            for command, study in STUDIES.items():
                cluster.same_bits(command, study.words + ([] if everything else study.smaller))
            for command in STUDIES if everything else ["tune"]:
                cluster.lost_process(command)
                cluster.lost_machine(command)
            for command in STUDIES if everything else []:
                cluster.lost_network(command)
        finally:
            machines("down")
    checks.leave()
