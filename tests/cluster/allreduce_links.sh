#!/usr/bin/env bash
# How near to the wire the sums of gradients are over slow links: bench_allreduce on 2, 3 and 4 hosts
# of tests/cluster/virtual_vms.sh, joined by links of 1 Gb/s. Needs root; takes about a minute.
#
#   tests/cluster/allreduce_links.sh [BUILD_FOLDER] [bench_allreduce's options]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build}
[ $# -eq 0 ] || shift
bench=$(cd "$build" && pwd)/tests/bench/bench_allreduce
[ -x "$bench" ] || { echo "$bench is missing: build the target bench_allreduce" >&2; exit 2; }

export CANOPY_VMS=${CANOPY_VMS:-links} CANOPY_VMS_NET=${CANOPY_VMS_NET:-10.78.0}
trap '"$here/virtual_vms.sh" down' EXIT
"$here/virtual_vms.sh" up 4 --rate "${RATE:-1gbit}"
echo "links of ${RATE:-1gbit}, load $(cut -d' ' -f1 /proc/loadavg)"
for ranks in 2 3 4; do
    # A daemon is sometimes lost while it starts: once more, then.
    for attempt in first second; do
        if timeout 300 "$here/virtual_vms.sh" mpirun "$ranks" "$bench" "$@"; then break; fi
        [ "$attempt" = first ] || exit 1
        echo "mpirun failed, trying once more" >&2
    done
done
