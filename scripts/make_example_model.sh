#!/usr/bin/env bash
# Makes configs/example-model again: tokenizer, text, pre-training from scratch, export as bf16.
# Needs scripts/setup.sh --oracles (the tokenizer is trained by pip `tokenizers`) and a build. About
# 20 minutes on one idle core of an AMD EPYC with AVX-512.
# Usage: scripts/make_example_model.sh OUTPUT_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/dependencies.sh
output=${1:?the folder to write the model to}
work=runs/example
torch=$(libtorch_folder)
for part in train valid; do
  scripts/example_text.sh "$part" "$torch" "$work/text/$part"
done
"$(dependency_folder oracles)/bin/python" scripts/make_example_tokenizer.py "$work/tokenizer" \
  "$work"/text/train/*.txt
for part in train valid; do
  build/ropewalk prepare "$work/text/$part"/*.txt --tokenizer "$work/tokenizer" \
    --output "$work/data/$part"
done
build/ropewalk train configs/pretrain-example.json --resume=auto
build/ropewalk export "$work/pretrain" "$output" --dtype bf16
