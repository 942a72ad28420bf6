"""jobs/container: what its files say of each other, of hostfiles/vms.txt and of the rest of the project. (That
they work is tested by tests/cluster/test_container.py.)"""

import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
for folder in ("app", "cluster"):
    sys.path.insert(0, str(TOP / "tests" / folder))

from end_to_end import Checks
from containers import FOLDER, compose, instructions, is_left_out

SKIPPED = 77


def programs_of(text):
    """The project's own scripts that a command names."""
    return re.findall(r"(?:jobs|data)/[\w/]+\.sh", text)


def is_program(path):
    """Can it be started in the image?"""
    return (TOP / path).stat().st_mode & 0o111 and not is_left_out(pathlib.Path(path))


def check_containerfile(checks):
    steps = instructions()
    checks.equal("it begins with Debian 12", steps[0], ("FROM", "debian:12"))
    named = [path for word, rest in steps if word in ("RUN", "ENTRYPOINT") for path in programs_of(rest)]
    checks.equal("its steps", sorted(set(named)),
                 ["jobs/build.sh", "jobs/container/node.sh", "jobs/install.sh"])
    for path in named:
        checks.check(f"{path} is in the image", is_program(path))
    tracked = subprocess.run(["git", "ls-files"], cwd=TOP, text=True, capture_output=True).stdout.split()
    lost = [path for path in tracked if is_left_out(pathlib.Path(path))]
    checks.equal("nothing of the project is left out", lost, [])
    for path in ("build/canopy", "build-debug", ".git", "results/a.h5", "data/mnist"):
        checks.check(f"{path} is left out", is_left_out(pathlib.Path(path)))


def check_machines(checks, content):
    lines = (TOP / "hostfiles" / "vms.txt").read_text().splitlines()
    hosts = [line.split()[0] for line in lines if not line.startswith("#")]
    services = content["services"]
    checks.equal("the machines of hostfiles/vms.txt", list(services), hosts)
    subnet = content["networks"]["default"]["ipam"]["config"][0]["subnet"]
    workdir = dict(instructions())["WORKDIR"]
    for name, service in services.items():
        checks.equal(f"{name}: its host name", service["hostname"], name)
        checks.equal(f"{name}: its image", service["image"], "canopy")
        checks.equal(f"{name}: the hostfile", service["environment"]["HOSTFILE"], "hostfiles/vms.txt")
        checks.equal(f"{name}: the network", service["environment"]["NETWORK"], subnet)
        volumes = dict(reversed(volume.split(":")) for volume in service["volumes"])
        checks.equal(f"{name}: what it shares", sorted(volumes),
                     sorted([f"{workdir}/data", f"{workdir}/results", "/root/.ssh"]))
        for inside, outside in volumes.items():
            checks.check(f"{name}: {outside} is there", outside in content["volumes"] or
                         (FOLDER / outside).resolve() == TOP / pathlib.Path(inside).name)
    checks.equal("the image is built from the top folder",
                 [(FOLDER / services["vm1"]["build"]["context"]).resolve(),
                  TOP / services["vm1"]["build"]["dockerfile"]], [TOP, FOLDER / "Containerfile"])
    checks.equal("one machine has something to do", [name for name in hosts if "command" in services[name]],
                 ["vm1"])
    checks.equal("others are there before it", services["vm1"]["depends_on"], ["vm2", "vm3"])
    named = programs_of(" ".join(services["vm1"]["command"]))
    checks.equal("it fetches its data and tunes", named, ["data/fetch.sh", "jobs/tune.sh"])
    checks.check("with what is in the image", all(map(is_program, named)))


if __name__ == "__main__":
    try:
        content = compose()
    except ImportError:
        print("skipped: no yaml for python3; apt-get install python3-yaml")
        sys.exit(SKIPPED)
    checks = Checks()
    check_containerfile(checks)
    check_machines(checks, content)
    checks.leave()
