#!/usr/bin/env bash
# Sees to it that this machine has a container engine. As root on Debian or Ubuntu it installs podman and what podman
# needs, through apt, only what is missing; elsewhere it names what to install. It prints nothing where nothing is to do.
#
# ENGINE=docker|podman settles for that one; auto (the default) is content with either.
# Whether the engine can run the testbed is not judged here: `meshproof doctor` does that, and `make e2e` begins with it.
set -euo pipefail

readonly engine=${ENGINE:-auto}
# runc, because crun refuses a machine whose cgroup hierarchy is not unified; iptables, because netavark calls it.
readonly packages=(podman runc conmon netavark aardvark-dns iptables)

# answers COMMAND... : does the engine itself answer, not only its command line?
answers() { command -v "$1" >/dev/null && timeout 20 "$@" >/dev/null 2>&1; }

docker_works() { answers docker info; }

podman_works() {
  answers podman info && command -v iptables >/dev/null || return 1
  [ -f /sys/fs/cgroup/cgroup.controllers ] || command -v runc >/dev/null
}

engine_works() {
  case $engine in
    docker) docker_works ;;
    podman) podman_works ;;
    auto) docker_works || podman_works ;;
    *) refuse "ENGINE=$engine is not known; it is auto, podman or docker" ;;
  esac
}

refuse() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}

# closed_to_us: is there a docker whose daemon this user may not ask?
closed_to_us() { command -v docker >/dev/null && [[ $(LC_ALL=C timeout 20 docker info 2>&1) == *'permission denied'* ]]; }

debian_like() { command -v apt-get dpkg-query >/dev/null; }

missing() {
  local name
  for name in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

# available NAME... : does apt know a version of each, without asking the network?
available() {
  local name
  for name in "$@"; do
    apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]' || return 1
  done
}

apt() { LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

# renew_lists waits where another apt is at it: apt does so by itself for the lock of dpkg, not for that of its lists.
renew_lists() {
  local output
  until output=$(apt update 2>&1); do
    printf '%s\n' "$output"
    grep -q 'Could not get lock' <<<"$output" && [ "$SECONDS" -lt 300 ] || return
    sleep 2
  done
}

# fetch_and_install NAME... : the lists of a machine may be absent or older than the archive, and only then are they renewed.
fetch_and_install() {
  available "$@" && apt install -y --no-install-recommends "$@" && return
  renew_lists
  apt install -y --no-install-recommends "$@"
}

install_podman() {
  local names
  mapfile -t names < <(missing)
  [ ${#names[@]} -gt 0 ] || refuse "podman is installed but does not answer; \`podman info\` says why"
  printf 'setup: installing %s (apt)\n' "${names[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  fetch_and_install "${names[@]}" >"$log" 2>&1 || {
    cat "$log" >&2
    refuse "apt could not install ${names[*]}; the lines above say why. Docker Engine, or podman 4 or newer with runc, netavark and aardvark-dns, will do as well"
  }
  podman_works || refuse "podman was installed but does not answer; \`podman info\` says why"
  printf 'setup: %s, installed in %d s\n' "$(podman --version)" "$SECONDS"
}

engine_works && exit
[ "$engine" = podman ] || ! closed_to_us ||
  refuse "docker does not answer to you; run as root, or become a member of its group and log in again: sudo usermod -aG docker $(id -un)"
[ "$engine" != docker ] || refuse "docker does not answer; start its daemon, or use ENGINE=podman"
debian_like || refuse "no container engine answers; install Docker Engine, or podman 4 or newer with runc, and start it"
[ "$(id -u)" = 0 ] || refuse "no container engine answers; as root: apt-get install ${packages[*]} (or install Docker Engine)"
install_podman
