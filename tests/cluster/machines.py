"""Virtual machines of virtual_vms.sh, as the tests use them; also what tests on them share."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests" / "app"))

import end_to_end  # noqa: E402

SKIPPED = 77


class Machines:
    """A set of its own name and network (the first three numbers); its files go to the folder."""

    def __init__(self, name, network, folder, script="virtual_vms.sh"):
        self.name = name
        self.network = network + ".0/24"
        self.script = str(HERE / script)
        end_to_end.keep_mpi_files_in(folder)
        end_to_end.ENVIRONMENT.update(CANOPY_VMS=name, CANOPY_VMS_NET=network, TMPDIR=str(folder))

    def __call__(self, *words, timeout=60):
        return subprocess.run([self.script, *map(str, words)], env=end_to_end.ENVIRONMENT, text=True,
                              capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)

    def up_or_skip(self, count, *options):
        if os.geteuid() != 0:
            print("skipped: virtual machines need root")
            sys.exit(SKIPPED)
        up = self("up", count, *options, timeout=300)
        if up.returncode != 0:
            print("skipped: no virtual machines here:", up.stderr.strip())
            sys.exit(SKIPPED)

    def on(self, machine, words):
        """The line that runs words on it."""
        return [self.script, "exec", str(machine), *map(str, words)]

    def ranks_on(self, machine):
        """The processes of canopy there, as {rank: process number}."""
        listed = subprocess.run(["ip", "netns", "pids", f"{self.name}-vm{machine}"], text=True,
                                capture_output=True).stdout.split()
        found = {}
        for pid in listed:
            try:
                program = os.readlink(f"/proc/{pid}/exe")
            except OSError:
                continue
            rank = end_to_end.rank_of(pid)
            if program == os.path.realpath(end_to_end.CANOPY) and rank is not None:
                found[int(rank)] = int(pid)
        return found
