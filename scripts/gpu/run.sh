#!/usr/bin/env bash
# Runs the checks of a folder that prepare.sh made, the most telling first, and writes
# report.json and report.log. It needs bash, coreutils, tar, gzip, and for the rows of
# PyTorch a Python that has torch.
#
#   FOLDER/run.sh [RESULTS]     RESULTS: where both files go; the current folder if left out
#
#   PYTHON   the Python that has torch (python3)
#   LIMIT    seconds after which it ends, whatever runs or hangs (570)
#
# Each check has a limit of its own, and its failure does not end the others. The exit
# status is 0 if every check passed.
set -uo pipefail
kit=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-.}"
results=$(cd "${1:-.}" && pwd)
report=$results/report.json log=$results/report.log
device=$(cat "$kit/device")
python=${PYTHON:-python3}
limit=${LIMIT:-570}
work=$(mktemp -d)
failed=0 rows=() absent='' running=''
: >"$log"

finish() {
  [ -z "$running" ] || kill -KILL -- "-$running" 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

say() { echo "$*" | tee -a "$log"; }

# quoted TEXT is a JSON string.
quoted() {
  local text
  text=$(printf '%s' "$1" | tr -d '\000-\037')
  text=${text//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# write_report writes what is known so far, so that a machine that dies leaves it.
write_report() {
  {
    printf '{\n  "device": %s,\n  "gpu": %s,\n  "processor": %s,\n' "$(quoted "$device")" "$(quoted "$gpu")" "$(quoted "$processor")"
    printf '  "pmx": %s,\n  "missing_libraries": %s,\n  "seconds": %d,\n  "checks": [' "$(quoted "$version")" "$(quoted "$absent")" "$SECONDS"
    local separator=''
    for row in ${rows[@]+"${rows[@]}"}; do
      printf '%s\n    %s' "$separator" "$row"
      separator=,
    done
    printf '\n  ]\n}\n'
  } >"$report.new"
  mv "$report.new" "$report"
}

# note NAME STATUS SECONDS RESULT adds a check to the report.
note() {
  rows+=("{\"check\": $(quoted "$1"), \"status\": $(quoted "$2"), \"seconds\": $3, \"result\": $4}")
  [ "$2" = passed ] || failed=1
  say "$(printf '%-12s %4d s  %s' "$2" "$3" "$1")"
  write_report
}

reserve=0 # seconds that are kept for what comes last

# check NAME LIMIT COMMAND... runs a command in a process group of its own. If its last
# line of output is a JSON object, it is the check's result.
check() {
  local name=$1 most=$(($2 * patience)) begin=$SECONDS status=0 result=null output=$work/output last
  shift 2
  local left=$((limit - SECONDS - reserve - 8)) # 8: to kill, and to write the report
  [ "$most" -le "$left" ] || most=$left
  if [ "$most" -lt 1 ]; then note "$name" 'not run' 0 null; return 1; fi
  printf '\n== %s (at most %d s): %s\n' "$name" "$most" "$*" >>"$log"
  set -m
  "$@" >"$output" 2>&1 </dev/null &
  running=$!
  set +m
  while kill -0 "$running" 2>/dev/null && [ $((SECONDS - begin)) -lt "$most" ]; do sleep 0.2; done
  if kill -0 "$running" 2>/dev/null; then
    kill -TERM -- "-$running" 2>/dev/null
    sleep 2
    kill -KILL -- "-$running" 2>/dev/null # a process that hangs in a driver stays; it is not waited for
    status='timed out'
  else
    wait "$running"
    status=$?
    if [ "$status" = 0 ]; then status=passed; else status="failed ($status)"; fi
  fi
  running=''
  cat "$output" >>"$log"
  last=$(grep -v '^[[:space:]]*$' "$output" | tail -n 1)
  if [ "$status" = passed ] && [[ $last == '{'*'}' ]]; then result=$last; fi
  note "$name" "$status" $((SECONDS - begin)) "$result"
  [ "$status" = passed ]
}

pmx() { "$kit/pmx" "$@"; }

# tests PACKAGE PATTERN runs tests of a package. A test that is skipped is a failure,
# since a prerequisite is missing that the folder should hold.
tests() {
  cd "$kit/project/$1" && PMX_TEST_DEVICE=$device PMX_REQUIRE_ALL=1 ./tests -test.count=1 -test.v -test.run "$2" >"$work/tests" 2>&1
  local status=$?
  grep -E '^ *--- (FAIL|SKIP)|^ +[a-z_]+\.go:[0-9]+:|^(panic|FAIL|ok|PASS)' "$work/tests" | head -n 300
  local passed
  passed=$(grep -c '^ *--- PASS' "$work/tests")
  echo "{\"passed\": $passed, \"failed\": $(grep -c '^ *--- FAIL' "$work/tests"), \"skipped\": $(grep -c '^ *--- SKIP' "$work/tests")}"
  [ "$status" = 0 ] && [ "$passed" -gt 0 ]
}

join_library() {
  (cd "$kit" && sha256sum --quiet -c SHA256SUMS) || return
  mkdir -p "$work/library" "$work/cases"
  cat "$kit"/library.tar.gz.* | tar -xz -C "$work/library" || return
  tar -xz -C "$work/cases" -f "$kit/operator_cases.tar.gz"
}

# python_libraries lists the folders of CUDA's libraries among Python's packages.
python_libraries() {
  "$python" - <<'PYTHON'
import importlib.util, pathlib
spec = importlib.util.find_spec("nvidia")
for root in spec.submodule_search_locations if spec else []:
    for folder in sorted(pathlib.Path(root).glob("*/lib")):
        print(folder)
PYTHON
}

# resume stops a run by SIGTERM in the middle, resumes it, and compares with a run that
# was not stopped, bit for bit. The state is on the device.
resume() {
  local recipe=(--preset quickstart --set epochs=2 --set warmup_epochs=1 "${resume_recipe[@]}" --device "$device" --no-knn
    --checkpoint-every-steps 1 --keep 99)
  cd "$work" && rm -rf whole stopped
  pmx train "${recipe[@]}" --out whole || return
  "$kit/pmx" train "${recipe[@]}" --out stopped &
  local run=$!
  while kill -0 $run 2>/dev/null && [ ! -e stopped/checkpoints/000003.safetensors ]; do sleep 0.02; done
  kill -TERM $run 2>/dev/null
  wait $run
  local code=$?
  [ "$code" = 143 ] || { echo "the run that SIGTERM stops exits with $code, want 143"; return 1; }
  pmx train --resume --out stopped || return
  cmp whole/encoder.safetensors stopped/encoder.safetensors
}

quickstart() {
  cd "$work" && pmx train --preset quickstart "${quickstart_recipe[@]}" --device "$device" --out quickstart || return
  pmx eval knn quickstart --k 10,20 --device "$device"
}

# peer NAME MODE BATCH SIZES... times PyTorch's step.
peer() {
  local name=$1 mode=$2 batch=$3 most=60
  shift 3
  [ "$mode" != compile ] || most=100
  check "step $name/$batch pytorch-$mode" "$most" "$python" "$kit/pytorch_step.py" --mode "$mode" --device "$device" --batch "$batch" \
    --steps 5 --warmup 2 "$@"
}

# compare NAME BATCH PRESET "RECIPE..." "PYTORCH..." times a step by pmx and its peers.
compare() {
  local name=$1 batch=$2 preset=$3 recipe=$4 sizes=$5
  # shellcheck disable=SC2086 # lists of words
  check "step $name/$batch pmx" 60 "$kit/pmx" bench step --json --device "$device" --preset "$preset" --set batch="$batch" \
    --set drop_path=0 --set local_crops=0 $recipe --steps 5 --warmup 2
  # shellcheck disable=SC2086
  for mode in $modes; do peer "$name" "$mode" "$batch" $sizes; done
}

case $device in
cuda)
  modes='eager compile bf16'
  resume_recipe=(--set batch=500) quickstart_recipe=()
  gemm=4096 last=100 patience=1
  ;;
cpu) # the smallest of everything
  modes=eager
  resume_recipe=(--set batch=4 --set hidden=16 --set depth=1 --set data="folder:$kit/project/images") quickstart_recipe=(--epochs 1 --set hidden=16 --set depth=1)
  gemm=256 last=60 patience=5 # the machine may be busy
  ;;
esac

gpu=none
if [ "$device" = cuda ] && command -v nvidia-smi >/dev/null; then
  gpu=$(timeout 20 nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1 | head -n 1)
fi
processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
version=$(timeout 20 "$kit/pmx" version 2>&1 | head -n 1)
write_report

if ! check 'the folder is whole' 60 join_library; then
  say "the folder is damaged or incomplete: copy it again"
  exit 1
fi
export PMX_ORT_LIB=$work/library/libonnxruntime.so PMX_ONNX_TESTDATA=$work/cases
if [ "$device" = cuda ]; then
  LD_LIBRARY_PATH=$(python_libraries 2>>"$log" | paste -sd: -)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
  absent=$(ldd "$work/library/libonnxruntime_providers_cuda.so" 2>/dev/null | awk '/not found/ {print $1}' | paste -sd' ' -)
  say "LD_LIBRARY_PATH=$LD_LIBRARY_PATH"
  [ -z "$absent" ] || say "the loader does not find: $absent"
fi

check "product of two matrices" 60 "$kit/pmx" bench gemm --json --device "$device" --size "$gemm"
check 'recorded steps and features' 100 tests runtimes '^(TestParity.*|TestFeatures)$/^ort$'
check 'operator cases of ONNX' 90 tests runtimes '^TestOperatorCases$/^ort$'
check 'resume bit for bit' 60 resume
check "the detector's operators" 40 tests onnxgraph/op '^(TestRoiAlignRecorded|TestNonMaxSuppressionRecorded)$'
check "the detector's parts" 40 tests builders/detect '^Test(Anchors|BoxCoder|Matcher|Levels|PasteMasks|MaskTargets)$'
check "the detector's backbone" 40 tests builders '^TestViTDetRecorded$'

reserve=$last
if [ "$device" = cuda ]; then
  tiny='--dim 192 --depth 12 --heads 3 --img 32 --patch 4'
  small='--dim 384 --depth 12 --heads 12 --img 224 --patch 16 --momentum'
  base='--dim 768 --depth 12 --heads 12 --img 224 --patch 16 --momentum'
  for round in 1 2 3; do
    compare T/32/4 $((64 << 2 * (round - 1))) cifar-tiny '--set patch_size=4' "$tiny"
    compare S/224/16 $((32 << 2 * (round - 1))) imagenet-small '' "$small"
    compare B/224/16 $((16 << 2 * (round - 1))) imagenet-base '' "$base"
  done
else
  compare T/32/16 4 cifar-tiny '--set patch_size=16 --set depth=1 --set hidden=64' '--dim 192 --depth 1 --heads 3 --img 32 --patch 16 --hidden 64'
fi
reserve=0
check quickstart "$last" quickstart

say ""
say "$report, $log"
exit "$failed"
