#!/usr/bin/env bash
# From a clone to a model whose context was stretched: sets up, builds, extends the example model with
# two data-parallel ranks (stopped and resumed on the way), tunes it directly for comparison, evaluates
# before and after, and exports the result. Ends with a table and a picture.
#
# Usage: scripts/quickstart.sh        everything is written to runs/quickstart
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/dependencies.sh

model=configs/example-model
base_window=256
factor=2
window=$((base_window * factor))
windows=$base_window,384,$window
out=runs/quickstart
program=build/ropewalk

say() { printf '\n== %s\n' "$*"; }

say "set-up and build"
scripts/setup.sh
cmake --preset release -DROPEWALK_TESTS=OFF >/dev/null
cmake --build --preset release --target ropewalk ropewalk_engine
rm -rf "$out"
mkdir -p "$out"
started=$SECONDS

say "text: Python sources of the installed torch wheel, tokenized"
for part in train valid; do
  scripts/example_text.sh "$part" "$(libtorch_folder)" "$out/text/$part"
done
"$program" prepare "$out"/text/train/0[0-3]*.txt --tokenizer "$model" --output "$out/data/train"
"$program" prepare "$out"/text/valid/*.txt --tokenizer "$model" --output "$out/data/valid"

# evaluate NAME CHECKPOINT [OPTION...]
evaluate() {
  local name=$1 checkpoint=$2
  shift 2
  "$program" eval perplexity "$checkpoint" --data "$out/data/valid" --windows "$windows" \
    --max-documents 6 --json "$out/$name.json" "$@" >"$out/$name.txt"
}

say "before: the example model at its own window ($base_window) and beyond it"
evaluate base "$model" --factors 1,$factor
evaluate yarn "$model" --factors $factor --scaling yarn
cat "$out/base.txt"

say "extend: max_position_embeddings and pos_scaling_factor, as a run config"
"$program" extend "$model" --to "$window" --data "$out/data/train" -o "$out/run.json"

settings=(--nproc 2 --set train.steps=50 --set train.global_batch_size=4
  --set train.micro_batch_size=2 --set optimizer.learning_rate=1e-4 --set schedule.warmup_steps=5
  --set log.every_steps=5 --set checkpoint.every_steps=0)

say "tune: two ranks, stopped by SIGTERM after 20 steps and resumed"
"$program" train "$out/run.json" "${settings[@]}" --set train.run_dir="$out/tuned" &
trainer=$!
until grep -qs '"step":20,' "$out/tuned/metrics.jsonl" || ! kill -0 "$trainer" 2>/dev/null; do
  read -rt 0.2 <> <(:) || true
done
kill -TERM "$trainer" 2>/dev/null || true
code=0
wait "$trainer" || code=$?
echo "the trainer ended with exit code $code (75: saved, go on with --resume)"
"$program" train "$out/run.json" "${settings[@]}" --set train.run_dir="$out/tuned" --resume

say "for comparison: the same steps without interpolation (pos_scaling_factor 1)"
"$program" train "$out/run.json" "${settings[@]}" --set train.run_dir="$out/direct" \
  --set model.pos_scaling_factor=1

say "after"
evaluate tuned "$out/tuned/checkpoints/step-00000050"
evaluate direct "$out/direct/checkpoints/step-00000050"
"$program" export "$out/tuned" "$out/extended-model"
"$program" verify "$out/extended-model"

say "result ($((SECONDS - started)) s after the build)"
"$program" eval compare "base=$out/base.json" "base=$out/yarn.json" "tuned=$out/tuned.json" \
  "tuned directly=$out/direct.json" --plot "$out/perplexity.svg" \
  --title "example model, context $base_window -> $window, 50 steps on two ranks, lower is better" |
  tee "$out/table.txt"
cat <<END

picture         $out/perplexity.svg
exported model  $out/extended-model (transformers: AutoModelForCausalLM.from_pretrained)
your own        change max_position_embeddings and pos_scaling_factor in a run config;
                \`$program extend CHECKPOINT --to LENGTH\` writes one. See docs/extending_a_context.md
END
