#!/usr/bin/env bash
# Brings what the tests need and is not there yet. It can be run again and again.
#
#   Debian packages   dataset-fashion-mnist (images), libonnx-testdata (operator cases);
#                     a cross compiler and qemu for scripts/arm64.sh (not on arm64)
#   .venv-pmx         stock onnxruntime and numpy, for the test of examples/train_step.py;
#                     onnx, sympy and Pillow for those of exported encoders
#   .venv-ort         onnxruntime-training-cpu, for the tests of examples/train_artifacts.py
#   .venv-torch       PyTorch, timm, torchvision, transformers, fvcore and mmpretrain, for the
#                     test of the formats that pmx writes for them (4 GB: the wheel of
#                     PyTorch for Linux does not load without CUDA's libraries)
#   ONNX Runtime      the library, and on linux/amd64 that of ONNX Runtime Training,
#                     by `pmx runtime install`, in the user's cache; arm64.sh brings
#                     the one for linux/arm64 by itself
#
# With CI=true or PMX_REQUIRE_ALL=1 whatever cannot be brought is an error;
# otherwise it is said once, and the tests that need it skip with a message.
set -euo pipefail
cd "$(dirname "$0")/.."

strict=0
if [ "${CI:-}" = true ] || [ "${PMX_REQUIRE_ALL:-}" = 1 ]; then strict=1; fi

missing() {
  echo "setup: $*" >&2
  if [ "$strict" = 1 ]; then exit 1; fi
}

# quietly COMMAND...: its output is shown only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" != 0 ]; then cat "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

for tool in go gcc; do
  command -v "$tool" >/dev/null || { echo "setup: $tool is not installed: apt-get install golang gcc, or Go from its own site" >&2; exit 1; }
done

debian_packages() {
  local wanted=() sudo=()
  [ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] || wanted+=(dataset-fashion-mnist)
  [ -e /usr/lib/python3/dist-packages/onnx/backend/test/data/node ] || wanted+=(libonnx-testdata)
  if [ "$(uname -s)/$(uname -m)" = Linux/x86_64 ]; then
    command -v aarch64-linux-gnu-gcc >/dev/null || wanted+=(gcc-aarch64-linux-gnu)
    [ -e /usr/aarch64-linux-gnu/lib/libc.so ] || wanted+=(libc6-dev-arm64-cross)
    [ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] || wanted+=(libstdc++6-arm64-cross)
    command -v qemu-aarch64 >/dev/null || command -v qemu-aarch64-static >/dev/null || wanted+=(qemu-user)
  fi
  [ ${#wanted[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null && sudo -n true 2>/dev/null || { missing "as root: apt-get install ${wanted[*]}"; return 0; }
    sudo=(sudo -n)
  fi
  command -v apt-get >/dev/null || { missing "no apt-get here for ${wanted[*]}"; return 0; }
  quietly "${sudo[@]}" apt-get update || true
  quietly "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${wanted[@]}" ||
    missing "apt-get could not install ${wanted[*]}"
}

# environment FOLDER PYTHON PINS...: a Python environment of exactly these packages.
# The stamp, which is there before anything else, says that the folder is ours to replace.
environment() {
  local folder=$1 python=$2
  shift 2
  local stamp=$folder/pmx-pins
  [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$*" ] && return 0
  [ ! -e "$folder" ] || [ -e "$stamp" ] || { missing "$folder is not of make test: move it away"; return 0; }
  rm -rf "$folder"
  mkdir "$folder"
  echo unfinished >"$stamp"
  if quietly "$python" -m venv "$folder" && quietly "$folder/bin/python" -m pip install --disable-pip-version-check "$@"; then
    echo "$*" >"$stamp"
  else
    rm -rf "$folder"
    missing "could not make $folder with $* (Debian: apt-get install python3-venv)"
  fi
}

python_packages() {
  command -v python3 >/dev/null || { missing "no python3 for the test of examples/train_step.py"; return 0; }
  environment .venv-pmx python3 onnxruntime==1.27.0 numpy==2.3.5 onnx==1.23.2 sympy==1.14.0 pillow==12.0.0
}

# The training wheel is for Python 3.11, shares its package name with the stock
# one, and lists more packages than its artifacts' interface uses.
training_packages() {
  local python
  for python in python3.11 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || continue
    environment .venv-ort "$python" --no-deps onnxruntime-training-cpu==1.19.2 numpy==1.26.4 onnx==1.17.0 protobuf==5.29.5
    return
  done
  missing "no Python 3.11 for the tests of examples/train_artifacts.py (Debian 12: apt-get install python3 python3-venv)"
}

# Exactly these, without what no test uses of their requirements: triton alone is 1 GB,
# and OpenMMLab's ask for libraries of a desktop.
torch_packages() {
  command -v python3 >/dev/null || { missing "no python3 for the test of written weights"; return 0; }
  local pins=(
    torch==2.15.0 torchvision==0.29.2 timm==1.0.31 transformers==5.24.0 numpy==2.3.5 pillow==12.0.0 safetensors==0.8.0
    # of torch
    filelock==4.3.1 fsspec==2026.9.0 Jinja2==3.1.6 MarkupSafe==3.0.4 mpmath==1.3.0 networkx==3.6.1 setuptools==84.2.1 sympy==1.14.0 typing_extensions==4.16.0
    # of timm and transformers
    annotated-doc==0.0.7 anyio==4.16.0 click==8.5.1 h11==0.16.0 hf-xet==1.8.0 httpcore2==2.16.2 httpx2==2.16.2 huggingface_hub==2.4.0 idna==3.20
    markdown-it-py==4.3.0 mdurl==0.1.2 packaging==26.4 Pygments==2.21.0 PyYAML==6.0.4 regex==2026.11.19 rich==15.0.0 shellingham==1.5.4
    tokenizers==0.23.3 tqdm==4.70.1 truststore==0.10.5 typer==0.29.2
    # fvcore has the Checkpointer under detectron2's, which is on no registry
    fvcore==0.1.5.post20221221 iopath==0.1.10 portalocker==4.4.2 tabulate==0.10.0 termcolor==3.3.0 yacs==0.1.8
    # OpenMMLab's
    mmpretrain==1.2.0 mmcv-lite==2.1.0 mmengine-lite==0.10.7 addict==2.4.0 einops==0.8.2 importlib_metadata==8.7.0 mat4py==0.6.0
    model-index==0.1.11 ordered-set==4.1.0 Markdown==3.11.3 opencv-python-headless==4.12.0.88 platformdirs==4.14.9 yapf==0.43.0 zipp==4.1.2
    matplotlib==3.11.2 contourpy==1.3.3 cycler==0.12.1 fonttools==4.68.0 kiwisolver==1.5.1 pyparsing==3.3.3 python-dateutil==4.0.0 six==1.17.0
  )
  if [ "$(uname -s)" = Linux ]; then
    pins+=(nvidia-cublas==13.4.1.3 nvidia-cuda-cupti==13.2.86 nvidia-cuda-nvrtc==13.2.86 nvidia-cuda-runtime==13.2.86 nvidia-cudnn-cu13==9.26.0.51
      nvidia-cufft==12.2.0.57 nvidia-cufile==1.17.1.22 nvidia-cusolver==12.2.0.11 nvidia-cusparse==12.7.10.12 nvidia-cusparselt-cu13==0.8.1
      nvidia-nccl-cu13==2.30.7 nvidia-nvjitlink==13.5.37 nvidia-nvshmem-cu13==3.7.2 nvidia-nvtx==13.2.86)
  fi
  environment .venv-torch python3 --no-deps "${pins[@]}"
}

runtime_libraries() {
  quietly go run ./cmd/pmx runtime install || missing "pmx runtime install failed"
  quietly go run ./cmd/pmx runtime install ort-training || missing "pmx runtime install ort-training failed"
}

debian_packages
python_packages
training_packages
torch_packages
runtime_libraries
