#!/bin/sh
# Usage: nightly.sh SCENARIO FOLDER
# One run a night into FOLDER/DATE; tries again where that can help, and ends with the exit code of the last try.
set -u
scenario=$1
out=$2/$(date -u +%F)
tries=0
while :; do
    resilience run "$scenario" --out "$out" --json --quiet > "$2/last.json"
    code=$?
    tries=$((tries + 1))
    case $code in
        69 | 74 | 75) [ "$tries" -lt "${TRIES:-5}" ] || exit "$code" ;;
        *) exit "$code" ;;
    esac
    sleep "${WAIT_SECONDS:-600}"
done
