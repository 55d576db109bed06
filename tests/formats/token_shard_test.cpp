#include "ropewalk/formats/token_shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "formats/token_shard_header.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kTokenizer = hash_text("tokenizer");

TokenShardInfo write_shard(const std::filesystem::path& path,
                           int64_t vocab_size,
                           const std::vector<std::vector<int32_t>>& documents) {
  TokenShardWriter writer(path, vocab_size, kTokenizer);
  for (const auto& ids : documents) writer.add_document(ids);
  return writer.close();
}

std::string open_fault(const std::filesystem::path& path) {
  return error_of<DataError>([&] { TokenShardReader reader(path); });
}

bool is_refused(const std::filesystem::path& path) {
  return error_of<DataError>([&] { TokenShardReader(path).verify(); }) != "";
}

// A header made by our encoder (so that its own hash is right) over another file's payload.
std::string with_header(std::string file, const TokenShardInfo& info) {
  const ShardHeader header = encode_shard_header(info);
  return file.replace(
      0, header.size(), reinterpret_cast<const char*>(header.data()), header.size());
}

TEST(TokenShard, ReadsBackDocumentsInBothWidths) {
  for (const int64_t vocab_size : {int64_t{65536}, int64_t{65537}}) {
    const TemporaryFolder folder;
    const auto path = folder / "s.tokens";
    const TokenShardInfo written = write_shard(path, vocab_size, {{1, 65535, 3}, {}, {4, 5}});
    const TokenShardReader reader(path);
    reader.verify();
    EXPECT_EQ(reader.info().token_bytes, vocab_size == 65536 ? 2 : 4);
    EXPECT_EQ(reader.info().vocab_size, vocab_size);
    EXPECT_EQ(reader.info().tokenizer_hash, kTokenizer);
    EXPECT_EQ(reader.info().payload_hash, written.payload_hash);
    EXPECT_THAT(reader.document_offsets(), ElementsAre(0, 3, 3, 5));
    EXPECT_EQ(reader.document_length(2), 2);
    std::vector<int64_t> wide(5);
    reader.copy_tokens(0, std::span(wide));
    EXPECT_THAT(wide, ElementsAre(1, 65535, 3, 4, 5));
    std::vector<int32_t> part(2);
    reader.copy_tokens(1, std::span(part));
    EXPECT_THAT(part, ElementsAre(65535, 3));
    EXPECT_EQ(reader.token(4), 5);
    EXPECT_ANY_THROW(reader.token(5));
    EXPECT_ANY_THROW(reader.token(-1));
    EXPECT_ANY_THROW(reader.copy_tokens(4, std::span(part)));
  }
}

TEST(TokenShard, EmptyShardIsLegal) {
  const TemporaryFolder folder;
  write_shard(folder / "s.tokens", 10, {});
  const TokenShardReader reader(folder / "s.tokens");
  reader.verify();
  EXPECT_EQ(reader.num_tokens(), 0);
  EXPECT_EQ(reader.num_documents(), 0);
  EXPECT_EQ(std::filesystem::file_size(folder / "s.tokens"), 136u);
}

TEST(TokenShard, LargeDocumentsPassThroughTheBuffer) {
  const TemporaryFolder folder;
  std::vector<int32_t> ids(1'000'001);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(i % 50000);
  write_shard(folder / "s.tokens", 50000, {ids, ids});
  const TokenShardReader reader(folder / "s.tokens");
  reader.verify();
  std::vector<int32_t> back(ids.size());
  reader.copy_tokens(reader.document_offsets()[1], std::span(back));
  EXPECT_EQ(back, ids);
}

TEST(TokenShard, NothingIsPublishedBeforeClose) {
  const TemporaryFolder folder;
  {
    TokenShardWriter writer(folder / "s.tokens", 10, kTokenizer);
    writer.add_document(std::vector<int32_t>{1});
    EXPECT_FALSE(std::filesystem::exists(folder / "s.tokens"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(TokenShard, IdsOutsideTheVocabularyAreRefusedWhenWritten) {
  const TemporaryFolder folder;
  TokenShardWriter writer(folder / "s.tokens", 10, kTokenizer);
  EXPECT_THROW(writer.add_document(std::vector<int32_t>{1, 10}), DataError);
  EXPECT_THROW(writer.add_document(std::vector<int32_t>{-1}), DataError);
  EXPECT_EQ(writer.num_tokens(), 0);
  EXPECT_ANY_THROW(TokenShardWriter(folder / "t.tokens", 10, "short"));
}

TEST(TokenShard, EveryTruncationAndExtensionIsRefused) {
  const TemporaryFolder folder;
  write_shard(folder / "s.tokens", 300, {{1, 2, 3}, {4, 5}});
  const std::string whole = read_file(folder / "s.tokens");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(open_fault(folder.put("t.tokens", whole.substr(0, size))), "") << size;
  }
  EXPECT_THAT(open_fault(folder.put("t.tokens", whole + "x")), HasSubstr("appended"));
}

TEST(TokenShard, EveryBitFlipIsFound) {
  const TemporaryFolder folder;
  write_shard(folder / "s.tokens", 300, {{1, 2, 3}, {4, 5}});
  const std::string whole = read_file(folder / "s.tokens");
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto path = folder.put("t.tokens", flipped);
    // The header is checked on opening, the payload by verify().
    EXPECT_TRUE(bit / 8 < kShardHeaderBytes ? open_fault(path) != "" : is_refused(path)) << bit;
  }
}

TEST(TokenShard, HeadersThatLieAreNamed) {
  const TemporaryFolder folder;
  TokenShardInfo info = write_shard(folder / "s.tokens", 300, {{1, 2, 3}, {4, 5}});
  const std::string whole = read_file(folder / "s.tokens");
  const auto fault_with = [&](auto change) {
    TokenShardInfo lie = info;
    change(lie);
    return open_fault(folder.put("t.tokens", with_header(whole, lie)));
  };
  EXPECT_EQ(fault_with([](TokenShardInfo&) {}), "");
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.num_tokens = int64_t{1} << 62; }),
              HasSubstr("truncated"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.num_tokens = -1; }), HasSubstr("truncated"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.num_documents = int64_t{1} << 61; }),
              HasSubstr("truncated"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.num_documents = 1; }), HasSubstr("appended"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.num_tokens = 6; }), HasSubstr("document table"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.vocab_size = 0; }), HasSubstr("vocabulary"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.vocab_size = 70000; }),
              HasSubstr("bytes per token"));
  EXPECT_THAT(fault_with([](TokenShardInfo& i) { i.token_bytes = 0; }),
              HasSubstr("bytes per token"));
}

TEST(TokenShard, TableAndIdsAreCheckedEvenWhenHashesAreRight) {
  const TemporaryFolder folder;
  TokenShardInfo info = write_shard(folder / "s.tokens", 300, {{1, 2, 3}, {4, 5}});
  std::string whole = read_file(folder / "s.tokens");
  std::string table = whole;
  table[table.size() - 16] = 6;  // document 0 ends behind document 1
  EXPECT_THAT(open_fault(folder.put("t.tokens", table)),
              AllOf(HasSubstr("document 1"), HasSubstr("ends before it begins")));
  whole[kShardHeaderBytes + 1] = 2;  // id 513
  info.payload_hash = hash_text(std::string_view(whole).substr(kShardHeaderBytes));
  folder.put("t.tokens", with_header(whole, info));
  EXPECT_THAT(error_of<DataError>([&] { TokenShardReader(folder / "t.tokens").verify(); }),
              AllOf(HasSubstr("token 0"), HasSubstr("513"), HasSubstr("300")));
}

TEST(TokenShard, TargetsReadBackBitForBit) {
  const TemporaryFolder folder;
  TokenShardWriter writer(folder / "s.tokens", 300, kTokenizer);
  std::vector<uint8_t> expected;
  writer.add_document(std::vector<int32_t>{1, 2, 3});  // all, like every document without targets
  expected.insert(expected.end(), {1, 1, 1});
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;
  for (int i = 0; i < 150; ++i) {
    ids.push_back(i);
    trained.push_back(i % 3 == 0 ? 0 : 1);
  }
  writer.add_document(ids, trained);
  expected.insert(expected.end(), trained.begin(), trained.end());
  writer.add_document({});
  writer.add_document(std::vector<int32_t>{4, 5});
  expected.insert(expected.end(), {1, 1});
  EXPECT_TRUE(writer.close().has_targets);
  const TokenShardReader reader(folder / "s.tokens");
  reader.verify();
  EXPECT_TRUE(reader.has_targets());
  EXPECT_THAT(reader.document_offsets(), ElementsAre(0, 3, 153, 153, 155));
  std::vector<uint8_t> found(155);
  reader.copy_targets(0, found);
  EXPECT_EQ(found, expected);
  reader.copy_targets(100, std::span(found).first(3));
  EXPECT_EQ(std::vector(found.begin(), found.begin() + 3),
            std::vector(expected.begin() + 100, expected.begin() + 103));
  EXPECT_EQ(reader.token(154), 5);
  EXPECT_ANY_THROW(reader.copy_targets(154, std::span(found).first(2)));
}

TEST(TokenShard, WithoutTargetsEveryTokenIsOneAndTheFileIsVersionOne) {
  const TemporaryFolder folder;
  EXPECT_FALSE(write_shard(folder / "s.tokens", 300, {{1, 2}}).has_targets);
  const TokenShardReader reader(folder / "s.tokens");
  EXPECT_FALSE(reader.has_targets());
  std::vector<uint8_t> targets(2, 7);
  reader.copy_targets(0, targets);
  EXPECT_THAT(targets, ElementsAre(1, 1));
  EXPECT_EQ(read_file(folder / "s.tokens")[8], 1);
}

TEST(TokenShard, TargetsMustFitTheirDocument) {
  const TemporaryFolder folder;
  TokenShardWriter writer(folder / "s.tokens", 300, kTokenizer);
  EXPECT_ANY_THROW(writer.add_document(std::vector<int32_t>{1, 2}, std::vector<uint8_t>{1}));
}

TEST(TokenShard, DamageOfTheTargetsIsFound) {
  const TemporaryFolder folder;
  TokenShardWriter writer(folder / "s.tokens", 300, kTokenizer);
  writer.add_document(std::vector<int32_t>{1, 2, 3}, std::vector<uint8_t>{0, 1, 1});
  TokenShardInfo info = writer.close();
  std::string whole = read_file(folder / "s.tokens");
  EXPECT_EQ(whole[8], 2);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(open_fault(folder.put("t.tokens", whole.substr(0, size))), "") << size;
  }
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    EXPECT_TRUE(is_refused(folder.put("t.tokens", flipped))) << bit;
  }
  TokenShardInfo lie = info;
  lie.has_targets = false;
  EXPECT_THAT(open_fault(folder.put("t.tokens", with_header(whole, lie))), HasSubstr("appended"));
  whole[136] = static_cast<char>(whole[136] | 8);  // a fourth bit for three tokens
  info.payload_hash = hash_text(std::string_view(whole).substr(kShardHeaderBytes));
  folder.put("t.tokens", with_header(whole, info));
  EXPECT_THAT(error_of<DataError>([&] { TokenShardReader(folder / "t.tokens").verify(); }),
              HasSubstr("behind the last token"));
}

TEST(TokenShard, OtherFilesAreNamedAsSuch) {
  const TemporaryFolder folder;
  EXPECT_THAT(open_fault(folder.put("s.tokens", std::string(500, 'a'))),
              HasSubstr("no token shard"));
  EXPECT_THAT(open_fault(folder / "none.tokens"), HasSubstr("none.tokens"));
}

}  // namespace
}  // namespace ropewalk
