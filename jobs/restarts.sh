# shellcheck shell=bash
# One run over MPI processes that goes on from its last checkpoint after a loss: what the jobs that
# do so share, on machines that ssh reaches and under Slurm. They set `top`, and source this after
# common.sh.
: "${top:?}"

# shellcheck source=jobs/supervise.sh
source "$top/jobs/supervise.sh"

fail() {
  echo "canopy job: $1" >&2
  exit 2
}

# Sets `canopy`, the program.
find_program() {
  canopy=${CANOPY:-$top/build/canopy}
  [[ -x $canopy ]] ||
    fail "there is no program $canopy; jobs/build.sh builds it, CANOPY names another"
}

# prepare_run NAME DEFAULT-RESTARTS OPTION...: sets run_file (--out, or results/NAME.h5),
# max_restarts and all that is the same for every start.
prepare_run() {
  local name=$1
  max_restarts=${MAX_RESTARTS:-$2}
  shift 2
  run_file=$(value_of --out "$@") || run_file=$top/results/$name.h5
  [[ $max_restarts =~ ^[0-9]+$ ]] ||
    fail "MAX_RESTARTS is '$max_restarts', expected a whole number, at least 0"
  find_program
  prepare_mpi
  export CANOPY_DATA_DIR=${CANOPY_DATA_DIR:-$top/data}
}

# Prints the exit status that the run has recorded: 75 when it is unfinished and something is saved.
recorded_status() {
  local recorded=0
  "$canopy" show "$run_file" status >/dev/null 2>&1 || recorded=$?
  echo "$recorded"
}

# survives_losses COMMAND: do its other processes go on when one is lost?
survives_losses() { [[ $1 == tune || $1 == federate ]]; }

# Over libfabric, which Open MPI may choose between machines, a message to a lost process spins for
# ever, and NETWORK is not heard of.
use_plain_tcp() { export OMPI_MCA_pml=${OMPI_MCA_pml:-ob1}; }

give_up() {
  echo "canopy job: gave up after $max_restarts restarts (MAX_RESTARTS);" \
    "$run_file is saved, --resume goes on from it" >&2
  exit 75
}

# ---- on this machine, or on those of HOSTFILE

# Sets `placing`, the words of mpirun that say where processes go, and `hosts`, the file of machines.
place_processes() {
  local network=${NETWORK:-}
  use_plain_tcp
  placing=(--bind-to "${BIND_TO:-none}")
  if [[ -n ${HOSTFILE:-} ]]; then
    hosts=$HOSTFILE
    [[ -z ${NP:-} ]] || placing+=(-np "$NP")
  else
    # The loopback device is enough, and there may be no other.
    hosts=$top/hostfiles/localhost.txt
    placing+=(-np "${NP:-$(nproc)}")
    network=${network:-lo}
  fi
  placing+=(--hostfile "$hosts")
  [[ -z $network ]] ||
    placing+=(--mca btl_tcp_if_include "$network" --mca oob_tcp_if_include "$network")
  if survives_losses "$command"; then placing+=(--enable-recovery); fi
}

# Leaves out the machines that do not answer, and starts no more processes than the others have slots.
leave_out_lost_hosts() {
  local HOSTFILE=${HOSTFILE:-} NP=${NP:-} gone
  [[ -n $HOSTFILE ]] || return 0
  gone=$(silent_hosts "$HOSTFILE" | xargs)
  if [[ -n $gone ]]; then
    echo "canopy job: $gone does not answer, goes on without" >&2
    # shellcheck disable=SC2086  # names of hosts, one a word
    without_hosts "$HOSTFILE" $gone >"$remaining"
    [[ -n $(hosts_of "$remaining") ]] || fail "no machine of $HOSTFILE answers; $run_file is saved"
    HOSTFILE=$remaining
    if ((${NP:-0} > $(slots_of "$remaining"))); then NP=; fi
  fi
  place_processes
}

# Only SIGUSR1 lets mpirun's processes save: after the others it kills them within two seconds. In a
# session of its own mpirun does not see Ctrl-C.
mpirun_pid=
is_stopping=
stop() {
  is_stopping=yes
  [[ -z $mpirun_pid ]] || kill -USR1 "$mpirun_pid" 2>/dev/null || true
}

# start OPTION...: sets `status` to the run's.
start() {
  local supervisor
  started=$(date +%s%N)
  setsid mpirun "${placing[@]}" "$canopy" "$command" "$@" --out "$run_file" &
  mpirun_pid=$!
  supervise "$mpirun_pid" "$hosts" &
  supervisor=$!
  wait "$mpirun_pid" || true  # a signal ends this one early
  while kill -0 "$mpirun_pid" 2>/dev/null; do wait "$mpirun_pid" || true; done
  status=0
  wait "$mpirun_pid" || status=$?
  mpirun_pid=
  kill "$supervisor" 2>/dev/null || true
  wait "$supervisor" || true
  status=$(status_of_run "$@")
}

is_written_since() { (($(last_written) >= $1)); }

# What the run itself has come to: mpirun --enable-recovery ends with 0 whatever happened, and one that
# had to be ended with an error. A start that has written nothing was refused, unless the run was
# complete before.
status_of_run() {
  local recorded
  recorded=$(recorded_status)
  if is_written_since "$started"; then
    if ((status == 0)) || [[ $recorded =~ ^[04]$ ]]; then echo "$recorded"; else echo "$status"; fi
  elif ((status == 0)) && ! { has --resume "$@" && [[ $recorded =~ ^[04]$ ]]; }; then
    echo 2
  else
    echo "$status"
  fi
}

# With --overwrite, what an earlier run has left is nothing to go on from.
is_saved() {
  { ! has --overwrite "$@" || is_written_since "$began"; } && [[ $(recorded_status) == 75 ]]
}

# At the end of the allocation there is nothing to run on. Events of earlier sessions do not count.
is_out_of_time() {
  ((status == 75)) && "$canopy" show "$run_file" events --csv 2>/dev/null | awk -F, '
    $3 == "resume" { is_late = 0 }
    $3 == "walltime" { is_late = 1 }
    END { exit !is_late }'
}

# run_and_restart COMMAND OPTION...: ends the job with its exit status.
run_and_restart() {
  local restart
  command=$1
  shift
  place_processes
  remaining=$(mktemp)
  trap 'rm -f "$remaining"' EXIT
  trap stop INT TERM HUP USR1
  began=$(date +%s%N)
  start "$@"
  for ((restart = 1; ; ++restart)); do
    case $status in 0 | 2 | 3 | 4) exit "$status" ;; esac
    is_saved "$@" || exit "$status"
    if [[ -n $is_stopping ]] || is_out_of_time; then exit 75; fi
    ((restart <= max_restarts)) || give_up
    echo "canopy job: the run ended with $status; restart $restart of $max_restarts from $run_file" >&2
    sleep 3  # what a lost mpirun leaves running is gone by then, and lets go of the journal
    leave_out_lost_hosts
    [[ -z $is_stopping ]] || exit 75
    start "$@" --overwrite false --resume
  done
}

# ---- under Slurm

# run_and_requeue COMMAND OPTION...: likewise; after a loss the job is queued again.
run_and_requeue() {
  local command=$1 restarts=${SLURM_RESTART_COUNT:-0} status=0 again=() ends_all=1
  shift
  ((restarts == 0)) || again=(--overwrite false --resume)
  if survives_losses "$command"; then
    ends_all=0
    use_plain_tcp
  fi
  began=$(date +%s%N)
  srun --mpi=pmix --kill-on-bad-exit="$ends_all" "$canopy" "$command" "$@" --out "$run_file" "${again[@]}" ||
    status=$?
  # The lost process of a run that was completed all the same.
  if ((ends_all == 0)) && is_written_since "$began" && [[ $(recorded_status) =~ ^[04]$ ]]; then
    exit "$(recorded_status)"
  fi
  case $status in 0 | 2 | 3 | 4) exit "$status" ;; esac

  # The first process that leaves with 75 makes srun kill the others: the run file tells what it was.
  [[ $(recorded_status) == 75 ]] || exit "$status"
  # What was cancelled or preempted is no longer running: Slurm goes on with it, or not.
  if [[ $(squeue --noheader --jobs "$SLURM_JOB_ID" --format %T) != RUNNING ]]; then exit 75; fi
  ((restarts < max_restarts)) || give_up
  echo "canopy job: srun ended with $status; queued again to go on from $run_file" >&2
  scontrol requeue "$SLURM_JOB_ID"
  exit 75
}
