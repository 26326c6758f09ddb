#!/usr/bin/env bash
# Are the Envoys that images from packages run those of the Envoy project? The wheels they come in are somebody else's. The project publishes the sums of
# its programs with each release, in one signed list; this compares. It needs gh and the network.
#
# ENVOY_KEYS names a file with the project's public keys, taken from where you trust them: then the signature is verified as well.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly versions=fixtures/images/packages/versions.yaml
# version and sum of each, a line each
known=$(awk '$1 == "-" && $2 == "version:" { version = $3 } $1 == "program:" { print version, $2 }' $versions)
[ -n "$known" ] || {
  echo "envoy-origin: no pinned version in $versions" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
verified="its signature not verified"
if [ -n "${ENVOY_KEYS:-}" ]; then
  gpg --batch --quiet --homedir "$folder" --import "$ENVOY_KEYS"
  verified="its signature verified"
fi

other=0
while read -r version pinned; do
  gh release download "v$version" --repo envoyproxy/envoy --pattern checksums.txt.asc --dir "$folder" --clobber
  [ -z "${ENVOY_KEYS:-}" ] || gpg --batch --quiet --homedir "$folder" --verify "$folder/checksums.txt.asc"
  program=envoy-$version-linux-x86_64
  released=$(awk -v name="$program" '{ sub(/.*\//, "", $2) } $2 == name { print $1 }' "$folder/checksums.txt.asc")
  if [ "$released" = "$pinned" ]; then
    printf 'envoy-origin: the pinned Envoy %s is the one that the project released (%s)\n' "$version" "$verified"
  else
    printf 'envoy-origin: the pinned Envoy %s has the SHA-256 %s, the project released %s (%s)\n' "$version" "$pinned" "${released:-no $program}" "$verified" >&2
    other=1
  fi
done <<<"$known"
exit $other
