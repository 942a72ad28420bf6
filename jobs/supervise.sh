# shellcheck shell=bash
# What restarts.sh needs to know of machines that ssh reaches: which of them answer, and whether a run
# is still worth waiting for. mpirun itself never ends when a machine's network is gone.

# hosts_of HOSTFILE
hosts_of() { awk '!/^[[:space:]]*(#|$)/ { print $1 }' "$1"; }

answers() {
  [[ $1 == localhost || $1 == "$(hostname)" ]] ||
    timeout 10 ssh -o BatchMode=yes -o ConnectTimeout=5 "$1" true </dev/null >/dev/null 2>&1
}

# silent_hosts HOSTFILE: prints those that do not answer.
silent_hosts() {
  local host
  for host in $(hosts_of "$1"); do
    answers "$host" || echo "$host" &
  done
  wait
}

# without_hosts HOSTFILE HOST...: prints the lines of the others.
without_hosts() {
  local file=$1
  shift
  awk -v gone="$*" 'BEGIN { split(gone, names); for (i in names) is_gone[names[i]] = 1 }
    !($1 in is_gone)' "$file"
}

# slots_of HOSTFILE: how many it names; a line without a number counts as one.
slots_of() {
  awk '!/^[[:space:]]*(#|$)/ { sum += match($0, /slots *= */) ? substr($0, RSTART + RLENGTH) : 1 }
    END { print sum + 0 }' "$1"
}

# Nanoseconds since 1970 when the run last wrote; 0 when it has written nothing.
last_written() {
  local file=${run_file:?}
  { echo 0; stat -c %.9Y "$file" "${file%.*}.journal" 2>/dev/null || true; } | tr -d . | sort -n | tail -n 1
}

# end_process PID: by force when it does not go.
end_process() {
  local tenth
  kill -TERM "$1" 2>/dev/null || return 0
  for ((tenth = 0; tenth < 50; ++tenth)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
}

# supervise PID HOSTFILE: ends that mpirun once the run is complete but mpirun is not, or when
# nothing has been written for SILENCE seconds and a host does not answer. (A run may be silent for
# long while it computes: its hosts answer, and it is let be.)
supervise() {
  local mpirun=$1 hostfile=$2 began written seconds gone
  began=$(date +%s%N)
  trap 'kill "$!" 2>/dev/null; exit 0' TERM
  while sleep 5 & wait "$!"; do
    written=$(last_written)
    seconds=$((($(date +%s%N) - (written > began ? written : began)) / 1000000000))
    if ((written > began && seconds >= 10)) && [[ $(recorded_status) =~ ^[04]$ ]]; then
      echo "canopy job: the run is complete, but mpirun does not end: it is ended" >&2
      end_process "$mpirun"
      return
    fi
    ((seconds >= ${SILENCE:-45})) || continue
    gone=$(silent_hosts "$hostfile" | xargs)
    [[ -n $gone ]] || continue
    echo "canopy job: nothing written for $seconds s, and no answer from $gone: mpirun is ended" >&2
    end_process "$mpirun"
    return
  done
}
