# shellcheck shell=bash
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
