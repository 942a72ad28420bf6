"""What stands in for Slurm: one process instead of many, and a note of what is to be queued again."""

import os
import stat

PROGRAMS = {
    "srun": 'while [ "$1" != "$CANOPY" ]; do echo "srun: $1"; shift; done\nexec "$@"',
    "squeue": 'echo "$STATE"',
    "scontrol": 'echo "scontrol: $*"',
}


def install(folder, top, environment):
    """Puts the programs into folder/bin; returns the environment of job 7."""
    (folder / "bin").mkdir()
    for name, lines in PROGRAMS.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**environment, "PATH": f"{folder}/bin:{os.environ['PATH']}", "SLURM_JOB_ID": "7",
            "SLURM_SUBMIT_DIR": str(top), "STATE": "RUNNING"}
