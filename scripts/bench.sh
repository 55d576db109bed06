#!/usr/bin/env bash
# Speed and memory, as Markdown: training steps of ours against `transformers` as it comes and tuned,
# steps alternating, as medians of the ratios ours / peer of the same round; then weak scaling over two
# ranks, start to first step, the parallel modes, and this machine. What is in OUTPUT is not measured again.
#
# Usage: scripts/bench.sh [OUTPUT_FOLDER]      default runs/bench
# Environment: MODELS (s m), SHAPES (4x512 1x2048 1x8192), THREADS (1 2), PEERS (hf,eager,compile)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/dependencies.sh
output=${1:-runs/bench}
mkdir -p "$output"
scripts/setup.sh --oracles
cmake --preset release -DROPEWALK_TESTS=ON -DROPEWALK_BENCH=ON >/dev/null
cmake --build --preset release --target ropewalk ropewalk_engine ropewalk_train_step_bench
python=$(dependency_folder oracles)/bin/python
for threads in ${THREADS:-1 2}; do
  for model in ${MODELS:-s m}; do
    for shape in ${SHAPES:-4x512 1x2048 1x8192}; do
      cell=$output/$model-$shape-$threads.json
      [ -e "$cell" ] && continue
      rounds=5
      [ "$shape" = 1x8192 ] && rounds=3
      "$python" scripts/bench_peer.py --bench build/tests/ropewalk_train_step_bench \
        --model "$model" --shape "$shape" --threads "$threads" --peers "${PEERS:-hf,eager,compile}" \
        --rounds "$rounds" --json "$cell"
    done
  done
done
data=$output/data
if [ ! -e "$data" ]; then
  scripts/example_text.sh valid "$(libtorch_folder)" "$output/text"
  build/ropewalk prepare "$output"/text/*.txt --tokenizer configs/example-model --output "$data"
fi
for what in weak start; do
  [ -e "$output/$what.json" ] && continue
  "$python" scripts/bench_train.py "$what" --data "$data" --json "$output/$what.json"
done
"$python" scripts/bench_parallel.py --data "$data" --json "$output/parallel.json" >/dev/null
"$python" scripts/bench_table.py "$output"
