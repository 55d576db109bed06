#include "ropewalk/parallel/block_runner.h"

#include <gtest/gtest.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "ropewalk/model/decoder.h"

namespace ropewalk::parallel {
namespace {

std::shared_ptr<Decoder> small_decoder(at::ScalarType type = at::kFloat,
                                       ResidualKind residual = ResidualKind::kSerial) {
  DecoderSpec spec;
  spec.residual = residual;
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
    for (const Recompute recompute : {Recompute::kBlock, Recompute::kSelective}) {
      const auto plain = small_decoder(type), recomputed = small_decoder(type);
      recomputed->set_block_runner(make_block_runner({.recompute = recompute}));
      run_backward(*plain);
      run_backward(*recomputed);
      expect_same_gradients(*plain, *recomputed);
    }
  }
}

TEST(RecomputeTest, HalvesOfParallelBlocksMakeTheWhole) {
  for (const ResidualKind residual : {ResidualKind::kParallel, ResidualKind::kParallelShared}) {
    const auto plain = small_decoder(at::kFloat, residual),
               recomputed = small_decoder(at::kFloat, residual);
    recomputed->set_block_runner(make_block_runner({.recompute = Recompute::kSelective}));
    run_backward(*plain);
    run_backward(*recomputed);
    const auto expected = plain->named_parameters();
    for (const auto& item : recomputed->named_parameters()) {
      EXPECT_TRUE(at::allclose(item.value().grad(), expected[item.key()].grad(), 1e-4, 1e-5))
          << item.key();
    }
  }
}

TEST(RecomputeTest, DocumentsStayApartInBackward) {
  const auto documents =
      std::make_shared<ops::Documents>(ops::make_documents({4, 9, 9}, kTokens.device()));
  const auto plain = small_decoder(), recomputed = small_decoder();
  recomputed->set_block_runner(make_block_runner({.recompute = Recompute::kBlock}));
  for (const auto& decoder : {plain, recomputed}) {
    decoder->loss_sum(kTokens, kTokens + 1, documents).backward();
  }
  expect_same_gradients(*plain, *recomputed);
}

TEST(RecomputeTest, GradientsAccumulateOverMicroSteps) {
  const auto decoder = small_decoder();
  decoder->set_block_runner(make_block_runner({.recompute = Recompute::kBlock}));
  run_backward(*decoder);
  const at::Tensor once = decoder->named_parameters()["layers.0.mlp.down.weight"].grad().clone();
  run_backward(*decoder);
  EXPECT_TRUE(decoder->named_parameters()["layers.0.mlp.down.weight"].grad().allclose(2 * once));
}

TEST(RecomputeTest, FrozenEmbeddingsStillTrainTheBlocks) {
  const auto plain = small_decoder(), recomputed = small_decoder();
  recomputed->set_block_runner(make_block_runner({.recompute = Recompute::kBlock}));
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
  decoder->set_block_runner(make_block_runner({.recompute = Recompute::kBlock}));
  int calls = 0;
  decoder->named_parameters()["layers.1.attention.qkv.weight"].register_hook([&](at::Tensor grad) {
    ++calls;
    return grad;
  });
  run_backward(*decoder);
  EXPECT_EQ(calls, 1);
}

// What happened around the blocks, and whether their gradients were there by then.
class RecordingHooks final : public BlockHooks {
 public:
  explicit RecordingHooks(const Decoder& decoder) : decoder_(decoder) {}
  void before_forward(const Block& block) override { add("f+", block); }
  void after_forward(const Block& block, bool recorded) override {
    add(recorded ? "f-" : "e-", block);
  }
  void before_backward(const Block& block) override {
    add("b+", block);
    gradients_too_early_ |= has_gradients(block, /*all=*/false);
  }
  void after_backward(const Block& block) override {
    add("b-", block);
    gradients_missing_ |= !has_gradients(block, /*all=*/true);
  }

  std::string events;
  bool gradients_too_early_ = false, gradients_missing_ = false;

 private:
  static bool has_gradients(const Block& block, bool all) {
    bool any = false;
    for (const at::Tensor& parameter : block.parameters()) {
      if (!parameter.requires_grad()) continue;
      any |= parameter.grad().defined();
      if (all && !parameter.grad().defined()) return false;
    }
    return all || any;
  }
  void add(const std::string& event, const Block& block) {
    size_t index = 0;
    while (decoder_.blocks()[index].get() != &block) ++index;
    events += event + std::to_string(index) + " ";
  }

  const Decoder& decoder_;
};

TEST(BlockHooksTest, AreCalledAroundEveryPass) {
  for (const Recompute recompute : {Recompute::kNone, Recompute::kBlock, Recompute::kSelective}) {
    const auto plain = small_decoder(), hooked = small_decoder();
    const auto hooks = std::make_shared<RecordingHooks>(*hooked);
    hooked->set_block_runner(make_block_runner({.recompute = recompute, .hooks = hooks}));
    for (const auto& decoder : {plain, hooked}) {
      decoder->named_parameters()["embed_tokens.weight"].set_requires_grad(false);
      run_backward(*decoder);
    }
    EXPECT_EQ(hooks->events, "f+0 f-0 f+1 f-1 f+2 f-2 b+2 b-2 b+1 b-1 b+0 b-0 ");
    EXPECT_FALSE(hooks->gradients_too_early_);
    EXPECT_FALSE(hooks->gradients_missing_);
    for (const auto& item : plain->named_parameters()) {
      if (!item.value().requires_grad()) continue;
      EXPECT_TRUE(hooked->named_parameters()[item.key()].grad().equal(item.value().grad()));
    }
    at::NoGradGuard no_grad;
    hooks->events.clear();
    hooked->hidden(kTokens);
    EXPECT_EQ(hooks->events, "f+0 e-0 f+1 e-1 f+2 e-2 ");
  }
}

TEST(RecomputeTest, InputsInHostMemoryGiveTheSameBits) {
  const auto plain = small_decoder(), offloaded = small_decoder();
  offloaded->set_block_runner(
      make_block_runner({.recompute = Recompute::kBlock, .offload_inputs = true}));
  run_backward(*plain);
  run_backward(*offloaded);
  expect_same_gradients(*plain, *offloaded);
}

TEST(RecomputeTest, WithoutGradientsBlocksRunOnce) {
  at::NoGradGuard no_grad;
  const auto plain = small_decoder(), recomputed = small_decoder();
  recomputed->set_block_runner(make_block_runner({.recompute = Recompute::kBlock}));
  EXPECT_TRUE(recomputed->hidden(kTokens).equal(plain->hidden(kTokens)));
}

}  // namespace
}  // namespace ropewalk::parallel
