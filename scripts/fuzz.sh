#!/usr/bin/env bash
# Runs every fuzz target of the module, one after the other, FUZZTIME each (30s).
#
# Go's own setting for minimising, a minute for each input that is new, would eat
# that time: most inputs here are files of thousands of bytes. Ten tries are enough
# to read a finding. The same holds for a single target:
#
#   go test -run '^$' -fuzz '^FuzzReadModel$' -fuzzminimizetime 10x ./onnxgraph
set -euo pipefail
cd "$(dirname "$0")/.."

grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file target; do
  target=${target#func }
  echo "$target in $(dirname "$file")"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" -fuzzminimizetime 10x "$(dirname "$file")" </dev/null
done
