#!/usr/bin/env bash
# The last line of `make test`, in the words of `make verify` and `make e2e`.
# $1 holds the pass, fail and skip events of `go test -json`. A package that fails without a failed test
# (it does not build, it panics, it runs out of time) counts as one failure.
set -euo pipefail
awk '
  match($0, /"Package":"[^"]*"/) { package = substr($0, RSTART, RLENGTH) }
  /"Test":"/ && /"Action":"pass"/ { passed++ }
  /"Test":"/ && /"Action":"skip"/ { skipped++ }
  /"Test":"/ && /"Action":"fail"/ { failed++; blamed[package] = 1 }
  !/"Test":"/ && /"Action":"fail"/ { if (!(package in blamed)) failed++ }
  END { printf "test: %d passed, %d failed, %d skipped\n", passed, failed, skipped }
' "$1"
