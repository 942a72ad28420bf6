#!/usr/bin/env bash
# Runs a federation over MPI processes. The clients of a lost process are dealt to others; when the
# reducer, a combiner or a machine is lost it goes on from the last checkpoint, on those that answer.
#
#   jobs/federate.sh [options of canopy federate]
#
# Without options it runs jobs/federate-flute-lr.toml. The run file is --out, or
# results/federate-STAMP.h5. Variables say how it runs:
#
#   HOSTFILE      the machines, as in hostfiles/fedn.txt; without it this machine alone
#   NP            processes; without it one per slot of HOSTFILE, or one per core of this machine
#   NETWORK       the network between the machines by CIDR, 10.0.0.0/24; without it MPI chooses
#   BIND_TO       none (the default), core, ...: what mpirun binds a process to
#   MAX_RESTARTS  how often it goes on after a loss; 3
#   SILENCE       seconds without a new line in the journal after which the machines are asked whether
#                 they are there; 45
#   CANOPY        the program; build/canopy
#
#   NP=4 HOSTFILE=hostfiles/fedn.txt NETWORK=10.0.0.0/24 \
#     jobs/federate.sh --layout fedn --data mnist --rounds 20 --checkpoint-every 5
#
# Ctrl-C, SIGTERM and SIGUSR1 save and leave. Exit status: that of canopy federate, as the run file
# tells it (2 when there is none); 75 means stopped with everything saved, go on with the same words
# and --resume. `build/canopy federate --help` lists the options.
set -euo pipefail

case ${1:-} in -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=jobs/common.sh
source "$top/jobs/common.sh"
# shellcheck source=jobs/restarts.sh
source "$top/jobs/restarts.sh"

(($#)) || set -- --config "$top/jobs/federate-flute-lr.toml"
prepare_run "federate-$(date +%Y%m%d-%H%M%S)" 3 "$@"
run_and_restart federate "$@"
