#!/usr/bin/env bash
# Removes the images that this harness has loaded into an engine: each is several hundred MiB, and the cache can load it again.
# One that a cluster still uses stays; `make down` removes that. Nothing is printed where nothing is to do.
set -euo pipefail

# ours ENGINE : what it holds under the names that only this harness gives, "localhost/meshproof/..."
ours() { "$1" images --format '{{.Repository}}:{{.Tag}}' | grep '^localhost/meshproof/' || true; }

for engine in docker podman; do
  if ! command -v "$engine" >/dev/null || ! timeout 20 "$engine" info >/dev/null 2>&1; then continue; fi
  for image in $(ours "$engine"); do
    # Without -f, by which an engine would take the image from under a container.
    if "$engine" rmi "$image" >/dev/null 2>&1; then
      printf 'clean: %s: removed %s\n' "$engine" "$image"
    else
      printf 'clean: %s: %s is in use and stays\n' "$engine" "$image"
    fi
  done
done
