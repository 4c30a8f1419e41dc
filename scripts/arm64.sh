#!/usr/bin/env bash
# Builds everything for linux/arm64 and runs there, under emulation (qemu-aarch64),
# what differs by machine: the kernels' tests, whether a step takes the kernels, and
# recorded steps with them. On an arm64 machine it does nothing: the ordinary tests
# are it.
#
# It needs Debian's gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, libstdc++6-arm64-cross
# and qemu-user (or qemu-user-static), and ONNX Runtime for linux/arm64, by `pmx runtime install
# --platform linux/arm64`. Whatever is missing is said once, and is an error with
# CI=true or PMX_REQUIRE_ALL=1.
set -euo pipefail
cd "$(dirname "$0")/.."

case $(uname -s)/$(uname -m) in Linux/aarch64 | Linux/arm64 | Darwin/arm64) exit 0 ;; esac

missing() {
  echo "arm64: $*, so nothing was tried for arm64" >&2
  if [ "${CI:-}" = true ] || [ "${PMX_REQUIRE_ALL:-}" = 1 ]; then exit 1; fi
  exit 0
}

cc=aarch64-linux-gnu-gcc
command -v $cc >/dev/null || missing "no $cc (Debian: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross)"
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || missing "no qemu-aarch64 (Debian: apt-get install qemu-user)"
# The folder of the C libraries: Debian's cross compiler takes them from beside itself, not from a sysroot.
root=$(dirname "$(dirname "$(realpath "$($cc -print-file-name=libc.so.6)")")")
[ -e "$root/lib/ld-linux-aarch64.so.1" ] || missing "no C library of arm64 beside $cc (Debian: apt-get install libc6-dev-arm64-cross)"
[ -e "$root/lib/libstdc++.so.6" ] || missing "no libstdc++ of arm64, which ONNX Runtime needs (Debian: apt-get install libstdc++6-arm64-cross)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
installed=$(go run ./cmd/pmx runtime install --platform linux/arm64 2>"$log") || missing "$(grep '^pmx:' "$log" || tail -n 1 "$log")"
PMX_ORT_LIB=$(sed -n 's/^.* is at //p' <<<"$installed")
export PMX_ORT_LIB

export GOOS=linux GOARCH=arm64 CGO_ENABLED=1 CC=$cc
go vet ./...
go build ./...

# A processor that there is, so that the numbers do not depend on the version of qemu.
emulated() { go test -exec "$qemu -cpu neoverse-n1 -L $root" "$@"; }
emulated -skip TestSanitizers ./runtimes/kernels # the sanitizers do not run under emulation
emulated -run 'TestKernelsTaken|TestParity/^ort_kernels_portable$' ./runtimes
