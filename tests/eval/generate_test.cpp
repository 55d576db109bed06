#include "ropewalk/eval/generate.h"

#include <gmock/gmock.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <set>

namespace ropewalk {
namespace {

const std::vector<int32_t> kPrompt = {3, 5, 7};

std::shared_ptr<Decoder> small_decoder() {
  DecoderSpec spec{.model_type = "llama",
                   .vocab_size = 20,
                   .hidden_size = 16,
                   .intermediate_size = 24,
                   .num_layers = 1,
                   .num_heads = 2,
                   .num_kv_heads = 2,
                   .head_dim = 8,
                   .layers = {{}},
                   .initializer_range = 0.5};
  spec.rope.head_dim = spec.rope.rotary_dims = 8;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  auto decoder = build_decoder(spec);
  decoder->initialize(1);
  return decoder;
}

at::Tensor probabilities_of_next(Decoder& decoder, double temperature) {
  const at::NoGradGuard no_grad;
  const at::Tensor tokens = at::tensor({3, 5, 7}, at::kLong).view({1, 3});
  const at::Tensor logits = decoder.logits(decoder.hidden(tokens).select(1, -1)).view({-1});
  return at::softmax(logits.to(at::kDouble) / temperature, -1);
}

// The likeliest tokens that together hold `top_p`, by their definition.
std::set<int32_t> nucleus(const at::Tensor& probabilities, double top_p) {
  const auto [sorted, order] = probabilities.sort(/*dim=*/0, /*descending=*/true);
  std::set<int32_t> kept;
  double mass = 0;
  for (int64_t i = 0; i < sorted.numel() && mass < top_p; ++i) {
    kept.insert(static_cast<int32_t>(order[i].item<int64_t>()));
    mass += sorted[i].item<double>();
  }
  return kept;
}

int32_t drawn(Decoder& decoder, const GenerateOptions& options) {
  return generate(decoder, kPrompt, options).at(0);
}

TEST(Generate, TopPDrawsExactlyFromTheNucleus) {
  const auto decoder = small_decoder();
  for (const double temperature : {1.0, 0.7}) {
    for (const double top_p : {0.3, 0.6}) {
      const std::set<int32_t> allowed =
          nucleus(probabilities_of_next(*decoder, temperature), top_p);
      ASSERT_LT(allowed.size(), 20u);
      std::set<int32_t> seen;
      for (uint64_t seed = 0; seed < 400; ++seed) {
        seen.insert(
            drawn(*decoder,
                  {.max_new_tokens = 1, .temperature = temperature, .top_p = top_p, .seed = seed}));
      }
      EXPECT_EQ(seen, allowed) << temperature << " " << top_p;
    }
  }
}

TEST(Generate, FrequenciesFollowTheTemperature) {
  const auto decoder = small_decoder();
  constexpr int kDraws = 2000;
  const at::Tensor expected = probabilities_of_next(*decoder, 0.8);
  std::vector<int> counts(20);
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    ++counts.at(drawn(*decoder, {.max_new_tokens = 1, .temperature = 0.8, .seed = seed}));
  }
  for (int64_t token = 0; token < 20; ++token) {
    const double p = expected[token].item<double>();
    // Five standard deviations of a binomial count.
    EXPECT_NEAR(counts[token], kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)) + 1) << token;
  }
}

TEST(Generate, SamplingIsAFunctionOfTheSeed) {
  const auto decoder = small_decoder();
  const GenerateOptions options{.max_new_tokens = 20, .temperature = 1.3, .top_p = 0.9, .seed = 7};
  EXPECT_EQ(generate(*decoder, kPrompt, options), generate(*decoder, kPrompt, options));
  GenerateOptions other = options;
  other.seed = 8;
  EXPECT_NE(generate(*decoder, kPrompt, options), generate(*decoder, kPrompt, other));
}

TEST(Generate, TinyNucleusAndLowTemperatureAreGreedy) {
  const auto decoder = small_decoder();
  const auto greedy = generate(*decoder, kPrompt, {.max_new_tokens = 12, .greedy = true});
  EXPECT_EQ(generate(*decoder, kPrompt, {.max_new_tokens = 12, .top_p = 1e-9}), greedy);
  EXPECT_EQ(generate(*decoder, kPrompt, {.max_new_tokens = 12, .temperature = 1e-3}), greedy);
}

TEST(Generate, StopTokenEndsTheListAndIsPartOfIt) {
  const auto decoder = small_decoder();
  const auto whole = generate(*decoder, kPrompt, {.max_new_tokens = 12, .greedy = true});
  const auto cut = generate(
      *decoder, kPrompt, {.max_new_tokens = 12, .greedy = true, .stop_ids = {whole.at(0)}});
  EXPECT_THAT(cut, testing::ElementsAre(whole.at(0)));
}

}  // namespace
}  // namespace ropewalk
