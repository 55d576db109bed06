#include "ropewalk/spec/weight_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "formats/temporary_folder.h"
#include "ropewalk/spec/weight_map.h"
#include "spec/spec_test_tools.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct TypeAndShape {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};
using Tensors = std::map<std::string, TypeAndShape>;

struct TestModel {
  DecoderSpec spec;
  std::optional<Quantization> quantization;
  Tensors tensors;  // all plain
};

TestModel make_model(const Json& config) {
  Diagnostics diagnostics;
  const SpecReading reading =
      find_family(config.at("model_type"), "test").from_hf(config, diagnostics);
  EXPECT_THAT(errors_of(diagnostics), IsEmpty());
  TestModel model{reading.spec, reading.quantization, {}};
  for (const WeightEntry& entry : weight_map(model.spec)) {
    for (const WeightSlice& slice : entry.slices) {
      model.tensors[slice.foreign_name] = {DType::kBF16, slice.shape};
    }
  }
  return model;
}

TestModel fp8_model() {
  Json config = small_config();
  config["quantization_config"] = {{"quant_method", "fp8"}, {"weight_block_size", {32, 16}}};
  return make_model(config);
}

TestModel mxfp4_model() {
  return make_model({{"model_type", "gpt_oss"},
                     {"vocab_size", 97},
                     {"hidden_size", 64},
                     {"intermediate_size", 96},
                     {"num_hidden_layers", 1},
                     {"num_attention_heads", 2},
                     {"num_key_value_heads", 1},
                     {"head_dim", 8},
                     {"num_local_experts", 3},
                     {"num_experts_per_tok", 2},
                     {"quantization_config", {{"quant_method", "mxfp4"}}}});
}

// The faults of a folder with these tensors.
std::string faults_of(const TestModel& model) {
  const TemporaryFolder folder;
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : model.tensors) {
    infos.push_back({.name = name, .dtype = tensor.dtype, .shape = tensor.shape});
  }
  SafetensorsWriter writer(folder / "model.safetensors", infos);
  for (const TensorInfo& info : writer.tensors()) {
    writer.write(info.name, std::vector<std::byte>(info.num_bytes()));
  }
  writer.close();
  return errors_of(check_weights(ModelFiles::open(folder.path()), model.spec, model.quantization));
}

const std::string kGate = "model.layers.0.mlp.gate_proj.weight";        // [80, 48]
const std::string kGateUp = "model.layers.0.mlp.experts.gate_up_proj";  // [3, 64, 192]
const std::string kDown = "model.layers.0.mlp.experts.down_proj";       // [3, 96, 64]

TestModel with_fp8_gate() {
  TestModel model = fp8_model();
  model.tensors[kGate].dtype = DType::kF8E4M3;
  model.tensors[kGate + "_scale_inv"] = {DType::kF32, {3, 3}};
  return model;
}

TestModel with_packed_experts() {
  TestModel model = mxfp4_model();
  model.tensors.erase(kGateUp);
  model.tensors[kGateUp + "_blocks"] = {DType::kU8, {3, 192, 2, 16}};
  model.tensors[kGateUp + "_scales"] = {DType::kU8, {3, 192, 2}};
  model.tensors.erase(kDown);
  model.tensors[kDown + "_blocks"] = {DType::kU8, {3, 64, 3, 16}};
  model.tensors[kDown + "_scales"] = {DType::kU8, {3, 64, 3}};
  return model;
}

TEST(WeightCheck, QuantisedTensorsStandForPlainOnes) {
  EXPECT_THAT(faults_of(with_fp8_gate()), IsEmpty());
  EXPECT_THAT(faults_of(with_packed_experts()), IsEmpty());
}

TEST(WeightCheck, WhatIsStoredPlainlyIsReadPlainly) {
  EXPECT_THAT(faults_of(fp8_model()), IsEmpty());
  EXPECT_THAT(faults_of(mxfp4_model()), IsEmpty());
}

TEST(WeightCheck, Fp8ScalesOfTheListedTypesAreAccepted) {
  TestModel model = with_fp8_gate();
  for (const DType dtype : {DType::kF16, DType::kBF16, DType::kF8E8M0}) {
    model.tensors[kGate + "_scale_inv"].dtype = dtype;
    EXPECT_THAT(faults_of(model), IsEmpty()) << dtype_name(dtype);
  }
}

TEST(WeightCheck, FaultsOfFp8AreListedByTensor) {
  TestModel model = with_fp8_gate();
  model.tensors[kGate + "_scale_inv"] = {DType::kU8, {2, 3}};
  const std::string up = "model.layers.1.mlp.up_proj.weight";
  model.tensors[up].dtype = DType::kF8E4M3;
  const std::string down = "model.layers.1.mlp.down_proj.weight";
  model.tensors[down + "_scale_inv"] = {DType::kF32, {2, 5}};
  model.tensors["model.norm.weight"].dtype = DType::kF8E4M3;
  EXPECT_THAT(
      faults_of(model),
      AllOf(HasSubstr(kGate + "_scale_inv: in model.safetensors has shape [2, 3], config.json asks "
                              "for [3, 3]"),
            HasSubstr(kGate + "_scale_inv: in model.safetensors is U8; expected F32, F16, BF16 or "
                              "F8_E8M0"),
            HasSubstr(up + "_scale_inv: is missing; expected F32, F16, BF16 or F8_E8M0 of shape "
                           "[3, 3]"),
            HasSubstr(down + "_scale_inv: in model.safetensors (F32 [2, 5]) is left over"),
            HasSubstr("model.norm.weight: in model.safetensors is F8_E4M3; expected F64, F32, F16 "
                      "or BF16")));
}

TEST(WeightCheck, FaultsOfMxfp4AreListedByTensor) {
  TestModel model = with_packed_experts();
  model.tensors.erase(kGateUp + "_scales");
  model.tensors[kDown + "_blocks"].shape = {3, 64, 16, 3};
  model.tensors[kDown + "_scales"].dtype = DType::kI8;
  EXPECT_THAT(
      faults_of(model),
      AllOf(HasSubstr(kGateUp + "_scales: is missing; expected U8 of shape [3, 192, 2]"),
            HasSubstr(kDown + "_blocks: in model.safetensors has shape [3, 64, 16, 3], config.json "
                              "asks for [3, 64, 3, 16]"),
            HasSubstr(kDown + "_scales: in model.safetensors is I8; expected U8")));
}

TEST(WeightCheck, PlainAndPackedAtOnceLeavesThePackedOver) {
  TestModel model = with_packed_experts();
  model.tensors[kDown] = {DType::kBF16, {3, 96, 64}};
  EXPECT_THAT(faults_of(model),
              AllOf(HasSubstr(kDown + "_blocks: in model.safetensors (U8 [3, 64, 3, 16]) is left"),
                    HasSubstr(kDown + "_scales: in model.safetensors (U8 [3, 64, 3]) is left")));
}

TEST(WeightCheck, WithoutTheConfigsWordNothingIsTakenForQuantised) {
  TestModel model = with_fp8_gate();
  model.quantization.reset();
  EXPECT_THAT(faults_of(model),
              AllOf(HasSubstr(kGate + ": in model.safetensors is F8_E4M3; expected F64"),
                    HasSubstr("has no quantization_config"),
                    HasSubstr(kGate + "_scale_inv: in model.safetensors (F32 [3, 3]) is left")));
  model = with_packed_experts();
  model.quantization.reset();
  EXPECT_THAT(faults_of(model), HasSubstr(kGateUp + ": is missing; expected F64"));
}

}  // namespace
}  // namespace ropewalk
