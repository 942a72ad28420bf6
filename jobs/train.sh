#!/usr/bin/env bash
# Trains one model over MPI processes; when one is lost, goes on from the last checkpoint.
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

(($#)) || set -- --config "$top/jobs/train-forest-cover.toml"
run_file=$(value_of --out "$@") || run_file=$top/results/train-$(date +%Y%m%d-%H%M%S).h5
max_restarts=${MAX_RESTARTS:-3}
check_max_restarts
find_program
prepare_mpi
export CANOPY_DATA_DIR=${CANOPY_DATA_DIR:-$top/data}

placing=(--bind-to "${BIND_TO:-none}")
network=${NETWORK:-}
if [[ -n ${HOSTFILE:-} ]]; then
  placing+=(--hostfile "$HOSTFILE")
  [[ -z ${NP:-} ]] || placing+=(-np "$NP")
else
  # The loopback device is enough, and there may be no other.
  placing+=(--hostfile "$top/hostfiles/localhost.txt" -np "${NP:-$(nproc)}")
  network=${network:-lo}
fi
[[ -z $network ]] ||
  placing+=(--mca btl_tcp_if_include "$network" --mca oob_tcp_if_include "$network")

# Only SIGUSR1 lets mpirun's processes save: after the others it kills them within two seconds. In a
# session of its own mpirun does not see Ctrl-C.
mpirun_pid=
is_stopping=
stop() {
  is_stopping=yes
  [[ -z $mpirun_pid ]] || kill -USR1 "$mpirun_pid" 2>/dev/null || true
}
trap stop INT TERM HUP USR1

# train OPTION...: sets `status` to mpirun's.
train() {
  setsid mpirun "${placing[@]}" "$canopy" train "$@" --out "$run_file" &
  mpirun_pid=$!
  wait "$mpirun_pid" || true  # a signal ends this one early
  while kill -0 "$mpirun_pid" 2>/dev/null; do wait "$mpirun_pid" || true; done
  status=0
  wait "$mpirun_pid" || status=$?
  mpirun_pid=
}

# With --overwrite, what an earlier run has left is nothing to go on from.
is_saved() {
  local newest
  newest=$(stat -c %Y "$run_file" "${run_file%.*}.journal" 2>/dev/null | sort -n | tail -n 1)
  [[ -n $newest ]] && { ! has --overwrite "$@" || ((newest >= began)); } &&
    [[ $(recorded_status) == 75 ]]
}

# At the end of the allocation there is nothing to run on.
is_out_of_time() {
  ((status == 75)) &&
    "$canopy" show "$run_file" events --csv 2>/dev/null | grep -q '^[^,]*,[^,]*,walltime,'
}

began=$EPOCHSECONDS
train "$@"
for ((restart = 1; ; ++restart)); do
  case $status in 0 | 2 | 3 | 4) exit "$status" ;; esac
  is_saved "$@" || exit "$status"
  if [[ -n $is_stopping ]] || is_out_of_time; then exit 75; fi
  ((restart <= max_restarts)) || give_up
  echo "canopy job: mpirun ended with $status; restart $restart of $max_restarts from $run_file" >&2
  sleep 3  # what a lost mpirun leaves running is gone by then, and lets go of the journal
  [[ -z $is_stopping ]] || exit 75
  train "$@" --overwrite false --resume
done
