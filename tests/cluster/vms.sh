#!/usr/bin/env bash
# Small "virtual machines" on one computer: each is a network namespace with a host name of its own,
# joined by a bridge in yet another namespace, so that the computer's own network is not touched.
# Links are shaped by tc-tbf: a message between two of them is as slow as on real hardware, whereas
# processors are shared by all.
#
#   tests/cluster/vms.sh up N [--rate 1gbit]   N hosts vm0, vm1, .. with links of that rate
#   tests/cluster/vms.sh exec I COMMAND...     runs a command on host I
#   tests/cluster/vms.sh mpirun NP COMMAND...  runs it over the first NP hosts, one rank each
#   tests/cluster/vms.sh down                  takes them all down
#
# Needs root, iproute2, util-linux and Open MPI. CANOPY_VMS names the set (default canopy), so that
# two can stand side by side; CANOPY_VMS_NET is their network (default 10.77.0).
set -euo pipefail

name=${CANOPY_VMS:-canopy}
net=${CANOPY_VMS_NET:-10.77.0}
state=${TMPDIR:-/tmp}/canopy-vms-$name
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "vms.sh: $*" >&2
    exit 2
}

namespaces() {
    ip netns list | awk -v name="$name" '$1 ~ "^" name "-(vm[0-9]+|switch)$" {print $1}'
}

# The process that keeps the host's name alive.
keeper() {
    local file=$state/vm$1.pid
    [ -f "$file" ] || fail "there is no host vm$1: start the hosts with 'vms.sh up N'"
    cat "$file"
}

shape() {
    tc -n "$1" qdisc replace dev "$2" root tbf rate "$3" burst 128kb latency 100ms
}

add_host() {
    local i=$1 rate=$2 host=$name-vm$1
    ip netns add "$host"
    ip -n "$host" link set lo up
    ip link add "port$i" netns "$name-switch" type veth peer name eth0 netns "$host"
    ip -n "$name-switch" link set "port$i" master bridge up
    ip -n "$host" address add "$net.$((i + 1))/24" dev eth0
    ip -n "$host" link set eth0 up
    if [ -n "$rate" ]; then shape "$host" eth0 "$rate"; fi
    nsenter --net="/run/netns/$host" setsid unshare --uts --mount sh -c \
        "hostname vm$i; mount --bind '$state/hosts' /etc/hosts; echo ready >'$state/vm$i.ready'; exec sleep infinity" \
        </dev/null >"$state/vm$i.log" 2>&1 &
    echo $! >"$state/vm$i.pid"
}

up() {
    local hosts=${1:?how many} rate='' i
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --rate) rate=$2; shift 2 ;;
            *) fail "unknown option $1" ;;
        esac
    done
    [ "$(id -u)" = 0 ] || fail "network namespaces need root"
    [ -z "$(namespaces)" ] || fail "hosts are up already: 'vms.sh down' first"
    mkdir -p "$state"
    rm -f "$state"/*
    echo '127.0.0.1 localhost' >"$state/hosts"
    for ((i = 0; i < hosts; i++)); do echo "$net.$((i + 1)) vm$i" >>"$state/hosts"; done
    ip netns add "$name-switch"
    ip -n "$name-switch" link add bridge type bridge
    ip -n "$name-switch" link set bridge up
    for ((i = 0; i < hosts; i++)); do add_host "$i" "$rate"; done
    for ((i = 0; i < hosts; i++)); do
        for ((wait = 0; wait < 100; wait++)); do
            if [ -f "$state/vm$i.ready" ]; then break; fi
            sleep 0.05
        done
        [ -f "$state/vm$i.ready" ] || fail "vm$i does not start: $(cat "$state/vm$i.log")"
    done
}

on_host() {
    local i=$1
    shift
    exec nsenter --target "$(keeper "$i")" --net --uts --mount --wd="$PWD" -- "$@"
}

# What mpirun calls to start its daemon: vms.sh agent [-options] HOST COMMAND...
agent() {
    while [[ $1 == -* ]]; do shift; done
    local i=${1#vm}
    shift
    on_host "$i" /bin/sh -c "$*"
}

run_mpi() {
    local ranks=$1 i hosts=''
    shift
    for ((i = 0; i < ranks; i++)); do hosts+=${hosts:+,}vm$i:1; done
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    on_host 0 mpirun -np "$ranks" --host "$hosts" --bind-to none \
        --mca plm_rsh_agent "$here/vms.sh agent" --mca btl tcp,self \
        --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 --mca mpi_yield_when_idle 1 "$@"
}

down() {
    local host pid
    for host in $(namespaces); do
        for pid in $(ip netns pids "$host"); do kill -9 "$pid" 2>/dev/null || true; done
        ip netns delete "$host"
    done
    rm -rf "$state"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    up) up "$@" ;;
    exec) on_host "$@" ;;
    mpirun) run_mpi "$@" ;;
    agent) agent "$@" ;;
    down) down ;;
    *) sed -n '2,/^set/p' "$0" | sed '/^set/d; s/^# \{0,1\}//'; exit 2 ;;
esac
