#!/usr/bin/env bash
# Format, vet and golangci-lint (.golangci.yml), which compiles once, a minute or two.
# Says nothing unless something is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

unformatted=$(git ls-files -co --exclude-standard -- '*.go' | xargs -r gofmt -l)
if [ -n "$unformatted" ]; then
  echo "lint: not formatted, run gofmt -w on:" $unformatted >&2
  exit 1
fi
go vet ./...
if ! said=$(go run "$golangci" run 2>&1); then
  echo "$said" >&2
  exit 1
fi
