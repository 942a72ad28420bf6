#!/usr/bin/env bash
# How the time of one job depends on the machines, or processes, that it has: runs it with each number
# of them, checks that all runs found the same, and gathers the times in one file.
#
#   jobs/scaling.sh CONFIG.toml --nodes LIST | --np LIST [--hostfile FILE] [--repeat R] [--out FILE.h5]
#                               [-- more options of the command]
#
#   jobs/scaling.sh jobs/tune-forest-cover.toml --nodes 1,2,3 --hostfile hostfiles/vms.txt
#   jobs/scaling.sh jobs/train-forest-cover.toml --np 1,2,4 --repeat 3
#
# The command is the first word of the file's name: tune-, train- or federate-. --nodes 2 takes the
# first two lines of the hostfile and all their slots: of hostfiles/vms.txt n machines have n + 1
# processes, of which the first coordinates, so n that compute. The file is results/scaling-COMMAND.h5
# unless --out names another; `python3 jobs/plot_scaling.py FILE.h5` draws it. Runs stay beside it, and
# those that are complete are not repeated. NETWORK, BIND_TO and CANOPY as for jobs/train.sh.
set -euo pipefail

usage() { sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
case ${1:-} in '' | -h | --help) usage; exit 0 ;; esac

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=jobs/common.sh
source "$top/jobs/common.sh"
# shellcheck source=jobs/restarts.sh
source "$top/jobs/restarts.sh"

config=$1
shift
[[ -r $config ]] || fail "there is no file $config"
study=$(basename "$config" .toml)
command=${study%%-*}
case $command in tune | train | federate) ;; *)
  fail "$config begins with neither tune-, train- nor federate-, so its command is not known" ;;
esac

by='' sizes='' repeat=1 hostfile='' out=$top/results/scaling-$command.h5
while (($#)); do
  case $1 in
    --nodes | --np) by=${1#--} sizes=${2:-} ;;
    --repeat) repeat=${2:-} ;;
    --hostfile) hostfile=${2:-} ;;
    --out) out=${2:-} ;;
    --) shift; break ;;
    *) fail "unknown word '$1'; $0 --help" ;;
  esac
  shift 2
done
[[ $sizes =~ ^[0-9]+(,[0-9]+)*$ ]] || fail "say --nodes or --np with a list such as 1,2,3"
[[ $by == np || -n $hostfile ]] || fail "--nodes needs a --hostfile that names the machines"
find_program
prepare_mpi
export CANOPY_DATA_DIR=${CANOPY_DATA_DIR:-$top/data}
mkdir -p "$(dirname "$out")" "${out%.h5}"
out=$(realpath -m "$out")

# hosts_of N: the hostfile's first N machines.
hosts_of() { grep -v '^ *\(#\|$\)' "$hostfile" | head -n "$1"; }

# run_with N FILE OPTION...
run_with() {
  local size=$1 file=$2 hosts
  shift 2
  NP=$size HOSTFILE=$hostfile
  if [[ $by == nodes ]]; then
    hosts=${out%.h5}/$size.hosts
    hosts_of "$size" >"$hosts"
    (($(wc -l <"$hosts") == size)) || fail "$hostfile has fewer than $size machines"
    NP='' HOSTFILE=$hosts
  fi
  place_processes
  mpirun "${placing[@]}" "$canopy" "$command" --config "$config" "${more[@]}" --out "$file" --resume \
    --quiet
}

more=("$@")
files=()
for ((i = 0; i < repeat; ++i)); do
  for size in ${sizes//,/ }; do
    file=${out%.h5}/$study-$by$size-$i.h5
    echo "$command with $size $by, run $((i + 1)) of $repeat" >&2
    run_with "$size" "$file"
    files+=("$file")
  done
done
varied=workers
[[ $by == nodes ]] && varied=nodes
"$canopy" scaling collect "${files[@]}" --out "$out" --overwrite --by "$varied"
