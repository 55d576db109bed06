#include "ropewalk/checkpoint/export.h"

#include <gmock/gmock.h>

#include "checkpoint/support.h"
#include "ropewalk/base/files.h"
#include "ropewalk/checkpoint/import.h"

namespace ropewalk {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

std::shared_ptr<Decoder> read_back(const std::filesystem::path& folder) {
  const HfModel model = load_hf_model(folder);
  auto decoder = build_decoder(model.spec);
  import_weights(*decoder, model);
  return decoder;
}

HfWriteOptions options_for(const Decoder& decoder) { return {.config = tiny_hf_config(decoder)}; }

TEST(Export, WrittenAndReadBackWeightsHaveTheSameBits) {
  for (const TinyShape& shape : {TinyShape{.tied = true},
                                 TinyShape{.tied = false},
                                 TinyShape{.tied = false, .biases = true}}) {
    const TemporaryFolder folder;
    const auto decoder = tiny_decoder(3, shape);
    write_hf_model(folder.path(), *decoder, options_for(*decoder));
    EXPECT_TRUE(same_weights(*decoder, *read_back(folder.path())));
  }
}

TEST(Export, SmallShardsGetAnIndexAndReadBackEqual) {
  const TemporaryFolder folder;
  const auto decoder = tiny_decoder(4, {.tied = false});
  HfWriteOptions options = options_for(*decoder);
  options.max_shard_bytes = 4000;
  write_hf_model(folder.path(), *decoder, options);
  EXPECT_TRUE(std::filesystem::exists(folder / "model.safetensors.index.json"));
  EXPECT_GT(names_in(folder.path()).size(), 4u);
  EXPECT_TRUE(same_weights(*decoder, *read_back(folder.path())));
}

TEST(Export, HalfPrecisionRoundsToNearestAndSaysSoInTheConfig) {
  const TemporaryFolder folder;
  const auto decoder = tiny_decoder(5);
  HfWriteOptions options = options_for(*decoder);
  options.dtype = DType::kBF16;
  write_hf_model(folder.path(), *decoder, options);
  EXPECT_EQ(read_json_file(folder / "config.json").at("dtype"), "bfloat16");
  const auto expected = tiny_decoder(5);
  const torch::NoGradGuard no_grad;
  for (auto& weight : expected->parameters()) {
    weight.copy_(weight.to(torch::kBFloat16).to(torch::kFloat));
  }
  EXPECT_TRUE(same_weights(*expected, *read_back(folder.path())));
}

TEST(Export, TokenizerFilesAreCopiedAndTheirWindowRaised) {
  const TemporaryFolder source;
  source.put("tokenizer.json", "{\"a\":1}");
  source.put("tokenizer_config.json", R"({"model_max_length": 16, "bos_token": "<s>"})");
  source.put("generation_config.json", "{}");
  source.put("pytorch_model.bin", "no");
  const TemporaryFolder folder;
  const auto decoder = tiny_decoder(6);
  HfWriteOptions options = options_for(*decoder);
  options.copied_from = source.path();
  write_hf_model(folder.path(), *decoder, options);
  EXPECT_EQ(read_file(folder / "tokenizer.json"), "{\"a\":1}");
  EXPECT_EQ(read_json_file(folder / "tokenizer_config.json").at("model_max_length"), 32);
  EXPECT_THAT(names_in(folder.path()), Contains("generation_config.json"));
  EXPECT_THAT(names_in(folder.path()), Not(Contains("pytorch_model.bin")));
}

TEST(Export, FolderToFolderKeepsBitsAndNeverOverwrites) {
  const TemporaryFolder folder;
  const auto decoder = tiny_decoder(7);
  const auto source = folder / "source";
  std::filesystem::create_directory(source);
  write_hf_model(source, *decoder, options_for(*decoder));
  export_hf_model(source, folder / "made/target", {});
  EXPECT_TRUE(same_weights(*decoder, *read_back(folder / "made/target")));
  const std::string before = read_file(folder / "made/target/config.json");
  EXPECT_THAT(error_of<ConfigError>([&] { export_hf_model(source, folder / "made/target", {}); }),
              HasSubstr("exists already"));
  EXPECT_EQ(read_file(folder / "made/target/config.json"), before);
}

TEST(Export, FullDiskLeavesNothingAndNamesTheNeededBytes) {
  const TemporaryFolder folder;
  const auto decoder = tiny_decoder(8);
  const auto source = folder / "source";
  std::filesystem::create_directory(source);
  write_hf_model(source, *decoder, options_for(*decoder));
  std::string text;
  {
    const FullDisk full(4000);
    text = error_of<IoError>([&] { export_hf_model(source, folder / "target", {}); });
  }
  EXPECT_THAT(text, HasSubstr("model.safetensors"));
  EXPECT_THAT(text, HasSubstr("needs"));
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("source"));
}

}  // namespace
}  // namespace ropewalk
