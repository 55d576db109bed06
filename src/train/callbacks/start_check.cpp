#include "train/callbacks/start_check.h"

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// Of a model that knows its text, perplexity is far below its vocabulary's size.
constexpr double kGuessingShare = 1.0 / 8;
// What no tuning mends within a fine-tuning's steps.
constexpr double kExploded = 1e3;
constexpr double kExplodedOverTrained = 30;

// Of a layout over the right one: 0.19 and 0.35 for two models of 1 M parameters.
constexpr double kClearlyBetter = 0.8;

std::string shown(const PerplexityResult& result) {
  return "perplexity " + format_rounded(result.perplexity) + " at window " +
         std::to_string(result.window);
}

bool has_exploded(const PerplexityResult& result, const PerplexityResult& trained) {
  return !(result.perplexity <= kExploded) &&
         !(result.perplexity <= kExplodedOverTrained * trained.perplexity);
}

std::string explosion(const PerplexityResult& result, const StartNumbers& numbers) {
  const std::string found = shown(result) + " before the first step, where the model as it was " +
                            "pre-trained has " + shown(numbers.trained);
  const std::string length = std::to_string(numbers.trained_length);
  if (result.window <= numbers.trained_length) {
    return found + ": the scaling breaks the model within its own context of " + length +
           " tokens. Check model.pos_scaling_factor and model.pos_scaling_type";
  }
  if (result.factor == 1) {
    return found + ": positions beyond the " + length +
           " of pre-training are not scaled. That is the shape of direct tuning; for Position "
           "Interpolation set model.pos_scaling_factor to " +
           format_number(static_cast<double>(result.window) /
                         static_cast<double>(numbers.trained_length));
  }
  return found + ": " + result.kind + " positions with factor " + format_number(result.factor) +
         " should stay finite beyond the context of " + length +
         ". Check model.pos_scaling_factor, model.original_max_position_embeddings and "
         "model.pos_scaling_type";
}

}  // namespace

std::vector<std::string> doubts_about_start(const StartNumbers& numbers) {
  const PerplexityResult& trained = numbers.trained;
  const double guessing = kGuessingShare * static_cast<double>(numbers.vocab_size);
  const double other = numbers.other_layout.value_or(trained.perplexity);
  if (other <= guessing && !(other >= kClearlyBetter * trained.perplexity)) {
    return {shown(trained) + " under the positions of pre-training, but " + format_rounded(other) +
            " with the other rotary layout: the rows of the query and key weights are in the order "
            "of that one (interleaved pairs as in GPT-J and Meta's own files, halves as in Hugging "
            "Face's). Convert the checkpoint to the layout of its config.json"};
  }
  if (!(trained.perplexity <= guessing)) {
    return {shown(trained) + " under the positions of pre-training is near guessing among " +
            format_count(numbers.vocab_size) +
            " tokens: the weights, the rotary layout or the tokenizer are not what this model was "
            "trained with, or the text is unlike all that it knows"};
  }
  std::vector<std::string> doubts;
  for (const PerplexityResult& result : numbers.started) {
    if (has_exploded(result, trained)) doubts.push_back(explosion(result, numbers));
  }
  return doubts;
}

}  // namespace ropewalk
