#!/usr/bin/env bash
# Trains one model over MPI processes; when one is lost, goes on from the last checkpoint, on the
# machines that answer.
#
#   jobs/train.sh [options of canopy train]
#
# Without options it trains jobs/train-forest-cover.toml. The run file is --out, or
# results/train-STAMP.h5. Variables say how it runs:
#
#   HOSTFILE      the machines, as in hostfiles/vms.txt; without it this machine alone
#   NP            processes; without it one per slot of HOSTFILE, or one per core of this machine
#   NETWORK       the network between the machines by CIDR, 10.0.0.0/24; without it MPI chooses
#   BIND_TO       none (the default), core, ...: what mpirun binds a process to
#   MAX_RESTARTS  how often it goes on after a loss; 3
#   SILENCE       seconds without a new line in the journal after which the machines are asked whether
#                 they are there; 45
#   CANOPY        the program; build/canopy
#
#   NP=4 HOSTFILE=hostfiles/vms.txt NETWORK=10.0.0.0/24 \
#     jobs/train.sh --data mnist --model cnn --epochs 3 --checkpoint-every 1
#
# Ctrl-C, SIGTERM and SIGUSR1 save and leave. Exit status: that of canopy train; 75 means stopped
# with everything saved, go on with the same words and --resume. `build/canopy train --help` lists
# the options.
set -euo pipefail

case ${1:-} in -h | --help) sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;; esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=jobs/common.sh
source "$top/jobs/common.sh"
# shellcheck source=jobs/restarts.sh
source "$top/jobs/restarts.sh"

(($#)) || set -- --config "$top/jobs/train-forest-cover.toml"
prepare_run "train-$(date +%Y%m%d-%H%M%S)" 3 "$@"
run_and_restart train "$@"
