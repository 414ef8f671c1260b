#!/usr/bin/env bash
# Print the path of a Python that TensorFlow has wheels for (3.11-3.13); `PYTHON=...` overrides the search.
set -u
check='import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
  if "$name" -c "$check" >/dev/null 2>&1; then
    "$name" -c 'import sys; print(sys.executable)'
    exit 0
  fi
done
cat >&2 <<EOF
akid needs Python 3.11, 3.12 or 3.13 with venv and pip (the range with TensorFlow wheels).
Found: $(python3 --version 2>&1 || echo "no python3"). Tried: ${PYTHON:-python3 python3.13 python3.12 python3.11}.
Install one of them (Debian: apt install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.12
EOF
exit 1
