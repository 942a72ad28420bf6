#!/usr/bin/env bash
# From a fresh clone to a tuned forest: installs, builds, fetches data, runs `canopy tune` on this machine.
#
#   jobs/quickstart.sh [further options of canopy tune]
#
# Exit status: that of canopy tune, or 1 when the set-up failed.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: jobs/quickstart.sh [further options of canopy tune]

Installs what is missing (apt), builds, fetches the forest cover data, and runs
  mpirun -np 3 --hostfile hostfiles/localhost.txt build/canopy tune --config jobs/tune-forest-cover.toml
with the run file in results/. Arguments go on to canopy tune and win over the .toml file:
  jobs/quickstart.sh --trials 30 --seed 7

  -h, --help   print this; `build/canopy tune --help` prints the options of canopy tune
TEXT
}

case ${1:-} in -h | --help) usage; exit 0 ;; esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
at="" # how paths begin, seen from where the user stands
[[ $PWD -ef $top ]] || at=$top/
# shellcheck source=jobs/common.sh
source "$top/jobs/common.sh"

# Every set that can be had without the network, and forest-cover from wherever it is. What is there
# already was verified when it came.
fetch_data() {
  local set
  for set in mnist fashion-mnist; do
    [[ -f $top/data/$set/t10k-labels-idx1-ubyte.gz ]] || "$top/data/fetch.sh" --local "$set" || true
  done
  [[ -f $top/data/forest-cover/train.csv ]] || "$top/data/fetch.sh" forest-cover ||
    [[ -f $top/data/forest-cover/train.csv ]]
}

warn_made_up() {
  cat >&2 <<'TEXT'

  ********************************************************************************
  *  The forest cover data could not be had. This run uses MADE-UP data          *
  *  (synthetic:forest-cover): the program is real, the scores mean nothing.     *
  *  data/README.md says where the real files go.                                *
  ********************************************************************************

TEXT
}

SECONDS=0
"$top/jobs/install.sh"
"$top/jobs/build.sh"
data=()
if ! has --data "$@" && ! fetch_data; then
  warn_made_up
  data=(--data synthetic:forest-cover)
fi
mkdir -p "$top/results"
echo "set-up took $SECONDS s"

run_file=${at}results/quickstart-$(date +%Y%m%d-%H%M%S).h5
out=(--out "$run_file")
has --out "$@" && out=()
config=(--config "${at}jobs/tune-forest-cover.toml")
has --config "$@" && config=()

prepare_mpi
# One machine only: the loopback device is enough, and there may be no other.
export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
export CANOPY_DATA_DIR=${at}data
status=0
mpirun -np 3 --hostfile "$top/hostfiles/localhost.txt" --bind-to none --mca mpi_yield_when_idle 1 \
  "$top/build/canopy" tune "${config[@]}" "${data[@]}" "${out[@]}" "$@" || status=$?

if [[ ${#out[@]} -gt 0 && -f $run_file ]]; then
  printf '\nnext: %sbuild/canopy show %s trials\n' "$at" "$run_file"
fi
exit "$status"
