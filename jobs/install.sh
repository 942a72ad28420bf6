#!/usr/bin/env bash
# Installs with apt the packages that Canopy needs and this machine does not have.
#
#   jobs/install.sh [--tests]
#
# Exit status: 0 everything needed is there, 2 wrong usage, 1 something needed could not be installed.
set -euo pipefail

needed=(g++ cmake ninja-build pkg-config openmpi-bin libopenmpi-dev libboost-mpi-dev
  libboost-serialization-dev libeigen3-dev libhdf5-dev libcli11-dev libtomlplusplus-dev libfmt-dev
  libspdlog-dev nlohmann-json3-dev libcpp-httplib-dev zlib1g-dev libssl-dev openssh-client curl
  ca-certificates libjs-chart.js)
needed_by_tests=(libgtest-dev libgmock-dev libbenchmark-dev util-linux procps)
useful_to_tests=(python3 python3-h5py python3-pandas python3-matplotlib python3-sklearn
  python3-yaml chromium python3-websocket)  # without them some tests are skipped

usage() {
  cat <<'TEXT'
usage: jobs/install.sh [--tests]
Installs with apt the packages that Canopy needs and this machine does not have.
  --tests   also what only the tests need
TEXT
}

fail() {
  echo "jobs/install.sh: $1" >&2
  exit 1
}

useful=()
case ${1:-} in
  '') ;;
  --tests) needed+=("${needed_by_tests[@]}") useful=("${useful_to_tests[@]}") ;;
  -h | --help) usage; exit 0 ;;
  *) echo "jobs/install.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
esac

# missing PACKAGE...: those that dpkg does not list as installed, one a line.
missing() {
  local have
  # shellcheck disable=SC2016  # the ${...} are dpkg-query's
  have=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
  local package
  for package in "$@"; do
    grep -qxF "installed $package" <<<"$have" || echo "$package"
  done
}

as_root() {
  if ((EUID == 0)); then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "jobs/install.sh: no apt-get here, so nothing was installed. Canopy needs what Debian calls:" >&2
  echo "  ${needed[*]} ${useful[*]}" | fold -s -w 96 >&2
  exit 0  # another packager may have installed them; the build will tell
fi

mapfile -t wanted < <(missing "${needed[@]}" "${useful[@]}")
((${#wanted[@]} == 0)) && exit 0

echo "installing ${#wanted[@]} package(s): ${wanted[*]}"
((EUID == 0)) || command -v sudo >/dev/null ||
  fail "this needs root or sudo. Ask an administrator for: ${wanted[*]}"

wait_for_lock=(-o DPkg::Lock::Timeout=600)
as_root apt-get "${wait_for_lock[@]}" -qq update ||
  echo "jobs/install.sh: apt-get update failed (no network?); trying with the lists that are there" >&2
as_root apt-get "${wait_for_lock[@]}" -qq -y --no-install-recommends install "${wanted[@]}" ||
  echo "jobs/install.sh: apt-get install failed" >&2

mapfile -t still_useful < <(((${#useful[@]})) && missing "${useful[@]}")
((${#still_useful[@]} == 0)) ||
  echo "jobs/install.sh: not installed, so some tests will be skipped: ${still_useful[*]}" >&2
mapfile -t still < <(missing "${needed[@]}")
((${#still[@]} == 0)) ||
  fail "still missing: ${still[*]}. Check the network and the sources of apt, then try again."
