#!/bin/sh
# Make /opt/venv of a requirements file, to the last hash, without pip.
set -eu
python3 -m venv --without-pip /opt/venv
/opt/pip/bin/pip --python /opt/venv/bin/python install \
  --no-cache-dir --no-compile --require-hashes --no-deps --only-binary :all: --requirement "$1"
