#!/usr/bin/env bash
# Runs a COMMAND beside a Docker of its own, on a machine that has none or only podman: scripts/docker.sh bin/meshproof e2e (what `make docker` does)
#
# The daemon is Debian 13's, in a root of its own under the cache (about 3 minutes the first time). It lives in namespaces of its own: its network,
# its rules of iptables and every container go with it when COMMAND ends, and the machine's own stay untouched. COMMAND shares its network and its
# process numbers, so it reaches what Docker publishes on 127.0.0.1 and nothing else: get images beforehand, with `make images`.
#
# It takes root and a Debian with debootstrap, which apt installs if need be. Exit code 69 says that this machine cannot run such a Docker, and why.
set -euo pipefail

readonly home=${XDG_CACHE_HOME:-$HOME/.cache}/meshproof/docker
readonly root=$home/root data=$home/data run=$home/run
readonly unavailable=69 # EX_UNAVAILABLE of sysexits(3)

cannot() {
  printf 'docker: %s\n' "$*" >&2
  exit "$unavailable"
}

# make_root makes the daemon's root. It has its name only once it is whole.
make_root() {
  [ ! -x "$root/usr/sbin/dockerd" ] || return 0
  local mirror part=$home/part
  command -v debootstrap >/dev/null || {
    apt-get -qq update && apt-get -qq install -y --no-install-recommends debootstrap
  } >"$home/apt.log" 2>&1 || cannot "apt cannot install debootstrap: $(tail -n 1 "$home/apt.log")"
  # Whatever archive apt uses here; Debian signs both releases.
  # shellcheck disable=SC2016 # apt fills $(SITE) in
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -i debian | grep -v security | head -n 1) ||
    cannot "apt knows no archive of Debian"
  printf 'docker: making its root, about 3 minutes\n' >&2
  rm -rf "$part"
  debootstrap --variant=minbase --include=docker.io,docker-cli,iptables,nftables,iproute2,ca-certificates,kmod trixie "$part" "$mirror" \
    >"$home/debootstrap.log" 2>&1 || cannot "debootstrap: $(tail -n 1 "$home/debootstrap.log")"
  mv "$part" "$root"
}

# daemon becomes dockerd, with mounts of its own. A chroot would not do: runc's own pivot_root would leave containers in the
# machine's root.
daemon() {
  mkdir -p "$root/var/lib/docker" "$root/run/meshproof" "$root/lib/modules" "$root/machine"
  mount --make-rprivate /
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount --bind "$data" "$root/var/lib/docker"
  mount --bind "$run" "$root/run/meshproof"
  cd "$root"
  pivot_root . machine
  umount -l /machine
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin
  exec dockerd --host unix:///run/meshproof/docker.sock --exec-root /run/meshproof/exec --pidfile /run/meshproof/docker.pid
}

# client writes a docker that starts from everywhere: the root's own, with the root's own libraries.
client() {
  mkdir -p "$home/bin"
  printf '#!/bin/sh\nexec "%s/lib64/ld-linux-x86-64.so.2" --library-path "%s/usr/lib/x86_64-linux-gnu" "%s/usr/bin/docker" "$@"\n' "$root" "$root" "$root" \
    >"$home/bin/docker"
  chmod +x "$home/bin/docker"
}

# beside runs COMMAND with the daemon beside it.
beside() {
  local status=0
  ip link set lo up
  rm -rf "$data" "$run" # of one that was killed
  mkdir -p "$data" "$run"
  # A process group of its own: a Ctrl-C is for COMMAND, which has a testbed to take down, and needs its daemon for that.
  set -m
  unshare --mount "$0" --daemon >"$home/dockerd.log" 2>&1 &
  set +m
  daemon=$!
  trap 'kill "$daemon" && wait "$daemon"; rm -rf "$data" "$run"' EXIT # a node's image has several hundred MiB
  export DOCKER_HOST=unix://$run/docker.sock PATH=$home/bin:$PATH
  until docker version >/dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null && [ "$SECONDS" -lt 60 ] || cannot "dockerd does not start: $(tail -n 1 "$home/dockerd.log")"
    sleep 0.2
  done
  printf 'docker: Docker %s answers\n' "$(docker version --format '{{.Server.Version}}')" >&2
  "$@" || status=$?
  return "$status"
}

case ${1:-} in
  '' | -h | --help)
    sed -n '2,/^set/{s/^# \{0,1\}//;/^set/d;p}' "$0"
    [ -n "${1:-}" ] || exit 2
    ;;
  --daemon) daemon ;;
  --beside) shift && beside "$@" ;;
  *)
    [ "$(id -u)" = 0 ] || cannot "making a Docker of its own takes root"
    mkdir -p "$home"
    make_root
    client
    # The first process of the namespace is this script: with it goes whatever is left.
    exec unshare --net --pid --fork --kill-child --mount-proc "$0" --beside "$@"
    ;;
esac
