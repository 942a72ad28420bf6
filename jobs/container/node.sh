#!/usr/bin/env bash
# What a container of compose.yaml does: lets the others in by ssh, and runs the words that it is given,
# if any, as soon as all machines of HOSTFILE answer.
#
#   jobs/container/node.sh [COMMAND...]
#
# The containers share /root/.ssh, a volume: the first one makes the key for all of them.
set -euo pipefail

# shellcheck source=jobs/supervise.sh
source "$(dirname "${BASH_SOURCE[0]}")/../supervise.sh"

make_key() {
  mkdir -p /root/.ssh
  chmod 700 /root/.ssh
  exec 9>/root/.ssh/lock
  flock 9
  if [[ ! -f /root/.ssh/id_ed25519 ]]; then
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
    cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
    printf 'Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n' \
      >/root/.ssh/config
    chmod 600 /root/.ssh/authorized_keys /root/.ssh/config
  fi
  exec 9>&-
}

wait_for_hosts() {
  local host try
  for host in $(hosts_of "$HOSTFILE"); do
    for ((try = 0; try < 60; ++try)); do
      if answers "$host"; then continue 2; fi
      sleep 1
    done
    echo "node.sh: $host does not answer ssh" >&2
    exit 1
  done
}

make_key
if (($# == 0)); then
  exec /usr/sbin/sshd -D -e
fi
/usr/sbin/sshd
wait_for_hosts
exec "$@"
