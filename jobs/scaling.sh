#!/usr/bin/env bash
# How the time of one job depends on the machines, or processes, that it has: runs it with each number
# of them, checks that all runs found the same, and gathers the times in one file.
#
#   jobs/scaling.sh CONFIG.toml --nodes LIST | --np LIST [--weak OPTION=VALUE]... [--hostfile FILE]
#                               [--repeat R] [--out FILE.h5] [-- more options of the command]
#
#   jobs/scaling.sh jobs/tune-forest-cover.toml --nodes 1,2,3 --hostfile hostfiles/vms.txt
#   jobs/scaling.sh jobs/train-forest-cover.toml --np 1,2,4 --repeat 3
#   jobs/scaling.sh jobs/tune-forest-cover.toml --nodes 1,2,3 --hostfile hostfiles/vms.txt --weak repeats=1
#
# Without --weak all do the same work (strong scaling). With it the work grows with the size (weak
# scaling): n machines, or n processes that compute, get `--OPTION n*VALUE`; every --weak grows so.
# VALUE is a whole number, or ends in one after an =, as in --weak data=synthetic:mnist,rows=5120. Let
# grow what the work is proportional to: the rows or epochs of a network, the rounds of a federation
# (its clients share the same rows), the repeats of a search's cross-validation (trials differ in cost).
# The time should stay as it is. Other sizes find other things, so what is checked then is that runs of
# the same size found the same: say --repeat 2 at least.
#
# The command is the first word of the file's name: tune-, train- or federate-. --nodes 2 takes the
# first two lines of the hostfile and all their slots: of hostfiles/vms.txt n machines have n + 1
# processes, of which the first coordinates, so n that compute. Of the n processes of --np n - 1 compute
# in a search, else all. The file is results/scaling-COMMAND.h5, or scaling-COMMAND-weak.h5, unless
# --out names another; `python3 jobs/plot_scaling.py FILE.h5` draws it. Runs stay beside it, and those
# that are complete are not repeated: with other options after -- take another --out. NETWORK, BIND_TO
# and CANOPY as for jobs/train.sh.
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

by='' sizes='' repeat=1 hostfile='' out='' grown=()
while (($#)); do
  case $1 in
    --nodes | --np)
      [[ -z $by ]] || fail "--$by and $1 both say sizes, expected one of them once"
      by=${1#--} sizes=${2:-}
      ;;
    --weak) grown+=("${2:-}") ;;
    --repeat) repeat=${2:-} ;;
    --hostfile) hostfile=${2:-} ;;
    --out) out=${2:-} ;;
    --) shift; break ;;
    *) fail "unknown word '$1'; $0 --help" ;;
  esac
  (($# > 1)) || fail "$1 is the last word, expected a value after it"
  shift 2
done
more=("$@")
growth=strong
((${#grown[@]} == 0)) || growth=weak
[[ -n $out ]] || out=$top/results/scaling-$command$([[ $growth == strong ]] || echo -weak).h5
[[ $sizes =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || fail "say --nodes or --np with a list such as 1,2,3"
[[ $repeat =~ ^[1-9][0-9]*$ ]] || fail "--repeat is '$repeat', expected a whole number, at least 1"
[[ $out == *.h5 ]] || fail "--out is '$out', expected a name that ends in .h5"
[[ $by == np || -n $hostfile ]] || fail "--nodes needs a --hostfile that names the machines"
[[ -z $hostfile || (-f $hostfile && -r $hostfile) ]] || fail "--hostfile is '$hostfile', but there is no such file to read"
[[ ! -d $out ]] || fail "--out is '$out', a folder; expected a file that ends in .h5"

# machines: the hostfile's lines that name one.
machines() { grep -v '^[[:space:]]*\(#\|$\)' "$hostfile"; }

# Refuses sizes that the hostfile has not, before any run.
check_sizes() {
  local size known
  known=$(machines | wc -l)
  for size in ${sizes//,/ }; do
    ((size <= known)) || fail "--nodes has $size, but $hostfile names $known machines"
  done
}
[[ $by == np ]] || check_sizes
find_program

# Refuses growth that the command could not have, before any run.
check_growth() {
  local growing option help seen=()
  help=$("$canopy" "$command" --help)
  for growing in "${grown[@]}"; do
    [[ $growing =~ ^[a-z_-]+=(.*=)?[1-9][0-9]*$ ]] ||
      fail "--weak is '$growing', expected OPTION=NUMBER, as in repeats=1 or data=synthetic:mnist,rows=5120"
    option=${growing%%=*} option=--${option//_/-}
    [[ $help == *$'\n'"  $option VALUE "* ]] ||
      fail "--weak is '$growing', but canopy $command has no $option; \`canopy $command --help\` lists all"
    ! has "$option" "${more[@]}" || fail "--weak and the words after -- both set $option; leave one out"
    ! has "$option" "${seen[@]}" || fail "--weak gives $option twice; leave one out"
    seen+=("$option")
  done
}
((${#grown[@]} == 0)) || check_growth
prepare_mpi
export CANOPY_DATA_DIR=${CANOPY_DATA_DIR:-$top/data}
reason=$(mkdir -p "${out%.h5}" 2>&1 && touch "${out%.h5}/.writable" 2>&1 && rm "${out%.h5}/.writable") ||
  fail "--out is '$out', but its runs cannot be written into ${out%.h5}: ${reason##*: }; choose another"
out=$(realpath -m "$out")

# work_of N: the options that make the work of weak scaling as much as N machines or processes do.
work_of() {
  local computing=$1 growing number
  [[ $by/$command != np/tune ]] || computing=$(($1 > 1 ? $1 - 1 : 1))
  for growing in "${grown[@]}"; do
    number=${growing##*=}
    echo "--${growing%"$number"}$((number * computing))"
  done
}

# run_with N FILE OPTION...
run_with() {
  local size=$1 file=$2 hosts
  shift 2
  NP=$size HOSTFILE=$hostfile
  if [[ $by == nodes ]]; then
    hosts=${out%.h5}/$size.hosts
    machines | head -n "$size" >"$hosts"
    NP='' HOSTFILE=$hosts
  fi
  place_processes
  mpirun "${placing[@]}" "$canopy" "$command" --config "$config" "$@" --out "$file" --resume --quiet
}

files=()
for ((i = 0; i < repeat; ++i)); do
  for size in ${sizes//,/ }; do
    mapfile -t work < <(work_of "$size")
    name=${work[*]:+-${work[*]#--}}
    file=${out%.h5}/$study-$by$size${name//[^a-z0-9]/-}-$i.h5
    echo "$command with $size $by${work[*]:+ and ${work[*]}}, run $((i + 1)) of $repeat" >&2
    run_with "$size" "$file" "${work[@]}" "${more[@]}"
    files+=("$file")
  done
done
varied=workers
[[ $by == nodes ]] && varied=nodes
"$canopy" scaling collect "${files[@]}" --out "$out" --overwrite --by "$varied" --growth "$growth"
