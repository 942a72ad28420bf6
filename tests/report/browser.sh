#!/usr/bin/env bash
# Opens a report in headless Chromium and looks at it as a reader would.
#
#   tests/report/browser.sh FILE.html|URL [SCREENSHOTS]
#
# Fails on errors in the console, on any network request but those of the page itself, and when a
# section of the page is not drawn. SCREENSHOTS is a folder for pictures at 1280 and 390 pixels, light
# and dark, and printed; without it none are kept.
# Exit status: 0 all is well, 1 it is not, 2 wrong usage, 77 no browser here.
set -euo pipefail

if (($# < 1 || $# > 2)); then
  echo "usage: tests/report/browser.sh FILE.html|URL [SCREENSHOTS]" >&2
  exit 2
fi
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [[ -z $browser ]] || ! /usr/bin/python3 -c 'import websocket' 2>/dev/null; then
  echo "skipped: chromium or python3-websocket is missing; jobs/install.sh --tests installs them"
  exit 77
fi
case $1 in
  http://* | https://*) page=$1 ;;
  *) page=file://$(realpath -e "$1") ;;
esac
exec /usr/bin/python3 "$(dirname "$0")/browser.py" "$browser" "$page" "${2:-}"
