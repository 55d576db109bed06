#include "ropewalk/formats/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Checkpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.put("config.json", "{}\n");
    folder_.put("trainer/state.json", "{\"step\": 3}\n");
    folder_.put("empty", "");
    manifest_ = write_manifest(folder_.path(), {{"step", 3}});
    text_ = read_file(folder_ / kManifestName);
  }
  std::string report(VerifyOptions options = {}) {
    return verify_manifest(folder_.path(), options).report("checkpoint");
  }
  TemporaryFolder folder_;
  Manifest manifest_;
  std::string text_;
};

TEST_F(Checkpoint, ReadsBackEqualAndVerifies) {
  const Manifest read = read_manifest(folder_.path());
  EXPECT_EQ(read.fields, Json({{"step", 3}}));
  EXPECT_EQ(read.hash, manifest_.hash);
  ASSERT_EQ(read.files.size(), 3u);
  EXPECT_EQ(read.files[2].path, "trainer/state.json");
  EXPECT_EQ(read.find("config.json")->hash, hash_text("{}\n"));
  EXPECT_EQ(read.find("x"), nullptr);
  EXPECT_EQ(report(), "");
  EXPECT_TRUE(has_manifest(folder_.path()));
}

TEST_F(Checkpoint, LastFieldIsTheHashOfTheBytesBeforeIt) {
  const size_t at = text_.find(",\n  \"manifest_hash\"");
  EXPECT_EQ(manifest_.hash, hash_text(std::string_view(text_).substr(0, at)));
  EXPECT_EQ(std::prev(parse_json(text_, "manifest").end()).key(), "manifest_hash");
}

TEST_F(Checkpoint, EveryTruncationAndBitFlipOfTheManifestIsDamage) {
  for (size_t size = 0; size < text_.size(); ++size) {
    folder_.put(kManifestName, text_.substr(0, size));
    EXPECT_THROW(read_manifest(folder_.path()), CheckpointError) << size;
    EXPECT_NE(report(), "");
  }
  for (size_t bit = 0; bit < 8 * text_.size(); ++bit) {
    std::string flipped = text_;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    folder_.put(kManifestName, flipped);
    EXPECT_THROW(read_manifest(folder_.path()), CheckpointError) << bit;
  }
}

TEST_F(Checkpoint, AllFaultsOfTheFilesAreListed) {
  std::filesystem::remove(folder_ / "empty");
  folder_.put("config.json", "[]\n");
  folder_.put("trainer/state.json", "{\"step\"");
  folder_.put("README.md", "mine");
  const Diagnostics found = verify_manifest(folder_.path());
  EXPECT_THAT(found.report("c"),
              AllOf(HasSubstr("3 faults"),
                    HasSubstr("empty: is missing"),
                    HasSubstr("config.json: hashes to"),
                    HasSubstr("trainer/state.json: has 7 bytes")));
  ASSERT_EQ(found.warnings().size(), 1u);
  EXPECT_EQ(found.warnings()[0].where, "README.md");
  EXPECT_THAT(report({.check_hashes = false}), HasSubstr("2 faults"));
}

TEST_F(Checkpoint, MissingManifestMeansIncomplete) {
  std::filesystem::remove(folder_ / kManifestName);
  EXPECT_FALSE(has_manifest(folder_.path()));
  EXPECT_THAT(report(), HasSubstr("incomplete"));
}

TEST_F(Checkpoint, KnownHashesAreTakenWithoutReadingTheFile) {
  const ManifestEntry claimed{"config.json", 3, std::string(32, 'a')};
  const Manifest manifest = write_manifest(folder_.path(), Json::object(), {claimed});
  EXPECT_EQ(manifest.find("config.json")->hash, claimed.hash);
  EXPECT_ANY_THROW(write_manifest(folder_.path(), {}, {{"config.json", 4, claimed.hash}}));
  EXPECT_ANY_THROW(write_manifest(folder_.path(), {}, {{"nowhere", 4, claimed.hash}}));
  EXPECT_ANY_THROW(write_manifest(folder_.path(), {{"files", 1}}));
}

// A manifest whose own hash is right but whose content was made up.
void put_forged(const TemporaryFolder& folder, const std::string& body) {
  folder.put(kManifestName, body + ",\n  \"manifest_hash\": \"" + hash_text(body) + "\"\n}\n");
}

TEST_F(Checkpoint, ForgedManifestsAreRefused) {
  const std::string head =
      "{\"format\":\"ropewalk-manifest-1\",\"hash_kind\":\"xxh3-128\",\"files\":";
  const std::string hash(32, '0');
  for (const std::string path :
       {"../up", "/etc/passwd", "a/../../b", "", "manifest.json", "a\\nb", "."}) {
    put_forged(folder_,
               head + "[{\"path\":\"" + path + "\",\"size\":0,\"hash\":\"" + hash + "\"}]");
    EXPECT_THROW(read_manifest(folder_.path()), CheckpointError) << path;
  }
  for (const std::string& files :
       std::vector<std::string>{"3",
                                "[3]",
                                "[{}]",
                                "[{\"path\":3,\"size\":0,\"hash\":\"\"}]",
                                "[{\"path\":\"a\",\"size\":0,\"hash\":\"zz\"}]",
                                "[{\"path\":\"a\",\"size\":1e300,\"hash\":\"" + hash + "\"}]",
                                "[{\"path\":\"a\",\"size\":-1,\"hash\":\"" + hash + "\"}]"}) {
    put_forged(folder_, head + files);
    EXPECT_THROW(read_manifest(folder_.path()), CheckpointError) << files;
  }
  put_forged(folder_, "{\"format\":\"other\"");
  EXPECT_THROW(read_manifest(folder_.path()), CheckpointError);
  put_forged(folder_, "[");
  EXPECT_THROW(read_manifest(folder_.path()), CheckpointError);
}

TEST_F(Checkpoint, LinksThatLeadOutOfTheFolderAreFaults) {
  const TemporaryFolder elsewhere;
  elsewhere.put("config.json", "{}\n");
  std::filesystem::remove(folder_ / "config.json");
  std::filesystem::create_symlink(elsewhere / "config.json", folder_ / "config.json");
  EXPECT_THAT(report(), HasSubstr("config.json: is a link that leads out of the folder"));
  folder_.put("copy.json", "{}\n");
  std::filesystem::remove(folder_ / "config.json");
  std::filesystem::create_symlink("copy.json", folder_ / "config.json");
  EXPECT_EQ(report(), "");
}

TEST_F(Checkpoint, LinksAreNotPutIntoAManifest) {
  std::filesystem::create_symlink("config.json", folder_ / "link");
  EXPECT_ANY_THROW(write_manifest(folder_.path()));
}

}  // namespace
}  // namespace ropewalk
