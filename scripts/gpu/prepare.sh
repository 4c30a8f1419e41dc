#!/usr/bin/env bash
# Makes a folder that checks pmx on a machine with an NVIDIA GPU on which nothing can be
# built or downloaded. run.sh in the folder does the checks.
#
#   scripts/gpu/prepare.sh FOLDER         for CUDA: linux/amd64; downloads 220 MB once
#   scripts/gpu/prepare.sh --cpu FOLDER   for the CPU, to try the folder itself
#
# The folder holds pmx, the test binaries with the recordings that they read, ONNX's
# operator cases, and the pinned ONNX Runtime in pieces of at most PIECE (56M). CUDA and
# cuDNN are not in it: run.sh finds those of the machine's PyTorch.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "prepare: $*" >&2; exit 1; }

device=cuda
if [ "${1:-}" = --cpu ]; then device=cpu; shift; fi
[ $# = 1 ] || fail "give one folder: scripts/gpu/prepare.sh [--cpu] FOLDER"
[ ! -e "$1" ] || [ -z "$(ls -A "$1")" ] || fail "$1 is not empty: name another folder, or delete it"
mkdir -p "$1"
kit=$(realpath "$1")

# Pieces of the project's tree that tests read, at the same places.
project=$kit/project
mkdir -p "$project"
cp go.mod "$project"
for package in runtimes onnxgraph/op builders builders/detect; do
  mkdir -p "$project/$package"
  go test -c -ldflags='-s -w' -o "$project/$package/tests" "./$package"
  [ ! -d "$package/testdata" ] || cp -r "$package/testdata" "$project/$package"
done
[ "$device" = cuda ] || { mkdir "$project/images" && cp images/testdata/decode/*.png "$project/images"; } # of a run with few steps
mkdir -p "$project/internal/recording"
cp -r internal/recording/testdata "$project/internal/recording"
if [ -d ../shared/fixtures ]; then # recordings that are not in the clone
  mkdir -p "$kit/shared/fixtures/detection"
  cp ../shared/fixtures/*.safetensors "$kit/shared/fixtures"
  cp ../shared/fixtures/detection/* "$kit/shared/fixtures/detection"
else
  echo "prepare: no ../shared/fixtures: only the recordings of the clone are checked" >&2
fi
cases=${PMX_ONNX_TESTDATA:-/usr/lib/python3/dist-packages/onnx/backend/test/data/node}
[ -e "$cases/test_add/model.onnx" ] || fail "no ONNX operator cases in $cases: apt-get install libonnx-testdata, or set PMX_ONNX_TESTDATA"
tar -cz -C "$cases" -f "$kit/operator_cases.tar.gz" .

go build -ldflags='-s -w' -o "$kit/pmx" ./cmd/pmx
case $device in
cuda) installed=$("$kit/pmx" runtime install --cuda) ;;
cpu) installed=$("$kit/pmx" runtime install) ;;
esac
library=$(sed -n 's/^.* is at //p' <<<"$installed")
[ -f "$library" ] || fail "pmx runtime install did not say where the library is: $installed"
tar -cz -C "$(dirname "$library")" . | split -b "${PIECE:-56M}" -d -a 3 - "$kit/library.tar.gz."

cp scripts/gpu/run.sh scripts/peers/pytorch_step.py "$kit"
echo "$device" >"$kit/device"
(cd "$kit" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
echo "$kit holds $(du -sh "$kit" | cut -f1) for $device: copy it to the machine and run $(basename "$kit")/run.sh there"
