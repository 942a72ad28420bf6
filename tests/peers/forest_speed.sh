#!/usr/bin/env bash
# How many times faster than its peers are Canopy's forests, on one core?
#
#   tests/peers/forest_speed.sh [--quick] [--core N] [--build DIR] [--only NAME]
#
# Builds what is missing, installs nothing: peers that are not there are left out and named. Answers
# of earlier runs stand in results/forest-speed.md.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
[[ -x $top/build/tests/peers/time_forest ]] || "$top/jobs/build.sh" --tests
exec /usr/bin/python3 -B "$top/tests/peers/forest_speed.py" "$@"
