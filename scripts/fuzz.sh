#!/usr/bin/env bash
# Every fuzz target of the repository, FUZZTIME each (a minute), one after the other: go fuzzes one at a time. RUN chooses by name.
# An input that reaches new code is hardly made smaller: by default that takes the whole minute. What a target finds is written below its testdata/fuzz,
# where every test run tries it again. GOMAXPROCS says how many cores it may take.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=()
while IFS=: read -r file name; do
  [[ $name =~ ${RUN:-.} ]] || continue
  package=./$(dirname "$file")
  printf '=== %s %s\n' "$package" "$name"
  if go test "$package" -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-1m}" -fuzzminimizetime 10x </dev/null; then
    passed=$((passed + 1))
  else
    failed+=("$name")
  fi
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/')

[ ${#failed[@]} -eq 0 ] || printf 'failed: %s\n' "${failed[*]}"
printf 'fuzz: %d passed, %d failed\n' "$passed" ${#failed[@]}
[ "$passed" -gt 0 ] && [ ${#failed[@]} -eq 0 ]
