#include "ropewalk/settings/planned_shape.h"

#include <gmock/gmock.h>

#include "ropewalk/base/json.h"
#include "ropewalk/settings/lora_run.h"
#include "ropewalk/spec/formulas.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {
namespace {

RunConfig config_with(const Json& changes) {
  Json json = parse_json(R"({"model": {"model_type": "llama", "vocab_size": 100, "hidden_size": 64,
      "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
      "max_position_embeddings": 128},
      "train": {"run_dir": "r", "global_batch_size": 6, "micro_batch_size": 3, "precision": "bf16",
      "loss_chunk_tokens": 7}, "parallel": {"data_parallel": "zero2", "context_parallel": 2}})",
                         "test");
  json.merge_patch(changes);
  Diagnostics d;
  RunConfig config = parse_run_config(json, RunPurpose::kInspect, d);
  EXPECT_TRUE(d.ok()) << d.report("test");
  return config;
}

plan::RunShape shape_with(const Json& changes) {
  const RunConfig config = config_with(changes);
  return planned_shape(config, resolve_model(config.model, "test").spec, 4);
}

TEST(PlannedShape, HasTheConfigsSettings) {
  const plan::RunShape shape = shape_with(Json::object());
  EXPECT_EQ(shape.ranks, 4);
  EXPECT_EQ(shape.sequence_length, 128);  // the model's window
  EXPECT_EQ(shape.tokens(), 3 * 128 / 2);
  EXPECT_EQ(shape.micro_steps(), 1);
  EXPECT_EQ(shape.compute_bytes(), 2);
  EXPECT_EQ(shape.loss_chunk_tokens, 7);
  EXPECT_EQ(shape.parallel.data_parallel, DataParallelKind::kZero2);
  EXPECT_FALSE(shape.separate_documents);
  EXPECT_EQ(shape.trained_share, 1.0);
  EXPECT_EQ(shape_with({{"data", {{"sequence_length", 64}}}}).sequence_length, 64);
  EXPECT_TRUE(shape_with({{"data", {{"packing", "packed"}}}}).separate_documents);
  EXPECT_FALSE(shape.async_save);
  EXPECT_TRUE(shape_with({{"checkpoint", {{"async_save", true}}}}).async_save);
}

TEST(PlannedShape, FrozenParametersAreNotTrained) {
  const plan::RunShape shape =
      shape_with({{"optimizer", {{"frozen", {"embed_tokens*", "lm_head*"}}}}});
  const RunConfig config = config_with(Json::object());
  const DecoderSpec spec = resolve_model(config.model, "test").spec;
  EXPECT_DOUBLE_EQ(shape.trained_share,
                   1.0 - 2.0 * 100 * 64 / static_cast<double>(parameter_count(spec)));
}

TEST(PlannedShape, WithLowRankUpdatesTheyNormsAndEmbeddingsAreTrained) {
  const RunConfig config = config_with({{"lora", {{"rank", 2}}}});
  Diagnostics faults;
  const DecoderSpec spec = with_lora(config, resolve_model(config.model, "test").spec, faults);
  ASSERT_TRUE(faults.ok());
  const int64_t updates = 2 * (3 * 2 * 64 + 3 * 64 * 2 + 2 * 64 + 64 * 2), norms = 5 * 64;
  const auto all = static_cast<double>(parameter_count(spec));
  EXPECT_DOUBLE_EQ(planned_shape(config, spec, 4).trained_share,
                   static_cast<double>(updates + norms + 100 * 64) / all);
  const RunConfig alone =
      config_with({{"lora", {{"rank", 2}, {"train_norms", false}, {"train_embeddings", false}}}});
  EXPECT_DOUBLE_EQ(planned_shape(alone, spec, 4).trained_share, static_cast<double>(updates) / all);
}

}  // namespace
}  // namespace ropewalk
