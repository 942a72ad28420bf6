# shellcheck shell=bash disable=SC2154  # variables of those who source it
# Functions that the scripts of this folder share. They source it; it does nothing by itself.

# value_of OPTION WORD...: prints what the words give to the option, the last time; else fails.
value_of() {
  local option=$1 value='' is_given=1
  shift
  while (($#)); do
    case $1 in
      "$option"=*) value=${1#*=} is_given=0 ;;
      "$option") value=${2:-} is_given=0 ;;
    esac
    shift
  done
  echo "$value"
  return "$is_given"
}

# has OPTION WORD...: do the words give it?
has() { value_of "$@" >/dev/null; }

# What Open MPI wants to be told before it starts as root, or in a container.
prepare_mpi() {
  if ((EUID == 0)); then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
  # Containers commonly forbid the system call behind single-copy messages.
  if [[ -e /.dockerenv || -e /run/.containerenv ]]; then
    export OMPI_MCA_btl_vader_single_copy_mechanism=none
  fi
}

# ---- of jobs that go on after a loss; they set top, run_file and max_restarts before they call these

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

check_max_restarts() {
  [[ $max_restarts =~ ^[0-9]+$ ]] ||
    fail "MAX_RESTARTS is '$max_restarts', expected a whole number, at least 0"
}

# Prints the exit status that the run has recorded: 75 when it is unfinished and something is saved.
recorded_status() {
  local recorded=0
  "$canopy" show "$run_file" status >/dev/null 2>&1 || recorded=$?
  echo "$recorded"
}

give_up() {
  echo "canopy job: gave up after $max_restarts restarts (MAX_RESTARTS);" \
    "$run_file is saved, --resume goes on from it" >&2
  exit 75
}
