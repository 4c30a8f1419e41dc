# make build       bin/pmx
# make test        everything, as CI runs it; installs what it needs first
# make lint        gofmt, go vet, golangci-lint
# make fuzz        every fuzz target for FUZZTIME (30s) each
# make quickstart  from nothing to an encoder: install the runtime, train on the
#                  built-in sample, evaluate, export

.PHONY: build test lint fuzz quickstart

build:
	@command -v go >/dev/null || { echo "make build: Go is needed, 1.26 or newer: install it from its own site" >&2; exit 1; }
	@echo '#include <stdlib.h>' | $$(go env CC) -E - >/dev/null 2>&1 || \
		{ echo "make build: a C compiler is needed: apt-get install gcc libc6-dev" >&2; exit 1; }
	@[ -e bin/pmx ] || echo "building bin/pmx: one to two minutes the first time"
	@go build -o bin/pmx ./cmd/pmx

test:
	@./scripts/test.sh

lint:
	@./scripts/lint.sh

fuzz:
	@./scripts/fuzz.sh

quickstart: build
	./bin/pmx runtime install
	./bin/pmx train --preset quickstart --out runs/quickstart --overwrite
	./bin/pmx eval knn runs/quickstart --k 10,20
	./bin/pmx eval knn runs/quickstart --k 10,20 --raw-pixels
