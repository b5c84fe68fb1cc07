#!/bin/sh
# Create a virtual environment with the first Python that is new enough and complete.
#   create_venv.sh FOLDER [PYTHON]
set -eu
folder=$1
oldest="(3, 11)"

fit() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c "import ensurepip, sys, venv; sys.exit(sys.version_info < $oldest)" 2>/dev/null
}

if [ $# -gt 1 ]; then
    candidates=$2
else
    candidates="python3.11 python3.12 python3.13 python3.14 python3 python"
fi
for python in $candidates; do
    if fit "$python"; then
        # "$(...)" resolves shims, so that the environment outlives a change of PATH.
        exec "$("$python" -c 'import sys; print(sys.executable)')" -m venv --clear "$folder"
    fi
done
echo "No Python 3.11 or newer with its venv module was found (looked for: $candidates)." >&2
echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it:" >&2
echo "  make PYTHON=/path/to/python3" >&2
exit 1
