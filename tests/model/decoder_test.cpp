#include "ropewalk/model/decoder.h"

#include <gmock/gmock.h>

#include "model/fixture.h"
#include "model/rotary_cache.h"
#include "ops/with_threads.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using testing::largest_difference;

DecoderSpec small_spec() {
  DecoderSpec spec;
  spec.model_type = "llama";
  spec.vocab_size = 40;
  spec.hidden_size = 16;
  spec.intermediate_size = 24;
  spec.num_layers = 2;
  spec.layers.resize(2);
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 6;
  spec.initializer_range = 0.3;
  spec.rope.head_dim = spec.rope.rotary_dims = 6;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  return spec;
}

std::shared_ptr<Decoder> small_decoder(uint64_t seed = 3) {
  auto decoder = build_decoder(small_spec());
  decoder->initialize(seed);
  return decoder;
}

at::Tensor some_tokens(int64_t batch, int64_t count) {
  return at::arange(batch * count).mul(7).remainder(40).view({batch, count});
}

RopeParameters linear(double factor) {
  RopeParameters rope = small_spec().rope;
  rope.kind = RopeKind::kLinear;
  rope.factor = factor;
  rope.max_position_embeddings = static_cast<int64_t>(64 * factor);
  return rope;
}

TEST(DecoderTest, LossIsTheSumOfTokenLosses) {
  const auto decoder = small_decoder();
  const at::Tensor tokens = some_tokens(2, 9);
  at::Tensor targets = some_tokens(2, 10).slice(1, 1).contiguous();
  targets[1][3] = -100;
  const at::Tensor nll = decoder->token_nll(tokens, targets);
  EXPECT_EQ(nll.sizes(), targets.sizes());
  EXPECT_EQ(nll[1][3].item<float>(), 0.0f);
  EXPECT_NEAR(nll.sum().item<double>(), decoder->loss_sum(tokens, targets).item<double>(), 1e-3);
  const at::Tensor logits = decoder->logits(decoder->hidden(tokens));
  const at::Tensor plain =
      at::cross_entropy_loss(logits.flatten(0, 1), targets.flatten(), {}, at::Reduction::Sum);
  EXPECT_NEAR(plain.item<double>(), nll.sum().item<double>(), 1e-3);
}

TEST(DecoderTest, CachedTokensGiveTheSameLogits) {
  at::NoGradGuard no_grad;
  const auto decoder = small_decoder();
  const at::Tensor tokens = some_tokens(2, 30);
  const at::Tensor whole = decoder->logits(decoder->hidden(tokens));
  KvCache cache(2);
  for (const auto& [begin, end] :
       std::vector<std::pair<int64_t, int64_t>>{{0, 11}, {11, 12}, {12, 20}, {20, 21}, {21, 30}}) {
    const at::Tensor part = decoder->logits(decoder->hidden(tokens.slice(1, begin, end), &cache));
    EXPECT_EQ(cache.length(), end);
    EXPECT_LT(largest_difference(part, whole.slice(1, begin, end)), 1e-5);
  }
  cache.truncate(5);
  const at::Tensor again = decoder->logits(decoder->hidden(tokens.slice(1, 5, 9), &cache));
  EXPECT_LT(largest_difference(again, whole.slice(1, 5, 9)), 1e-5);
}

TEST(DecoderTest, FactorOneChangesNoBit) {
  at::NoGradGuard no_grad;
  const auto decoder = small_decoder();
  const at::Tensor tokens = some_tokens(1, 50), before = decoder->hidden(tokens);
  decoder->set_rope(linear(1.0));
  EXPECT_TRUE(decoder->hidden(tokens).equal(before));
}

TEST(DecoderTest, SetRopeIsUndoneBySettingItBackAndCopiesNoWeight) {
  at::NoGradGuard no_grad;
  const auto decoder = small_decoder();
  const at::Tensor tokens = some_tokens(1, 50), before = decoder->hidden(tokens);
  const void* weight = decoder->named_parameters()["layers.1.mlp.down.weight"].data_ptr();
  decoder->set_rope(linear(4.0));
  EXPECT_FALSE(decoder->hidden(tokens).equal(before));
  EXPECT_EQ(decoder->spec().rope.factor, 4.0);
  decoder->set_rope(small_spec().rope);
  EXPECT_TRUE(decoder->hidden(tokens).equal(before));
  EXPECT_EQ(decoder->named_parameters()["layers.1.mlp.down.weight"].data_ptr(), weight);
}

TEST(DecoderTest, ScaledTableAtPTimesFactorEqualsBaseTableAtP) {
  RotaryCache base(small_spec().rope, at::kCPU);
  for (const double factor : {2.0, 8.0, 16.0}) {
    RotaryCache scaled(linear(factor), at::kCPU);
    const int64_t s = static_cast<int64_t>(factor);
    const at::Tensor cos = scaled.tables(64 * s).cos.slice(0, 0, 64 * s, s);
    EXPECT_TRUE(cos.equal(base.tables(64).cos.slice(0, 0, 64))) << factor;
  }
}

TEST(DecoderTest, GrowingTablesKeepsEarlierRows) {
  RotaryCache cache(small_spec().rope, at::kCPU);
  const at::Tensor early = cache.tables(10).cos;
  const at::Tensor late = cache.tables(1000).cos;
  EXPECT_TRUE(late.slice(0, 0, early.size(0)).equal(early));
}

TEST(DecoderTest, InitializationDependsOnTheSeedOnly) {
  DecoderSpec spec = small_spec();
  spec.vocab_size = 2048;  // a matrix that threads share
  const auto made = [&](int threads, uint64_t seed) {
    auto decoder = build_decoder(spec);
    with_threads(threads, [&] { decoder->initialize(seed); });
    return decoder;
  };
  const auto one = made(1, 5), again = made(3, 5), other = made(3, 6);
  for (const auto& item : one->named_parameters()) {
    EXPECT_TRUE(again->named_parameters()[item.key()].equal(item.value())) << item.key();
  }
  EXPECT_FALSE(other->output_weight().equal(one->output_weight()));
}

TEST(DecoderTest, InitializedMatricesAreNormalWithTheGivenRange) {
  DecoderSpec spec = small_spec();
  spec.vocab_size = 2000;
  spec.qkv_bias = true;
  auto decoder = build_decoder(spec);
  decoder->initialize(1);
  const auto parameters = decoder->named_parameters();
  const at::Tensor weight = parameters["embed_tokens.weight"];
  EXPECT_NEAR(weight.mean().item<double>(), 0.0, 0.01);
  EXPECT_NEAR(weight.std().item<double>(), 0.3, 0.01);
  EXPECT_NEAR((weight.abs() < 0.3).to(at::kDouble).mean().item<double>(), 0.683, 0.01);
  EXPECT_TRUE(parameters["norm.weight"].equal(at::ones({16})));
  EXPECT_TRUE(parameters["layers.0.attention.qkv.bias"].equal(at::zeros({48})));
}

TEST(DecoderTest, TiedEmbeddingGetsBothGradients) {
  DecoderSpec spec = small_spec();
  spec.tied_embeddings = true;
  auto decoder = build_decoder(spec);
  decoder->initialize(1);
  EXPECT_FALSE(decoder->named_parameters().contains("lm_head.weight"));
  decoder->loss_sum(at::full({1, 3}, 4, at::kLong), at::full({1, 3}, 9, at::kLong)).backward();
  const at::Tensor grad = decoder->output_weight().grad();
  EXPECT_GT(grad[4].abs().sum().item<double>(), 0.0);
  EXPECT_GT(grad[9].abs().sum().item<double>(), 0.0);
}

class CountingRunner final : public BlockRunner {
 public:
  BlockOutputs run(Block& block, const BlockInputs& inputs) override {
    ++count;
    return block.forward(inputs);
  }
  int count = 0;
};

TEST(DecoderTest, EveryBlockGoesThroughTheRunner) {
  const auto decoder = small_decoder();
  const auto runner = std::make_shared<CountingRunner>();
  decoder->set_block_runner(runner);
  decoder->hidden(some_tokens(1, 4));
  EXPECT_EQ(runner->count, 2);
  EXPECT_EQ(decoder->blocks().size(), 2u);
}

TEST(DecoderTest, DropoutIsRefusedInTrainingOnly) {
  DecoderSpec spec = small_spec();
  spec.dropouts = {{"attention_dropout", 0.1}};
  DecoderOptions options;
  options.for_training = true;
  try {
    build_decoder(spec, options);
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("attention_dropout"));
  }
  const auto decoder = build_decoder(spec);
  decoder->initialize(1);
  const at::Tensor tokens = some_tokens(1, 4);
  EXPECT_NO_THROW(decoder->token_nll(tokens, tokens));
  EXPECT_THROW(decoder->loss_sum(tokens, tokens), ConfigError);
}

TEST(DecoderTest, OtherComputeTypesAreRefused) {
  DecoderOptions options;
  options.compute_dtype = at::kHalf;
  EXPECT_THROW(build_decoder(small_spec(), options), ConfigError);
}

}  // namespace
}  // namespace ropewalk
