#!/usr/bin/env bash
# Everything about this repository that can be judged without a cluster and without running its tests, but for those of the nested modules, which `make test`
# does not see, and the one that holds published reports against the sums they were published with.
# Each check is one function; all run, the failures are named at the end. The last line counts them.
#
# A check that cannot be made here (no network, tool not installed) is skipped with its reason;
# with CI_STRICT=1 it fails instead.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

readonly cannot=75 # what a check returns after naming the reason on its last line
readonly largest=$((512 * 1024))

root=$PWD
readonly root
tool() { go tool -modfile="$root/scripts/tools/go.mod" "$@"; }
linter() { go tool -modfile="$root/scripts/tools/lint/go.mod" golangci-lint "$@"; }

lint() { linter run ./...; }
format() { linter fmt --diff; }
tidy() { go mod tidy -diff; }
shell_format() { tool shfmt -d scripts .ci; }
shell_syntax() { git ls-files -z -- '*.sh' .ci/run | xargs -0 -r -n 1 bash -n; }
workflows() { tool actionlint; }
published() { go test -count=1 -run '^TestPublishedReportsKeepTheRules$' ./reports; }

# The pinned shellcheck is set up below bin, so that everybody gets the same answer; without pip or its index that of the machine will do.
shell_lint() {
  local shellcheck=$root/bin/python/bin/shellcheck requirements=scripts/tools/requirements.txt
  if [ ! "$shellcheck" -nt "$requirements" ]; then
    rm -rf bin/python
    python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
      --target bin/python -r "$requirements" >/dev/null 2>&1 && touch "$shellcheck"
  fi
  [ -x "$shellcheck" ] || shellcheck=$(command -v shellcheck) || {
    echo "shellcheck is not installed, and pip cannot get it"
    return $cannot
  }
  git ls-files -z -- '*.sh' .ci/run | xargs -0 -r "$shellcheck"
}

nested() { git ls-files -- '*/go.mod' | sed 's|/go.mod$||'; }

# What a nested module builds can be found, with a sum for everything; what it holds of our own is vetted and tested.
nested_modules() {
  local module output
  for module in $(nested); do
    output=$(cd "$module" && GOWORK=off go list -mod=readonly -deps tool 2>&1 >/dev/null) || {
      ! grep -qE 'dial tcp|no such host|i/o timeout|module lookup disabled' <<<"$output" || {
        echo "not checked: the modules of $module cannot be had from here"
        return $cannot
      }
      printf '%s: %s\n' "$module" "$output"
      return 1
    }
    [ -z "$(cd "$module" && go list ./... 2>/dev/null)" ] || (cd "$module" && go vet ./... && go test ./...) || return
  done
}

vulnerabilities() { govulncheck -tags e2e ./...; }

# The nested modules hold the most privileged programs: Kubernetes, Istio, containerd. By the packages that are linked: following calls through them takes
# more memory than a small machine has. A version beside the default one (fixtures/images/packages/versions.yaml) has the holes of its day, and is kept for
# them to be compared with.
nested_vulnerabilities() {
  local module worst=0 status
  for module in $(nested | grep -vE '/packages/(istio|kubernetes)-'); do
    govulncheck -C "$module" -scan package tool
    status=$?
    [ $status -ne $cannot ] || return $cannot
    [ $status -eq 0 ] || worst=$status
  done
  return $worst
}

# govulncheck exits 3 when it has found something; any other failure while fetching means that nothing was compared.
# GOVULNDB names a copy of the database, for a machine without the network.
govulncheck() {
  local output status
  output=$(timeout 300 go tool -modfile="$root/scripts/tools/go.mod" govulncheck ${GOVULNDB:+-db "$GOVULNDB"} "$@" 2>&1)
  status=$?
  if [ $status -ne 0 ] && [ $status -ne 3 ] && grep -q 'fetching vulnerabilities' <<<"$output"; then
    echo "not checked: the vulnerability database cannot be reached from here"
    return $cannot
  fi
  printf '%s\n' "$output"
  return $status
}

no_binaries() { none "binary files in git" "$(git ls-files --eol | awk -F '\t' '$1 ~ /^i\/-text/ { print $2 }')"; }

no_private_keys() {
  none "private keys in git" "$(git grep --cached -nE -e '^[[:space:]]*-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----[[:space:]]*$')"
}

# A published report is as large as its run wrote it.
no_large_files() {
  none "files larger than $((largest / 1024)) KiB in git" "$(git ls-files -s -- . ':!reports/published' | sed -E 's/^[0-9]+ ([0-9a-f]+) [0-9]+\t/\1 /' |
    git cat-file --batch-check='%(objectsize) %(rest)' | awk -v max=$largest '$1 > max')"
}

# none WHAT FOUND fails and prints FOUND unless it is empty.
none() {
  [ -z "$2" ] && return
  printf '%s:\n%s\n' "$1" "$2"
  return 1
}

passed=0
skipped=0
failed=()

# check NAME COMMAND... runs one check and prints one line, and the whole output where it failed.
check() {
  local name=$1 output status started=$SECONDS
  shift
  [ ! -t 1 ] || printf '...   %s\r' "$name"
  output=$("$@" 2>&1)
  status=$?
  if [ $status -eq $cannot ] && [ "${CI_STRICT:-0}" != 1 ]; then
    skipped=$((skipped + 1))
    printf 'skip  %-22s %s\n' "$name" "${output##*$'\n'}"
  elif [ $status -eq 0 ]; then
    passed=$((passed + 1))
    printf 'ok    %-22s %4d s\n' "$name" $((SECONDS - started))
  else
    failed+=("$name")
    printf 'FAIL  %-22s %4d s\n%s\n' "$name" $((SECONDS - started)) "$output"
  fi
}

check "modules tidy" tidy
check "Go formatted" format
check "Go linted" lint
check "nested modules" nested_modules
check "no known hole" vulnerabilities
check "nor in nested ones" nested_vulnerabilities
check "workflows valid" workflows
check "published as written" published
check "shell formatted" shell_format
check "shell parses" shell_syntax
check "shell linted" shell_lint
check "no binaries" no_binaries
check "no private keys" no_private_keys
check "no large files" no_large_files

[ ${#failed[@]} -eq 0 ] || printf 'failed: %s\n' "$(printf '%s, ' "${failed[@]}" | sed 's/, $//')"
printf 'verify: %d passed, %d failed, %d skipped\n' "$passed" ${#failed[@]} "$skipped"
[ ${#failed[@]} -eq 0 ]
