#!/usr/bin/env bash
# The Debian packages that `make e2e` needs: installs what is missing, starts nothing. Quick when all is there.
set -euo pipefail
packages=(
  containerd runc containernetworking-plugins   # the nodes
  iproute2 iptables util-linux mount            # their network and namespaces
  busybox-static                                # the image of the pods' sandboxes
  buildah debootstrap                           # the images
  docker-registry apache2-utils openssl         # a registry with a password
  glusterfs-server glusterfs-client             # the volumes
  chromium-headless-shell                       # a browser that looks at TensorBoard
)
missing=()
for package in "${packages[@]}"; do
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0
if ! command -v apt-get >/dev/null || [[ $EUID -ne 0 ]]; then
  echo "missing packages, which root can install with apt on Debian: ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# Services of these packages are not to run on this machine: 101 is "forbidden" (invoke-rc.d, deb-systemd-invoke).
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "${missing[@]}"
