#!/bin/sh
# Make /opt/venv of the distributions in these directories, without what they need: a layer of their own, the last one.
set -eu
/opt/pip/bin/pip wheel --no-cache-dir --no-deps --no-index --no-build-isolation --wheel-dir /opt/wheels "$@"
python3 -m venv --without-pip /opt/venv
/opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --no-index /opt/wheels/*.whl
