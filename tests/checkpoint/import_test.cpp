#include "ropewalk/checkpoint/import.h"

#include <gmock/gmock.h>

#include "checkpoint/support.h"
#include "ropewalk/base/files.h"
#include "ropewalk/checkpoint/export.h"
#include "ropewalk/formats/manifest.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {
namespace {

using testing::HasSubstr;
using testing::Not;

using ForeignTensors = std::map<std::string, torch::Tensor>;

// Under HF names, made here without the product's slicing: value = name's number + index / 1000.
ForeignTensors foreign_tensors(const DecoderSpec& spec) {
  ForeignTensors tensors;
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      int64_t count = 1;
      for (const int64_t size : slice.shape) count *= size;
      const double first = static_cast<double>(tensors.size());
      tensors[slice.foreign_name] =
          (first + torch::arange(count) / 1000.0).reshape(slice.shape).to(torch::kFloat);
    }
  }
  return tensors;
}

DType dtype_of(const torch::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case torch::kDouble:
      return DType::kF64;
    case torch::kHalf:
      return DType::kF16;
    case torch::kBFloat16:
      return DType::kBF16;
    case torch::kLong:
      return DType::kI64;
    default:
      return DType::kF32;
  }
}

HfModel write_folder(const TemporaryFolder& folder,
                     const Json& config,
                     const ForeignTensors& tensors) {
  folder.put("config.json", config.dump());
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) {
    TensorInfo info;
    info.name = name;
    info.dtype = dtype_of(tensor);
    info.shape = tensor.sizes().vec();
    infos.push_back(info);
  }
  SafetensorsWriter writer(folder / "model.safetensors", infos);
  for (const auto& [name, tensor] : tensors) {
    const torch::Tensor plain = tensor.contiguous();
    writer.write(name, {static_cast<const std::byte*>(plain.data_ptr()), plain.nbytes()});
  }
  writer.close();
  return load_hf_model(folder.path());
}

TEST(Import, QueryKeyValueAndGateUpAreStackedInThatOrder) {
  const TemporaryFolder folder;
  const DecoderSpec spec = tiny_spec();
  const ForeignTensors tensors = foreign_tensors(spec);
  const HfModel model = write_folder(folder, tiny_config(), tensors);
  const auto decoder = build_decoder(spec);
  import_weights(*decoder, model);
  const auto parameters = decoder->named_parameters();
  const std::string layer = "model.layers.1.";
  EXPECT_TRUE(torch::equal(parameters["layers.1.attention.qkv.weight"],
                           torch::cat({tensors.at(layer + "self_attn.q_proj.weight"),
                                       tensors.at(layer + "self_attn.k_proj.weight"),
                                       tensors.at(layer + "self_attn.v_proj.weight")})));
  EXPECT_TRUE(torch::equal(parameters["layers.1.mlp.gate_up.weight"],
                           torch::cat({tensors.at(layer + "mlp.gate_proj.weight"),
                                       tensors.at(layer + "mlp.up_proj.weight")})));
  EXPECT_TRUE(torch::equal(parameters["layers.1.mlp_norm.weight"],
                           tensors.at(layer + "post_attention_layernorm.weight")));
  EXPECT_TRUE(torch::equal(parameters["norm.weight"], tensors.at("model.norm.weight")));
}

TEST(Import, EveryFloatingTypeIsWidenedToSinglePrecision) {
  const DecoderSpec spec = tiny_spec();
  for (const auto type : {torch::kDouble, torch::kFloat, torch::kHalf, torch::kBFloat16}) {
    const TemporaryFolder folder;
    ForeignTensors tensors = foreign_tensors(spec);
    for (auto& [name, tensor] : tensors) tensor = tensor.to(type);
    const HfModel model = write_folder(folder, tiny_config(), tensors);
    const auto decoder = build_decoder(spec);
    import_weights(*decoder, model);
    EXPECT_TRUE(torch::equal(decoder->named_parameters()["layers.0.mlp.down.weight"],
                             tensors.at("model.layers.0.mlp.down_proj.weight").to(torch::kFloat)));
  }
}

TEST(Import, MissingLeftOverAndWronglyShapedTensorsAreListedAtOnceAndNothingIsChanged) {
  const TemporaryFolder folder;
  const DecoderSpec spec = tiny_spec();
  ForeignTensors tensors = foreign_tensors(spec);
  tensors.erase("model.layers.0.self_attn.k_proj.weight");
  tensors["model.layers.1.mlp.up_proj.weight"] = torch::zeros({24, 15});
  tensors["model.layers.2.mlp.up_proj.weight"] = torch::zeros({24, 16});
  tensors["model.norm.weight"] = torch::zeros({16}, torch::kLong);
  const HfModel model = write_folder(folder, tiny_config(), tensors);
  const auto decoder = tiny_decoder(1);
  const auto untouched = tiny_decoder(1);
  const std::string text = error_of<CheckpointError>([&] { import_weights(*decoder, model); });
  EXPECT_THAT(text, HasSubstr("4 faults"));
  EXPECT_THAT(text, HasSubstr("model.layers.0.self_attn.k_proj.weight: is missing"));
  EXPECT_THAT(text, HasSubstr("[24, 15], config.json asks for [24, 16]"));
  EXPECT_THAT(text, HasSubstr("model.layers.2.mlp.up_proj.weight: in model.safetensors"));
  EXPECT_THAT(text, HasSubstr("is I64"));
  EXPECT_TRUE(same_weights(*decoder, *untouched));
}

TEST(Import, DerivedBuffersAndATiedOutputProjectionAreIgnored) {
  const TemporaryFolder folder;
  const DecoderSpec spec = tiny_spec();
  ForeignTensors tensors = foreign_tensors(spec);
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch::zeros({2});
  tensors["lm_head.weight"] = torch::zeros({37, 16});
  const HfModel model = write_folder(folder, tiny_config(), tensors);
  const auto decoder = build_decoder(spec);
  EXPECT_NO_THROW(import_weights(*decoder, model));
}

TEST(Import, WeightsThatTheirManifestDoesNotVouchForAreRefused) {
  const TemporaryFolder folder;
  const DecoderSpec spec = tiny_spec();
  const HfModel model = write_folder(folder, tiny_config(), foreign_tensors(spec));
  write_manifest(folder.path());
  flip_byte(folder / "model.safetensors", 5);
  const auto decoder = build_decoder(spec);
  EXPECT_THAT(error_of<CheckpointError>([&] { import_weights(*decoder, model); }),
              HasSubstr("model.safetensors: hashes to"));
}

TEST(Import, NoFileStaysMapped) {
  const TemporaryFolder folder;
  const HfModel model = write_folder(folder, tiny_config(), foreign_tensors(tiny_spec()));
  const auto decoder = build_decoder(model.spec);
  import_weights(*decoder, model);
  EXPECT_THAT(read_file("/proc/self/maps"), Not(HasSubstr(folder.path().string())));
}

}  // namespace
}  // namespace ropewalk
