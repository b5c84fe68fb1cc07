#!/bin/sh
# Write constraints.txt: the newest versions that satisfy pyproject.toml, in a fresh environment.
#   pin_constraints.sh PYTHON
# Run it with the oldest Python that is supported: what installs there installs on newer ones.
set -eu
python=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$python" -m venv "$scratch/venv"
pip="$scratch/venv/bin/python -m pip --disable-pip-version-check"
$pip install --quiet hatchling editables
$pip install --quiet --no-build-isolation --editable '.[dev]'
{
    echo "# Versions that are known to work together, development tools included."
    echo "# Written by \`make constraints\`; not edited by hand."
    $pip freeze --exclude-editable --exclude pip --exclude setuptools --exclude wheel |
        grep -E '^[A-Za-z0-9._-]+==[^ ]+$' | LC_ALL=C sort -f
} >"$scratch/constraints.txt"
mv "$scratch/constraints.txt" constraints.txt
echo "constraints.txt: $(grep -c '==' constraints.txt) versions pinned" >&2
