#!/usr/bin/env bash
# Searches hyper-parameters over MPI processes. A lost worker costs the fold it had in hand: others take
# it. When process 0 or a machine is lost the search goes on from its journal, on those that answer.
#
#   jobs/tune.sh [options of canopy tune]
#
# Without options it runs jobs/tune-forest-cover.toml. The run file is --out, or
# results/tune-STAMP.h5. Variables say how it runs:
#
#   HOSTFILE      the machines, as in hostfiles/vms.txt; without it this machine alone
#   NP            processes; without it one per slot of HOSTFILE, or one per core of this machine and
#                 one more, since process 0 mostly sleeps
#   NETWORK       the network between the machines by CIDR, 10.0.0.0/24; without it MPI chooses
#   BIND_TO       none (the default), core, ...: what mpirun binds a process to
#   MAX_RESTARTS  how often it goes on after a loss; 3
#   SILENCE       seconds without a new line in the journal after which the machines are asked whether
#                 they are there; 45
#   CANOPY        the program; build/canopy
#
#   HOSTFILE=hostfiles/vms.txt NETWORK=10.0.0.0/24 jobs/tune.sh --data forest-cover --trials 64
#
# Ctrl-C, SIGTERM and SIGUSR1 save and leave. Exit status: that of canopy tune, as the run file tells
# it (2 when there is none); 75 means stopped with everything saved, go on with the same words and
# --resume. `build/canopy tune --help` lists the options.
set -euo pipefail

case ${1:-} in -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=jobs/common.sh
source "$top/jobs/common.sh"
# shellcheck source=jobs/restarts.sh
source "$top/jobs/restarts.sh"

(($#)) || set -- --config "$top/jobs/tune-forest-cover.toml"
prepare_run "tune-$(date +%Y%m%d-%H%M%S)" 3 "$@"
[[ -n ${HOSTFILE:-} ]] || NP=${NP:-$(($(nproc) + 1))}
run_and_restart tune "$@"
