#!/usr/bin/env bash
# Installs, builds and runs the tests; says which were skipped and why.
#
#   tests/run.sh [--all] [further arguments of ctest]
#
# Exit status: that of ctest, or 1 when installing or building failed.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: tests/run.sh [--all] [further arguments of ctest]

Installs what is missing (apt), builds, and runs the tests labelled `quick`.
  --all        every test, the slow ones too
  -h, --help   print this
Anything else goes to ctest: tests/run.sh -R forest, tests/run.sh -L np4, tests/run.sh -N
With -L LABEL the quick and the unlabelled of that label run; the slow ones too with --all or -L slow.
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
selection=(-L quick)
arguments=()
is_all=
for word in "$@"; do
  case $word in
    -h | --help) usage; exit 0 ;;
    --all) selection=() is_all=yes ;;
    -L* | --label-regex*) selection=(-LE slow) arguments+=("$word") ;;
    *slow*) is_all=yes arguments+=("$word") ;;
    *) arguments+=("$word") ;;
  esac
done
[[ -z $is_all ]] || selection=()

"$top/jobs/install.sh" --tests
"$top/jobs/build.sh" --tests

if ((EUID == 0)); then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
if [[ -e /.dockerenv || -e /run/.containerenv ]]; then
  export OMPI_MCA_btl_vader_single_copy_mechanism=none
fi
cd "$top/build"
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# One at a time: several MPI tests at once would fight for the cores and measure nothing.
status=0
ctest "${selection[@]}" --output-on-failure --no-tests=error --timeout 300 -j1 "${arguments[@]}" |
  tee "$output" || status=$?

# Whole tests that ctest skipped, and single cases that GoogleTest skipped inside a test that passed.
# ctest keeps the output of the latter in its log, "N/M Test: NAME" first, the reason after "Skipped".
skipped_cases() {
  [[ -f Testing/Temporary/LastTest.log ]] || return 0
  awk '
    / Testing: / { test = $NF }
    /: Skipped$/ || /: Skipped / { getline reason; why = reason }
    /^\[  SKIPPED \] .*\(.* ms\)$/ { print "  " test ": " $4 (why == "" ? "" : " - " why); why = "" }
  ' Testing/Temporary/LastTest.log
}

report_skipped() {
  local whole cases
  whole=$(sed -n 's/^.*Test *#[0-9]*: \([^ ]*\) .*\*\*\*\(Skipped\|Not Run\).*$/  \1: \2/p' "$output")
  cases=$(skipped_cases)
  if [[ -z $whole && -z $cases ]]; then
    echo "skipped: none"
  else
    echo "skipped:"
    [[ -z $whole ]] || echo "$whole"
    [[ -z $cases ]] || echo "$cases"
  fi
  ((${#selection[@]} == 0)) || echo "not run: tests labelled slow; tests/run.sh --all runs them"
}
echo
report_skipped
exit "$status"
