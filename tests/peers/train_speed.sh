#!/usr/bin/env bash
# How many times faster than PyTorch does Canopy train small networks, on one core?
#
#   tests/peers/train_speed.sh [--quick] [--core N] [--build DIR]
#
# Builds what is missing, installs nothing. Debian's python3-torch is the peer.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ -x $top/build/tests/peers/time_train ]] || "$top/jobs/build.sh" --tests
exec /usr/bin/python3 -B "$top/tests/peers/train_speed.py" "$@"
