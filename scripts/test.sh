#!/usr/bin/env bash
# Everything that is checked: sets up what the tests need, lints, then runs all
# tests with the race detector in a random order, and the kernels' for arm64 under
# emulation. CI runs exactly this.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/setup.sh
./scripts/lint.sh

# operator_cases says how many of ONNX's own operator cases each runtime runs, and
# why not the others: go test does not show that of tests that pass.
operator_cases() {
  go test -v -run '^(TestEval|TestOperatorCases)$' ./onnxgraph/conformance ./runtimes |
    sed -n "s/^.*_test.go:[0-9]*: \(.*operator cases ran\)/\1/p; s/\( is not registered\):.*/\1/; s/^  *\([0-9]*: \)/  \1/p"
}
operator_cases || true # the run of everything tells what failed
go test -race -timeout 30m -shuffle=on "$@" ./...
./scripts/arm64.sh
