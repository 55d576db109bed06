#include "ropewalk/formats/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIndex = "model.safetensors.index.json";

TensorInfo tensor(const std::string& name, int64_t size) {
  TensorInfo info;
  info.name = name;
  info.dtype = DType::kBF16;
  info.shape = {size};
  return info;
}

void write_shard(const std::filesystem::path& path, const std::vector<std::string>& names) {
  std::vector<TensorInfo> tensors;
  for (const std::string& name : names) tensors.push_back(tensor(name, 4));
  SafetensorsWriter writer(path, tensors);
  const std::vector<std::byte> bytes(8, std::byte(names.front().front()));
  for (const std::string& name : names) writer.write(name, bytes);
  writer.close();
}

std::string index_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string text = "{\"metadata\":{\"total_size\":16},\"weight_map\":{";
  for (size_t i = 0; i < entries.size(); ++i) {
    text += (i == 0 ? "\"" : ",\"") + entries[i].first + "\":\"" + entries[i].second + "\"";
  }
  return text + "}}";
}

std::string fault_of(const std::filesystem::path& path) {
  return error_of<CheckpointError>([&] { ModelFiles::open(path); });
}

class ShardedFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    write_shard(folder_ / "a.safetensors", {"a0", "a1"});
    write_shard(folder_ / "b.safetensors", {"b0"});
    put_index({{"a0", "a.safetensors"}, {"b0", "b.safetensors"}, {"a1", "a.safetensors"}});
  }
  void put_index(const std::vector<std::pair<std::string, std::string>>& entries) {
    folder_.put(kIndex, index_of(entries));
  }
  TemporaryFolder folder_;
};

TEST(ModelFiles, SingleFileAndFolderOfIt) {
  const TemporaryFolder folder;
  write_shard(folder / "model.safetensors", {"w", "v"});
  const ModelFiles files = ModelFiles::open(folder.path());
  EXPECT_THAT(files.names(), ElementsAre("v", "w"));
  EXPECT_EQ(files.find("w").bytes()[0], std::byte('w'));
  EXPECT_EQ(files.find("x").file, nullptr);
  EXPECT_EQ(files.num_bytes(), 16u);
  EXPECT_EQ(files.num_parameters(), 8);
  EXPECT_EQ(ModelFiles::open(folder / "model.safetensors").names(), files.names());
}

TEST_F(ShardedFolder, TensorsAreFoundInTheirShards) {
  const ModelFiles files = ModelFiles::open(folder_.path());
  EXPECT_THAT(files.names(), ElementsAre("a0", "a1", "b0"));
  EXPECT_EQ(files.find("b0").file->path().filename(), "b.safetensors");
  EXPECT_EQ(files.files().size(), 2u);
}

TEST_F(ShardedFolder, AllFaultsAreListedAtOnce) {
  put_index({{"a0", "a.safetensors"},
             {"gone", "missing.safetensors"},
             {"stray", "b.safetensors"},
             {"up", "../up.safetensors"},
             {"abs", "/etc/abs.safetensors"},
             {"bin", "pytorch_model.bin"}});
  EXPECT_THAT(fault_of(folder_.path()),
              AllOf(HasSubstr("'missing.safetensors': is missing"),
                    HasSubstr("gone"),
                    HasSubstr("'b.safetensors': does not hold stray"),
                    HasSubstr("leads out"),
                    HasSubstr("not a relative file name"),
                    HasSubstr("pickle")));
}

TEST_F(ShardedFolder, TensorInTwoShardsOrUnknownToTheIndexIsRefused) {
  write_shard(folder_ / "b.safetensors", {"b0", "a1"});
  EXPECT_THAT(fault_of(folder_.path()),
              AllOf(HasSubstr("both hold a1"), HasSubstr("a.safetensors")));
  write_shard(folder_ / "b.safetensors", {"b0", "extra"});
  EXPECT_THAT(fault_of(folder_.path()), HasSubstr("does not name extra"));
}

TEST_F(ShardedFolder, LinkThatLeadsOutIsRefusedButAHubCacheIsRead) {
  const TemporaryFolder elsewhere;
  std::filesystem::rename(folder_ / "b.safetensors", elsewhere / "b.safetensors");
  std::filesystem::create_symlink(elsewhere / "b.safetensors", folder_ / "b.safetensors");
  EXPECT_THAT(fault_of(folder_.path()), HasSubstr("link that leads out"));

  const auto snapshot = elsewhere / "models--x" / "snapshots" / "main";
  const auto blobs = elsewhere / "models--x" / "blobs";
  std::filesystem::create_directories(snapshot);
  std::filesystem::create_directories(blobs);
  write_shard(blobs / "0123", {"b0"});
  std::filesystem::create_symlink("../../blobs/0123", snapshot / "b.safetensors");
  elsewhere.put("models--x/snapshots/main/" + std::string(kIndex),
                index_of({{"b0", "b.safetensors"}}));
  EXPECT_THAT(ModelFiles::open(snapshot).names(), ElementsAre("b0"));
}

TEST_F(ShardedFolder, DamagedShardIsNamed) {
  std::filesystem::resize_file(folder_ / "a.safetensors", 40);
  std::filesystem::resize_file(folder_ / "b.safetensors", 4);
  EXPECT_THAT(
      fault_of(folder_.path()),
      AllOf(HasSubstr("a.safetensors"), HasSubstr("b.safetensors"), HasSubstr("truncated")));
}

TEST_F(ShardedFolder, MalformedIndexesAreRefused) {
  for (const char* text : {"",
                           "[]",
                           "3",
                           "{}",
                           "{\"weight_map\":[]}",
                           "{\"weight_map\":{\"a0\":3}}",
                           "{\"weight_map\":{\"a0\":{}}}",
                           "{\"weight_map\":{\"a0\":\"a.safetensors\"",
                           "{\"weight_map\":{\"a0\":\"a.safetensors\",\"a0\":\"b.safetensors\"}}",
                           "{\"weight_map\":{},\"weight_map\":{}}",
                           "{\"weight_map\":null}",
                           "{\"weight_map\":{\"a0\":\"\"}}"}) {
    folder_.put(kIndex, text);
    EXPECT_THAT(fault_of(folder_.path()), HasSubstr(kIndex)) << text;
  }
}

TEST(ModelFiles, PickleWeightsAreRefusedWithAWayOut) {
  const TemporaryFolder folder;
  EXPECT_THAT(fault_of(folder.path()), AllOf(HasSubstr("no weights"), Not(HasSubstr("pickle"))));
  folder.put("pytorch_model.bin", "x");
  EXPECT_THAT(fault_of(folder.path()),
              AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("save_pretrained")));
  EXPECT_THAT(fault_of(folder / "pytorch_model.bin"), HasSubstr("save_pretrained"));
  EXPECT_THAT(fault_of(folder / "none"), HasSubstr("no such"));
}

TEST(ModelFiles, BothKindsOfWeightsAreAmbiguous) {
  const TemporaryFolder folder;
  write_shard(folder / "model.safetensors", {"w"});
  folder.put(kIndex, index_of({{"w", "model.safetensors"}}));
  EXPECT_THAT(fault_of(folder.path()), HasSubstr("both"));
}

TEST(ModelShards, PlannedShardsAndIndexOpenAgain) {
  const TemporaryFolder folder;
  const auto shards =
      plan_model_shards({tensor("a", 4), tensor("b", 4), tensor("big", 40), tensor("c", 2)}, 16);
  ASSERT_EQ(shards.size(), 3u);
  EXPECT_EQ(shards[1].file_name, "model-00002-of-00003.safetensors");
  EXPECT_EQ(shards[1].num_bytes, 80u);
  for (const ModelShard& shard : shards) {
    SafetensorsWriter writer(folder / shard.file_name, shard.tensors);
    for (const TensorInfo& info : writer.tensors()) {
      writer.write(info.name, std::vector<std::byte>(info.num_bytes()));
    }
    writer.close();
  }
  folder.put(kIndex, model_index_text(shards));
  EXPECT_THAT(ModelFiles::open(folder.path()).names(), ElementsAre("a", "b", "big", "c"));
  EXPECT_EQ(plan_model_shards({tensor("a", 4)}, 16).front().file_name, "model.safetensors");
}

}  // namespace
}  // namespace ropewalk
