#!/usr/bin/env bash
# A real Slurm on the virtual machines of virtual_vms.sh: a controller on vm1, a daemon on each vm.
#
#   tests/cluster/slurm.sh up N [options of virtual_vms.sh up]
#   tests/cluster/slurm.sh exec I COMMAND...     runs sbatch, squeue, .. on vmI
#   tests/cluster/slurm.sh down                  takes Slurm and the machines down, leaves nothing behind
#
#   tests/cluster/slurm.sh up 3
#   tests/cluster/slurm.sh exec 1 sbatch --ntasks 3 --nodes 3 jobs/tune.sbatch --trials 30
#
# Each vm counts as one core. Jobs in the partition `urgent` send those in `main` back to the queue.
# What is queued again starts two minutes later, or at once after scontrol update JobId=J StartTime=now.
# Needs root; installs what is missing with apt (slurm-wlm, munge). CANOPY_VMS and CANOPY_VMS_NET as for
# virtual_vms.sh.
set -euo pipefail

name=${CANOPY_VMS:-canopy}
state=${TMPDIR:-/tmp}/canopy-slurm-$name
here=$(cd "$(dirname "$0")" && pwd)
machines=$here/virtual_vms.sh

fail() {
    echo "slurm.sh: $*" >&2
    exit 2
}

install_missing() {
    local program missing=''
    for program in slurmctld slurmd munged; do
        command -v "$program" >/dev/null || missing=yes
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "no Slurm and no apt-get here; install Debian's slurm-wlm"
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq -y --no-install-recommends \
        install slurm-wlm munge >&2 ||
        fail "Slurm could not be installed: check the network, or apt-get update"
}

# Whoever is in the machines shows that he may speak with Slurm by a key of this cluster alone.
start_munge() {
    install -d -o munge -g munge -m 755 "$state/munge"
    dd if=/dev/urandom of="$state/munge/key" bs=128 count=1 status=none
    chmod 600 "$state/munge/key"
    chown munge: "$state/munge/key"
    "$machines" exec 1 setpriv --reuid munge --regid munge --clear-groups /usr/sbin/munged \
        --key-file "$state/munge/key" --socket "$state/munge/socket" --pid-file "$state/munge/pid" \
        --log-file "$state/munge/log" --seed-file "$state/munge/seed"
}

write_settings() {
    cat >"$state/slurm.conf" <<TEXT
ClusterName=canopy
SlurmctldHost=vm1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/%n/spool
TmpFS=$state/%n/tmp
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/%n/pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdLogFile=$state/%n/log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
MpiDefault=pmix
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=5
UnkillableStepTimeout=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=vm[1-$1] Sockets=1 CoresPerSocket=1 ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=60 State=UP PriorityTier=10 PreemptMode=off
TEXT
    printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nCgroupMountpoint=/sys/fs/cgroup\n' \
        >"$state/cgroup.conf"
}

up() {
    local count=${1:-} i wait
    [ "$(id -u)" = 0 ] || fail "a Slurm of one's own needs root"
    install_missing
    "$machines" up "$@"
    trap '[ $? -eq 0 ] || down' EXIT
    rm -rf "$state"
    mkdir -p "$state/controller"
    start_munge
    write_settings "$count"
    "$machines" exec 1 slurmctld -f "$state/slurm.conf"
    for ((i = 1; i <= count; i++)); do
        mkdir -p "$state/vm$i/spool" "$state/vm$i/tmp"
        "$machines" exec "$i" slurmd -f "$state/slurm.conf" -N "vm$i"
    done
    for ((wait = 0; wait < 100; wait++)); do
        if [ "$(on_machine 1 sinfo -h -o '%T %D' -p main 2>/dev/null)" = "idle $count" ]; then return; fi
        sleep 0.2
    done
    fail "the nodes do not become idle: $(tail -n 5 "$state/slurmctld.log" "$state"/vm*/log)"
}

on_machine() { "$machines" exec "$1" env SLURM_CONF="$state/slurm.conf" "${@:2}"; }

# All of Slurm runs in the machines, and ends with them.
down() {
    "$machines" down
    rm -rf "$state"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    up) up "$@" ;;
    exec) on_machine "$@" ;;
    down) down ;;
    *) sed -n '2,/^set/p' "$0" | sed '/^set/d; s/^# \{0,1\}//'; exit 2 ;;
esac
