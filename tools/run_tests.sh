#!/bin/sh
# Run all tests: side by side first, then, alone, those that use real llama.cpp or real time.
#   run_tests.sh PYTHON JOBS
set -eu
python=$1
jobs=$2
nothing_collected=5
failed=0

"$python" -m pytest -n "$jobs" -m "not serial" || failed=$?
serial=0
"$python" -m pytest -m serial || serial=$?
if [ "$serial" -ne 0 ] && [ "$serial" -ne "$nothing_collected" ]; then
    failed=$serial
fi
exit "$failed"
