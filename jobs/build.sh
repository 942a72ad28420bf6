#!/usr/bin/env bash
# Configures and builds the preset `release` in build/; does next to nothing when that is up to date.
#
#   jobs/build.sh [--tests]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=(--target canopy)
tests=keep
case ${1:-} in
  '') ;;
  --tests) target=() tests=ON ;;
  *) echo "usage: jobs/build.sh [--tests]" >&2; exit 2 ;;
esac

cached() { [[ -f build/CMakeCache.txt ]] && grep -q "^$1\$" build/CMakeCache.txt; }

presets=$(cksum <CMakePresets.json)
stamp=build/presets.cksum

is_configured() {
  [[ -f build/build.ninja && -f $stamp && $(<"$stamp") == "$presets" ]] &&
    cached "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" &&
    { [[ $tests == keep ]] || cached "CANOPY_TESTS:BOOL=$tests"; }
}

configure() {
  local options=()
  # A folder that was configured elsewhere (a moved or copied clone) is of no use to CMake.
  if [[ -f build/CMakeCache.txt ]] && ! cached "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD"; then
    options+=(--fresh)
  fi
  # The program alone does not need GoogleTest.
  if [[ $tests == keep ]] && ! cached "CANOPY_TESTS:BOOL=ON"; then
    options+=(-DCANOPY_TESTS=OFF)
  else
    options+=(-DCANOPY_TESTS=ON)
  fi
  command -v ccache >/dev/null && options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  cmake --preset release "${options[@]}"
  echo "$presets" >"$stamp"
}

is_configured || configure
cmake --build build "${target[@]}"
