#!/usr/bin/env bash
# install-engines.sh ceph|swift|postgres|network|all ... : Debian packages that the scripts here need.
# Daemons that the packages would start are not wanted: the scripts start their own. Needs root.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: $0 ceph|swift|postgres|network|all ..." >&2; exit 2; }
pkgs=(curl ca-certificates)
for what in "$@"; do
  case $what in
    ceph) pkgs+=(ceph-mon ceph-osd radosgw ceph-common) ;;
    swift) pkgs+=(swift-proxy swift-account swift-container swift-object memcached) ;;
    postgres) pkgs+=(postgresql-15 pgbouncer) ;;
    network) pkgs+=(nftables iproute2) ;;
    all) exec bash "$0" ceph swift postgres network ;;
    *) echo "unknown: $what" >&2; exit 2 ;;
  esac
done
missing=(); for p in "${pkgs[@]}"; do dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p"); done
[ ${#missing[@]} -gt 0 ] || exit 0
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
# For the time of the installation only: packages must not start (or make) servers of their own.
made=0
if [ ! -e /usr/sbin/policy-rc.d ]; then printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; made=1; fi
trap '[ $made = 0 ] || rm -f /usr/sbin/policy-rc.d' EXIT
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
