"""What a container engine makes of jobs/container, as far as the tests want it: an image of the steps of the
Containerfile on a root of debootstrap, and chroots of it that see their own processes and volumes only."""

import fnmatch
import os
import pathlib
import shlex
import shutil
import subprocess

from machines import TOP

FOLDER = TOP / "jobs" / "container"
CONTAINERFILE = FOLDER / "Containerfile"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A list of from, to, from, to, .., -- comes before the command.
ENTER = """
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
for folder in dev/shm run tmp; do mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"; done
mkdir "$root/run/sshd"
while [ "$1" != -- ]; do mkdir -p "$root$2"; mount --bind "$1" "$root$2"; shift 2; done
shift
exec chroot "$root" "$@"
"""


def instructions(file=CONTAINERFILE):
    """Pairs of the word and the rest of each instruction, on one line."""
    lines = [line for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in "\n".join(lines).replace("\\\n", "").splitlines()]


def is_left_out(path, file=FOLDER / "Containerfile.dockerignore"):
    """Whether COPY does not see that path below TOP: the last pattern for it or a folder above it decides."""
    left_out = False
    for pattern in file.read_text().split():
        wanted, pattern = pattern.startswith("!"), pattern.lstrip("!").rstrip("/").split("/")
        parts = path.parts[:len(pattern)]
        if len(parts) == len(pattern) and all(map(fnmatch.fnmatchcase, parts, pattern)):
            left_out = not wanted
    return left_out


def compose():
    """The content of compose.yaml."""
    import yaml  # may be missing: who calls this says so
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


class Image:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.workdir, self.entrypoint = "/", []

    def inside(self, words, environment=(), volumes=()):
        """The line that runs words in a chroot; nobody is left when it is ended."""
        settings = {"HOME": "/root", "PATH": PATH, **dict(environment)}
        mounts = [str(place) for pair in volumes for place in pair]
        return ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-ec", ENTER,
                "sh", str(self.root), *mounts, "--", "env", "-i", f"--chdir={self.workdir}",
                *(f"{name}={value}" for name, value in settings.items()), *map(str, words)]

    def run(self, words, timeout=300, **more):
        return subprocess.run(self.inside(words, **more), text=True, capture_output=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)

    def base(self, mirror):
        """debian:12 is a smallest bookworm that starts no services; names are those of this machine."""
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", self.root, mirror], check=True,
                       stdout=subprocess.DEVNULL)
        services = self.root / "usr/sbin/policy-rc.d"
        services.write_text("#!/bin/sh\nexit 101\n")
        services.chmod(0o755)
        for file in ("hosts", "resolv.conf"):
            shutil.copyfile(f"/etc/{file}", self.root / "etc" / file)
        (self.root / ".dockerenv").touch()

    def step(self, word, rest):
        """Carries an instruction out; returns what went wrong, if anything did."""
        if word == "FROM":
            return "" if rest == "debian:12" else f"the test makes no {rest}"
        if word == "WORKDIR":
            self.workdir = rest
        elif word == "ENTRYPOINT":
            self.entrypoint = shlex.split(rest.strip("[]").replace(",", " "))
        elif word == "COPY":
            self.copy(*rest.split())
        elif word == "RUN":
            done = self.run(["sh", "-c", rest], timeout=5000,
                            environment={"CMAKE_BUILD_PARALLEL_LEVEL": os.cpu_count()})
            return "" if done.returncode == 0 else (done.stdout + done.stderr)[-5000:]
        else:
            return f"the test does not know {word}"
        return ""

    def copy(self, source, target):
        def left_out(folder, names):
            below = pathlib.Path(folder).relative_to(TOP)
            return [name for name in names if is_left_out(below / name)]

        target = self.root / target.lstrip("/")
        if (TOP / source).is_dir():
            shutil.copytree(TOP / source, target, symlinks=True, ignore=left_out, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / source, target)
