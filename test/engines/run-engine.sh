#!/usr/bin/env bash
# run-engine.sh DIR SCRIPT PORT [more] : runs SCRIPT, prints what it prints and then "ready", and waits for the end of its
# standard input. Then it stops the engine and removes DIR: also when the process that started it was killed.
set -uo pipefail
trap '' HUP INT TERM
here=$(cd "$(dirname "$0")" && pwd)
dir=$1; script=$2; shift 2
code=0
"$here/$script" "$dir" "$@" </dev/null || code=$?
[ "$code" != 0 ] || { echo ready; cat >/dev/null; }
"$here/stop-engine.sh" "$dir" --kill
rm -rf "$dir"
exit "$code"
