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
    case at::kFloat8_e4m3fn:
      return DType::kF8E4M3;
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

// A tiny LLaMA in which one projection is FP8 in blocks of 5 x 7, which divide neither size.
constexpr const char* kFp8Name = "model.layers.1.self_attn.k_proj.weight";  // [8, 16]

Json fp8_config() {
  Json config = tiny_config();
  config["quantization_config"] = {{"quant_method", "fp8"},
                                   {"fmt", "e4m3"},
                                   {"activation_scheme", "dynamic"},
                                   {"weight_block_size", {5, 7}}};
  return config;
}

ForeignTensors fp8_tensors() {
  ForeignTensors tensors = foreign_tensors(tiny_spec());
  tensors[kFp8Name] = torch::linspace(-400, 400, 128).reshape({8, 16}).to(at::kFloat8_e4m3fn);
  tensors[std::string(kFp8Name) + "_scale_inv"] =
      (torch::arange(1, 7, torch::kFloat) / 96).reshape({2, 3});
  return tensors;
}

// Element by element, as fp32.
torch::Tensor dequantised(const ForeignTensors& tensors) {
  const torch::Tensor values = tensors.at(kFp8Name).to(torch::kFloat);
  const torch::Tensor& scales = tensors.at(std::string(kFp8Name) + "_scale_inv");
  for (int64_t row = 0; row < values.size(0); ++row) {
    for (int64_t column = 0; column < values.size(1); ++column) {
      values[row][column].mul_(scales[row / 5][column / 7]);
    }
  }
  return values;
}

torch::Tensor key_rows(const Decoder& decoder) {
  return decoder.named_parameters()["layers.1.attention.qkv.weight"].slice(0, 16, 24).detach();
}

TEST(Import, BlocksOfFp8AreMultipliedByTheirScales) {
  const TemporaryFolder folder;
  const ForeignTensors tensors = fp8_tensors();
  const HfModel model = write_folder(folder, fp8_config(), tensors);
  const auto decoder = build_decoder(model.spec);
  import_weights(*decoder, model);
  EXPECT_TRUE(torch::equal(key_rows(*decoder), dequantised(tensors)));
  EXPECT_TRUE(torch::equal(decoder->named_parameters()["layers.0.mlp.down.weight"],
                           tensors.at("model.layers.0.mlp.down_proj.weight")));
}

TEST(Import, Fp8WithoutItsScalesOrWithoutTheConfigsWordIsRefused) {
  const TemporaryFolder folder;
  ForeignTensors tensors = fp8_tensors();
  const auto decoder = build_decoder(tiny_spec());
  const HfModel silent = write_folder(folder, tiny_config(), tensors);
  const std::string unsaid = error_of<CheckpointError>([&] { import_weights(*decoder, silent); });
  EXPECT_THAT(unsaid, HasSubstr(std::string(kFp8Name) + ": in model.safetensors is F8_E4M3"));
  EXPECT_THAT(unsaid, HasSubstr("_scale_inv: in model.safetensors (F32 [2, 3]) is left over"));
  tensors.erase(std::string(kFp8Name) + "_scale_inv");
  const HfModel bare = write_folder(folder, fp8_config(), tensors);
  EXPECT_THAT(error_of<CheckpointError>([&] { import_weights(*decoder, bare); }),
              HasSubstr("_scale_inv: is missing; expected F32, F16, BF16 or F8_E8M0 of shape [2"));
}

TEST(Import, ExportOfAQuantisedFolderIsPlainBf16AndFp32WhereAskedFor) {
  const TemporaryFolder folder;
  const ForeignTensors tensors = fp8_tensors();
  write_folder(folder, fp8_config(), tensors);
  const torch::Tensor exact = dequantised(tensors);
  export_hf_model(folder.path(), folder / "half", {});
  export_hf_model(folder.path(), folder / "single", {.dtype = DType::kF32});
  for (const auto& [name, expected] :
       {std::pair{"half", exact.to(torch::kBFloat16).to(torch::kFloat)},
        std::pair{"single", exact}}) {
    const HfModel plain = load_hf_model(folder / name);
    EXPECT_FALSE(plain.quantization);
    EXPECT_FALSE(plain.config.contains("quantization_config"));
    const auto decoder = build_decoder(plain.spec);
    import_weights(*decoder, plain);
    EXPECT_TRUE(torch::equal(key_rows(*decoder), expected)) << name;
  }
  EXPECT_EQ(read_json_file(folder / "half/config.json").at("dtype"), "bfloat16");
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
