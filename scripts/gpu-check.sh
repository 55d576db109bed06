#!/usr/bin/env bash
# For a machine with NVIDIA GPUs: builds with the CUDA module, runs every test labelled `cuda` (kernels,
# NCCL ranks, parity with transformers, runs that are killed and go on) and the bench, trains the
# example model on all GPUs, and writes one report. It has not been run on a GPU.
#
# Usage: scripts/gpu-check.sh [REPORT]      default runs/gpu-check/report.txt
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/dependencies.sh
report=${1:-runs/gpu-check/report.txt}
out=$(dirname "$report")
build=build-gpu
rm -rf "$out"
mkdir -p "$out"
exec > >(tee "$report") 2>&1

gpus=$(nvidia-smi --list-gpus 2>/dev/null | wc -l)
if [ "$gpus" = 0 ]; then
  echo "gpu-check: no NVIDIA GPU here" >&2
  exit 2
fi
failed=0
check() {
  echo
  echo "== $*"
  "$@" || { failed=$((failed + 1)); echo "== FAILED with exit code $?: $*"; }
}

nvidia-smi
check scripts/setup.sh --full --oracles
check cmake --preset release -B "$build" -DROPEWALK_TESTS=ON -DROPEWALK_CUDA=ON -DROPEWALK_BENCH=ON
check cmake --build "$build"
check ctest --test-dir "$build" --output-on-failure --label-regex '^cuda$'
check python3 scripts/check_skips.py "$build/test-results" tests/allowed_skips.txt

program=$build/ropewalk
model=configs/example-model
# bench [OPTION...]: eight training steps on the first GPU, one JSON line each
bench() {
  printf '\n%.0s' {1..8} | "$build/tests/ropewalk_train_step_bench" "$model" --cuda --batch 32 \
    --sequence 256 "$@"
}
check bench
check bench --bf16
scripts/example_text.sh valid "$(libtorch_folder)" "$out/text"
check "$program" prepare "$out"/text/*.txt --tokenizer "$model" --output "$out/data"
check "$program" extend "$model" --to 512 --data "$out/data" -o "$out/run.json"
for precision in fp32 bf16; do
  settings=(--nproc "$gpus" --set train.precision=$precision --set train.run_dir="$out/$precision"
    --set train.global_batch_size=$((4 * gpus)) --set log.every_steps=10)
  check "$program" train "$out/run.json" "${settings[@]}" --set train.steps=30
  check "$program" train "$out/run.json" "${settings[@]}" --set train.steps=60 --resume
  check "$program" eval perplexity "$out/$precision/checkpoints/step-00000060" --data "$out/data" \
    --windows 256,512 --max-documents 4
done
# Sequences over pairs of GPUs, by both methods, packed and not; the model has two heads.
pairs=$((gpus / 2))
if [ "$pairs" -gt 0 ]; then
  for method in ring ulysses; do
    for packing in concat packed; do
      check "$program" train "$out/run.json" --nproc $((2 * pairs)) --set train.precision=bf16 \
        --set train.steps=30 --set train.run_dir="$out/context-$method-$packing" \
        --set train.global_batch_size=$((4 * pairs)) --set data.packing=$packing \
        --set parallel.context_parallel=2 --set parallel.context_parallel_method=$method \
        --set log.every_steps=10
    done
  done
fi
echo
echo "$failed checks failed"
[ "$failed" = 0 ]
