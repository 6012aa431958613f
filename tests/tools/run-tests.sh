#!/bin/sh
# Runs tests through Meson and ends with a true count of them.
#
#   run-tests.sh BUILD_DIR [OPTION OF meson test...]
set -eu

build=$1
shift
log=$build/meson-logs/testlog.json

# What an earlier run has left must not be counted when this one does not come so far.
rm -f "$log"
status=0
meson test -C "$build" --print-errorlogs "$@" || status=$?
exec python3 "$(dirname "$0")/count-tap.py" --status "$status" "$log"
