#!/usr/bin/env bash
# Everything that is checked: sets up what the tests need, lints, then runs all
# tests with the race detector in a random order, and the kernels' for arm64 under
# emulation. CI runs exactly this.
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/setup.sh
./scripts/lint.sh
go test -race -shuffle=on "$@" ./...
./scripts/arm64.sh
