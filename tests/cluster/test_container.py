"""jobs/container: the image is built on a root of debootstrap, tunes, and its three machines run what
compose.yaml tells them, each in network, processes, names and volumes of its own.

  test_container.py [--root FOLDER]     --root: the image stays there, and is used again

There need be no container engine. Takes many minutes: all of Canopy is compiled. Needs root, network
namespaces, debootstrap and a mirror of Debian, else it is skipped.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from machines import SKIPPED, TOP, Machines, end_to_end
from containers import Image, compose, instructions
from end_to_end import Checks, model_digest, show, status, trials

SEARCH = ["--data", "synthetic:forest-cover,rows=1500", "--trials", 6, "--folds", 4, "--seed", 5,
          "--progress", "none"]


def skip(why):
    print("skipped:", why)
    sys.exit(SKIPPED)


def mirror_or_skip():
    """Where apt has bookworm from, once debootstrap is there."""
    if os.geteuid() != 0:
        skip("chroot and namespaces need root")
    if not shutil.which("apt-get"):
        skip("there is no apt-get, which knows a mirror of Debian")
    if not shutil.which("debootstrap"):
        subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq", "-y",
                        "--no-install-recommends", "install", "debootstrap"], capture_output=True)
    if not shutil.which("debootstrap"):
        skip("debootstrap could not be installed: check the network, or apt-get update")
    known = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm",
                            "Component: main", "Created-By: Packages"], text=True,
                           capture_output=True).stdout.split()
    if not known:
        skip("apt knows no mirror of Debian bookworm")
    try:
        urllib.request.urlopen(known[0] + "dists/bookworm/Release", timeout=30).close()
    except OSError as error:
        skip(f"{known[0]} does not answer: {error}")
    return known[0]


def build(checks, image, mirror):
    """Steps that are done already are only taken note of."""
    done = image.root / "steps-done"
    if not (image.root / ".dockerenv").exists():
        image.base(mirror)
    for number, (word, rest) in enumerate(instructions()):
        since = time.monotonic()
        if word == "RUN" and done.exists() and int(done.read_text()) >= number:
            continue
        wrong = image.step(word, rest)
        if not checks.check(f"{word} {rest}: {time.monotonic() - since:.0f} s", not wrong, wrong):
            checks.leave()
        if word == "RUN":
            done.write_text(str(number))


class Containers:
    def __init__(self, checks, folder, image, machines, content):
        self.checks = checks
        self.image = image
        self.machines = machines
        self.services = content["services"]
        self.here = {"keys": folder / "keys", "data": folder / "data", "results": folder / "results"}
        for place in self.here.values():
            place.mkdir()
        names = [f"{machines.network[:-4]}{i + 1} {name}\n" for i, name in enumerate(self.services)]
        (image.root / "etc/hosts").write_text("127.0.0.1 localhost\n" + "".join(names))

    def volumes(self, name):
        pairs = [volume.split(":") for volume in self.services[name]["volumes"]]
        return [(self.here[pathlib.Path(outside).name], inside) for outside, inside in pairs]

    def line(self, name, words):
        """The entry point and the words, on the machine of that name."""
        number = list(self.services).index(name) + 1
        service = self.services[name]
        line = self.image.inside([*self.image.entrypoint, *words], service["environment"],
                                 self.volumes(name))
        return ["nsenter", f"--net=/run/netns/{self.machines.name}-vm{number}", "unshare", "--uts", "sh", "-c",
                'hostname "$1"; shift; exec "$@"', "sh", service["hostname"], *line]

    def up(self, words=None, timeout=900):
        """All machines; returns what the first one's words, or else its command, came to."""
        first, *others = self.services
        for number in range(1, len(self.services) + 1):
            self.machines("kill", number)  # no sshd but the image's
        started = [subprocess.Popen(self.line(name, []), stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for name in others]
        try:
            words = words or self.services[first]["command"]
            return subprocess.run(list(map(str, self.line(first, words))), text=True, timeout=timeout,
                                  capture_output=True, stdin=subprocess.DEVNULL)
        finally:
            for machine in started:
                machine.kill()
                machine.wait()

    def version(self):
        result = self.image.run(["build/canopy", "--version"])
        self.checks.check("the image has a canopy: " + result.stdout.strip(),
                          result.returncode == 0 and result.stdout.startswith("canopy "), result.stderr)

    def tunes(self):
        """As `docker compose run vm1 jobs/tune.sh ..`, beside one process in the image."""
        alone, spread = "results/alone.h5", "results/spread.h5"
        result = self.image.run(["build/canopy", "tune", *SEARCH, "--out", alone],
                                volumes=self.volumes("vm1"))
        self.checks.check("one process tunes", result.returncode == 0, result.stdout + result.stderr)
        result = self.up(["jobs/tune.sh", *SEARCH, "--out", spread])
        self.checks.check("so do three machines", result.returncode == 0, result.stdout + result.stderr)
        alone, spread = (self.here["results"] / pathlib.Path(name).name for name in (alone, spread))
        self.checks.equal("with the same table", trials(spread), trials(alone))
        self.checks.equal("and model", model_digest(spread), model_digest(alone))
        self.is_spread(spread)

    def is_spread(self, run_file):
        self.checks.equal("two ranks on vm1, one on vm2 and vm3",
                          [row["host"] for row in show(run_file, "ranks")], ["vm1", "vm1", "vm2", "vm3"])

    def compose_up(self):
        """The command that is written there, when the data can be had here."""
        here = subprocess.run([TOP / "data" / "fetch.sh", "--local", "--to", self.here["data"], "forest-cover"],
                              text=True, capture_output=True)
        if not (self.here["data"] / "forest-cover" / "train.csv").exists():
            print("skipped: the command of compose.yaml, as the data are not here:", here.stdout.strip())
            return
        shutil.copy(TOP / "data" / "fetch.sh", self.here["data"])
        since = time.monotonic()
        result = self.up()
        self.checks.check(f"the command of compose.yaml ends with 0, after {time.monotonic() - since:.0f} s",
                          result.returncode == 0, result.stdout + result.stderr)
        written = list(self.here["results"].glob("tune-*.h5"))
        self.checks.equal("its run is in results/", [status(file) for file in written], [(0, "complete")])
        self.is_spread(written[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path)
    kept = parser.parse_args().root
    mirror = mirror_or_skip()
    try:
        content = compose()
    except ImportError:
        skip("no yaml for python3; apt-get install python3-yaml")
    with tempfile.TemporaryDirectory() as folder:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes the machines down all the same
        folder, checks = pathlib.Path(folder), Checks()
        image = Image(kept or folder / "image")
        build(checks, image, mirror)
        subnet = content["networks"]["default"]["ipam"]["config"][0]["subnet"]
        machines = Machines("image", subnet.removesuffix(".0/24"), folder)
        machines.up_or_skip(len(content["services"]))
        try:
            containers = Containers(checks, folder, image, machines, content)
            containers.version()
            containers.tunes()
            containers.compose_up()
        finally:
            machines("down")
    checks.leave()
