#!/bin/sh
# What packages and wheels are made with. Nothing of it is in the image at the end.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends binutils
python3 -c 'import ensurepip' 2>/dev/null || apt-get install -y --no-install-recommends python3-venv
python3 -m venv /opt/pip
/opt/pip/bin/pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: --requirement "$1"
