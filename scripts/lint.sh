#!/usr/bin/env bash
# Format, vet and staticcheck. Says nothing unless something is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

unformatted=$(git ls-files -co --exclude-standard -- '*.go' | xargs -r gofmt -l)
if [ -n "$unformatted" ]; then
  echo "lint: not formatted, run gofmt -w on:" $unformatted >&2
  exit 1
fi
go vet ./...
go run "$staticcheck" ./...
