#!/usr/bin/env bash
# Small "virtual machines" vm1, vm2, .. on one computer: each is a network namespace with a host name,
# an address, /etc/hosts, /dev/shm and sshd of its own, and, if wanted, a share of a core. They are
# joined in yet another namespace, so that the computer's own network is not touched, and know each
# other by name, so that hostfiles/vms.txt is good as it is.
#
#   tests/cluster/virtual_vms.sh up N [--cpu Q] [--rate R] [--delay US]
#        N machines, each with Q cores (0.5), links of R (1gbit, as tc writes it), messages US
#        microseconds late
#   tests/cluster/virtual_vms.sh exec I COMMAND...     runs a command on vmI, in the folder one is in
#   tests/cluster/virtual_vms.sh mpirun NP COMMAND...  runs it over the first NP machines, one rank each
#   tests/cluster/virtual_vms.sh unplug I | plug I     takes vmI's network away, gives it back
#   tests/cluster/virtual_vms.sh kill I                ends all that runs on vmI at once
#   tests/cluster/virtual_vms.sh stat                  load, and how each machine was throttled
#   tests/cluster/virtual_vms.sh down                  takes them all down, leaves nothing behind
#
#   tests/cluster/virtual_vms.sh up 3 --cpu 0.5
#   tests/cluster/virtual_vms.sh exec 1 mpirun --hostfile hostfiles/vms.txt --bind-to none \
#       build/canopy tune --config jobs/tune-forest-cover.toml
#
# Needs root; installs what is missing with apt (openssh-server, iproute2). CANOPY_VMS names the set
# (default canopy), so that two can stand side by side; CANOPY_VMS_NET is their network (default
# 10.77.0). Without --cpu all of them share the cores.
set -euo pipefail

name=${CANOPY_VMS:-canopy}
net=${CANOPY_VMS_NET:-10.77.0}
state=${TMPDIR:-/tmp}/canopy-vms-$name
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "virtual_vms.sh: $*" >&2
    exit 2
}

need() {  # need PROGRAM PACKAGE
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || fail "there is no $1 and no apt-get; install what Debian calls $2"
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y --no-install-recommends \
        install "$2" >&2 || fail "$2 could not be installed: check the network, or apt-get update"
}

namespaces() {
    ip netns list | awk -v name="$name" '$1 ~ "^" name "-(vm[0-9]+|switch)$" {print $1}'
}

# The sshd that keeps the machine's name and mounts alive.
keeper() {
    local file=$state/vm$1.pid
    [ -f "$file" ] || fail "there is no machine vm$1: start some with 'virtual_vms.sh up N'"
    cat "$file"
}

# ---- shares of a core

# Prints where the cpu controller of this kernel is: cgroup v2, or v1.
cpu_controller() {
    if grep -qws cpu /sys/fs/cgroup/cgroup.controllers; then
        echo /sys/fs/cgroup
    else
        awk '$3 == "cgroup" && $4 ~ /(^|,)cpu(,|$)/ {print $2; exit}' /proc/mounts
    fi
}

# Short periods, lest a rank that waits for a throttled one waits long.
give_share() {
    local controller group quota period=20000
    controller=$(cpu_controller)
    group=$controller/$name-vm$1
    quota=$(awk -v cores="$2" -v period=$period 'BEGIN {printf "%d", cores * period}')
    [ -n "$controller" ] || fail "this kernel offers no cgroup with the cpu controller: leave --cpu out"
    if [ -f "$controller/cgroup.subtree_control" ]; then
        echo +cpu >"$controller/cgroup.subtree_control" && mkdir "$group" &&
            echo "$quota $period" >"$group/cpu.max"
    else
        mkdir "$group" && echo $period >"$group/cpu.cfs_period_us" &&
            echo "$quota" >"$group/cpu.cfs_quota_us"
    fi || fail "no share of a core can be set in $controller (a container?): leave --cpu out"
}

# A machine with half a core has one core half of the time, not two for a quarter of it each.
cores_of() {
    local all count core list=''
    all=$(getconf _NPROCESSORS_ONLN)
    count=$(awk -v cores="$(cat "$state/share")" 'BEGIN {n = int(cores); print n < cores ? n + 1 : n}')
    for ((core = 0; core < count && core < all; core++)); do
        list+=${list:+,}$(((($1 - 1) * count + core) % all))
    done
    echo "$list"
}

join_share() {
    local group
    group=$(cpu_controller)/$name-vm$1
    [ -d "$group" ] || return 0
    echo "$BASHPID" >"$group/cgroup.procs"
    taskset -pc "$(cores_of "$1")" "$BASHPID" >/dev/null
}

# ---- up

write_settings() {
    local i
    echo '127.0.0.1 localhost' >"$state/hosts"
    for ((i = 1; i <= $1; i++)); do echo "$net.$i vm$i" >>"$state/hosts"; done
    ssh-keygen -q -t ed25519 -N '' -f "$state/key"
    ssh-keygen -q -t ed25519 -N '' -f "$state/host_key"
    cat >"$state/ssh_config" <<TEXT
Host *
  IdentityFile $state/key
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
TEXT
    # Machines with fewer cores than they see: ranks that wait have to let others run.
    cat >"$state/mca.conf" <<TEXT
btl_tcp_if_include = $net.0/24
oob_tcp_if_include = $net.0/24
mpi_yield_when_idle = 1
orte_tmpdir_base = $state
TEXT
    cat >"$state/boot.sh" <<TEXT
set -e
hostname "\$1"
mount --bind $state/hosts /etc/hosts
mount --bind $state/ssh_config /etc/ssh/ssh_config
mount --bind $state/mca.conf /etc/openmpi/openmpi-mca-params.conf
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mkdir /run/sshd
exec /usr/sbin/sshd -D -e -f /dev/null -h $state/host_key -o ListenAddress="\$2" -o UsePAM=no \
  -o PermitRootLogin=prohibit-password -o AuthorizedKeysFile=$state/key.pub -o StrictModes=no \
  -o PidFile=none -o UseDNS=no -o MaxStartups=100
TEXT
}

connect_by_bridge() {
    local i
    ip netns add "$name-switch"
    ip -n "$name-switch" link add bridge type bridge
    ip -n "$name-switch" link set bridge up
    for ((i = 1; i <= $1; i++)); do
        ip link add "port$i" netns "$name-switch" type veth peer name eth0 netns "$name-vm$i"
        ip -n "$name-switch" link set "port$i" master bridge up
    done
}

# No bridge of the kernel is late: a program carries the frames.
connect_by_delay() {
    local i all=()
    for ((i = 1; i <= $1; i++)); do all+=("$name-vm$i"); done
    need g++ g++
    g++ -std=c++20 -O2 "$here/delay_switch.cpp" -o "$state/delay_switch"
    setsid "$state/delay_switch" "$2" "${all[@]}" >"$state/switch.log" 2>&1 </dev/null &
    echo $! >"$state/switch.pid"
    wait_for_line ready "$state/switch.log" "the switch"
    for ((i = 1; i <= $1; i++)); do ip -n "$name-vm$i" link set eth0 mtu 9000; done
}

wait_for_line() {
    local wait
    for ((wait = 0; wait < 200; wait++)); do
        if grep -qs "$1" "$2"; then return; fi
        sleep 0.05
    done
    fail "$3 does not start: $(cat "$2")"
}

boot() {
    local i=$1 host=$name-vm$1
    (
        join_share "$i"
        exec setsid nsenter --net="/run/netns/$host" unshare --uts --mount \
            sh "$state/boot.sh" "vm$i" "$net.$i" </dev/null >"$state/vm$i.log" 2>&1
    ) &
    echo $! >"$state/vm$i.pid"
}

up() {
    local machines=${1:-} cpu='' rate='' delay='' i
    [[ $machines =~ ^[1-9][0-9]*$ ]] || fail "up: how many? 'virtual_vms.sh up 3'"
    shift
    while [ $# -gt 0 ]; do
        case $1 in
            --cpu) cpu=$2 ;;
            --rate) rate=$2 ;;
            --delay) delay=$2 ;;
            *) fail "unknown option $1" ;;
        esac
        shift 2
    done
    need ip iproute2
    need /usr/sbin/sshd openssh-server
    need ssh openssh-client
    need mpirun openmpi-bin
    [ -z "$(namespaces)" ] || fail "machines are up already: 'virtual_vms.sh down' first"
    trap '[ $? -eq 0 ] || down' EXIT
    rm -rf "$state"
    (umask 077 && mkdir -p "$state")
    write_settings "$machines"
    echo "$cpu" >"$state/share"
    for ((i = 1; i <= machines; i++)); do
        ip netns add "$name-vm$i"
        ip -n "$name-vm$i" link set lo up
        [ -z "$cpu" ] || give_share "$i" "$cpu"
    done
    if [ -n "$delay" ]; then connect_by_delay "$machines" "$delay"; else connect_by_bridge "$machines"; fi
    for ((i = 1; i <= machines; i++)); do
        ip -n "$name-vm$i" address add "$net.$i/24" dev eth0
        ip -n "$name-vm$i" link set eth0 up
        [ -z "$rate" ] ||
            tc -n "$name-vm$i" qdisc replace dev eth0 root tbf rate "$rate" burst 128kb latency 100ms
        boot "$i"
    done
    for ((i = 1; i <= machines; i++)); do wait_for_line listening "$state/vm$i.log" "vm$i"; done
    for ((i = 2; i <= machines; i++)); do wait_for_way_to "$i"; done
}

# A link that has just come up may lose its first packets: until vm1 reaches the machine's sshd.
wait_for_way_to() {
    local try
    for ((try = 0; try < 30; try++)); do
        ! timeout 5 ip netns exec "$name-vm1" bash -c ": </dev/tcp/$net.$1/22" 2>/dev/null || return 0
        sleep 0.2
    done
    fail "vm1 does not reach vm$1"
}

# ---- use

# What Open MPI was told of the computer's interfaces does not hold in there.
on_machine() {
    local i=$1 pid
    shift
    pid=$(keeper "$i")
    join_share "$i"
    exec env -u OMPI_MCA_btl_tcp_if_include -u OMPI_MCA_oob_tcp_if_include \
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        nsenter --target "$pid" --net --uts --mount --wd="$PWD" -- "$@"
}

run_mpi() {
    local ranks=$1 i hosts=''
    shift
    for ((i = 1; i <= ranks; i++)); do hosts+=${hosts:+,}vm$i:1; done
    on_machine 1 mpirun -np "$ranks" --host "$hosts" --bind-to none --mca btl tcp,self "$@"
}

show_stat() {
    local host
    echo "load $(cat /proc/loadavg)"
    for host in $(namespaces); do
        if [ -f "$(cpu_controller)/$host/cpu.stat" ]; then
            echo "${host#"$name"-} $(xargs <"$(cpu_controller)/$host/cpu.stat")"
        fi
    done
}

# ---- down

# Until nobody is left: whoever was forked meanwhile goes, too.
kill_all_in() {
    local pid left
    for ((left = 100; left > 0; left--)); do
        [ -n "$(ip netns pids "$1")" ] || return 0
        for pid in $(ip netns pids "$1"); do kill -9 "$pid" 2>/dev/null || true; done
        sleep 0.05
    done
    fail "processes in $1 do not end: $(ip netns pids "$1" | xargs)"
}

down() {
    local host pid group
    for host in $(namespaces); do
        kill_all_in "$host"
        ip netns delete "$host"
        group=$(cpu_controller)/$host
        [ ! -d "$group" ] || rmdir "$group"
    done
    pid=$(cat "$state/switch.pid" 2>/dev/null || true)
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe")" = "$state/delay_switch" ]; then
        kill "$pid"
        while [ -d "/proc/$pid" ]; do sleep 0.05; done
    fi
    rm -rf "$state"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    '' | -h | --help) ;;
    *) [ "$(id -u)" = 0 ] || fail "network namespaces need root" ;;
esac
case $command in
    up) up "$@" ;;
    exec) on_machine "$@" ;;
    mpirun) run_mpi "$@" ;;
    unplug) ip -n "$name-vm${1:?which}" link set eth0 down ;;
    plug) ip -n "$name-vm${1:?which}" link set eth0 up ;;
    kill) kill_all_in "$name-vm${1:?which}" ;;
    stat) show_stat ;;
    down) down ;;
    *) sed -n '2,/^set/p' "$0" | sed '/^set/d; s/^# \{0,1\}//'; exit 2 ;;
esac
