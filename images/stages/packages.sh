#!/bin/sh
# Make /opt/venv of a requirements file, to the last hash, without pip and without symbols.
set -eu
python3 -m venv --without-pip /opt/venv
/opt/pip/bin/pip --python /opt/venv/bin/python install \
  --no-cache-dir --no-compile --require-hashes --no-deps --only-binary :all: --requirement "$1"
cd /opt/venv/lib/python3*/site-packages
# Libraries that wheels have bundled (`*.libs`) stay as they are: numpy's do not load once they are stripped.
find . -path './*.libs' -prune -o -path ./nvidia -prune -o \
  -type f \( -name '*.so' -o -name '*.so.*' \) -exec strip --strip-unneeded {} +
