#include "ropewalk/parallel/recompute.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "ropewalk/model/decoder.h"

namespace ropewalk::parallel {
namespace {

std::shared_ptr<Decoder> small_decoder(at::ScalarType type = at::kFloat) {
  DecoderSpec spec;
  spec.vocab_size = 30;
  spec.hidden_size = 16;
  spec.intermediate_size = 24;
  spec.num_layers = 3;
  spec.layers.resize(3);
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 4;
  spec.qkv_bias = spec.output_bias = true;
  spec.rope.head_dim = spec.rope.rotary_dims = 4;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  DecoderOptions options;
  options.compute_dtype = type;
  auto decoder = build_decoder(spec, options);
  decoder->initialize(1);
  return decoder;
}

const at::Tensor kTokens = at::arange(22).view({2, 11});

void run_backward(Decoder& decoder) { decoder.loss_sum(kTokens, kTokens + 1).backward(); }

void expect_same_gradients(const Decoder& a, const Decoder& b) {
  const auto theirs = b.named_parameters();
  for (const auto& item : a.named_parameters()) {
    EXPECT_TRUE(theirs[item.key()].grad().equal(item.value().grad())) << item.key();
  }
}

TEST(RecomputeTest, GradientsAreTheSameBits) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const auto plain = small_decoder(type), recomputed = small_decoder(type);
    recomputed->set_block_runner(make_recompute_runner());
    run_backward(*plain);
    run_backward(*recomputed);
    expect_same_gradients(*plain, *recomputed);
  }
}

TEST(RecomputeTest, DocumentsStayApartInBackward) {
  const auto documents =
      std::make_shared<ops::Documents>(ops::make_documents({4, 9, 9}, kTokens.device()));
  const auto plain = small_decoder(), recomputed = small_decoder();
  recomputed->set_block_runner(make_recompute_runner());
  for (const auto& decoder : {plain, recomputed}) {
    decoder->loss_sum(kTokens, kTokens + 1, documents).backward();
  }
  expect_same_gradients(*plain, *recomputed);
}

TEST(RecomputeTest, GradientsAccumulateOverMicroSteps) {
  const auto decoder = small_decoder();
  decoder->set_block_runner(make_recompute_runner());
  run_backward(*decoder);
  const at::Tensor once = decoder->named_parameters()["layers.0.mlp.down.weight"].grad().clone();
  run_backward(*decoder);
  EXPECT_TRUE(decoder->named_parameters()["layers.0.mlp.down.weight"].grad().allclose(2 * once));
}

TEST(RecomputeTest, FrozenEmbeddingsStillTrainTheBlocks) {
  const auto plain = small_decoder(), recomputed = small_decoder();
  recomputed->set_block_runner(make_recompute_runner());
  for (const auto& decoder : {plain, recomputed}) {
    decoder->named_parameters()["embed_tokens.weight"].set_requires_grad(false);
    decoder->named_parameters()["layers.1.mlp_norm.weight"].set_requires_grad(false);
    run_backward(*decoder);
  }
  EXPECT_FALSE(recomputed->named_parameters()["embed_tokens.weight"].grad().defined());
  EXPECT_FALSE(recomputed->named_parameters()["layers.1.mlp_norm.weight"].grad().defined());
  for (const auto& name : {"layers.0.attention.qkv.weight", "layers.2.mlp.down.weight"}) {
    EXPECT_TRUE(
        recomputed->named_parameters()[name].grad().equal(plain->named_parameters()[name].grad()));
  }
}

TEST(RecomputeTest, EachParameterIsAccumulatedOnce) {
  const auto decoder = small_decoder();
  decoder->set_block_runner(make_recompute_runner());
  int calls = 0;
  decoder->named_parameters()["layers.1.attention.qkv.weight"].register_hook([&](at::Tensor grad) {
    ++calls;
    return grad;
  });
  run_backward(*decoder);
  EXPECT_EQ(calls, 1);
}

TEST(RecomputeTest, WithoutGradientsBlocksRunOnce) {
  at::NoGradGuard no_grad;
  const auto plain = small_decoder(), recomputed = small_decoder();
  recomputed->set_block_runner(make_recompute_runner());
  EXPECT_TRUE(recomputed->hidden(kTokens).equal(plain->hidden(kTokens)));
}

}  // namespace
}  // namespace ropewalk::parallel
