#include "ropewalk/formats/token_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "formats/megatron_files.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Lists = std::vector<std::vector<int64_t>>;

constexpr int32_t kEos = 9;

Lists documents_of(const TokenStore& store) {
  Lists documents;
  for (int64_t i = 0; i < store.num_documents(); ++i) {
    documents.emplace_back(static_cast<size_t>(store.document_length(i)));
    store.copy_tokens(static_cast<int64_t>(store.document_offsets()[i]), documents.back());
  }
  return documents;
}

std::vector<int64_t> tokens_of(const TokenStore& store) {
  std::vector<int64_t> tokens(static_cast<size_t>(store.num_tokens()));
  store.copy_tokens(0, tokens);
  return tokens;
}

std::string open_fault(const std::filesystem::path& path, const TokenFileOptions& options = {}) {
  return error_of<DataError>([&] { open_token_file(path, options); });
}

Lists nanogpt_documents(const std::vector<int64_t>& ids, std::optional<int32_t> eos = kEos) {
  const TemporaryFolder folder;
  const auto store = open_token_file(folder.put("x.bin", raw_ids<uint16_t>(ids)), {.eos_id = eos});
  EXPECT_EQ(store->format(), "nanogpt");
  return documents_of(*store);
}

TEST(NanoGptFile, SeparatorsEndDocumentsAndAreNoPartOfThem) {
  EXPECT_EQ(nanogpt_documents({1, 2, kEos, 3, kEos}), (Lists{{1, 2}, {3}}));
  EXPECT_EQ(nanogpt_documents({1, 2, kEos, 3}), (Lists{{1, 2}, {3}}));
  EXPECT_EQ(nanogpt_documents({kEos, 1, 2, kEos, 3}), (Lists{{1, 2}, {3}}));
  EXPECT_EQ(nanogpt_documents({1, kEos, kEos, 3, kEos}), (Lists{{1}, {}, {3}}));
  EXPECT_EQ(nanogpt_documents({kEos, kEos, 3}), (Lists{{}, {3}}));
  EXPECT_EQ(nanogpt_documents({kEos}), Lists{});
}

TEST(NanoGptFile, WithoutAKnownSeparatorItIsOneDocument) {
  EXPECT_EQ(nanogpt_documents({1, kEos, 65535}, std::nullopt), (Lists{{1, kEos, 65535}}));
  EXPECT_EQ(nanogpt_documents({1, 34464, 3}, 100000), (Lists{{1, 34464, 3}}));  // 100000 % 65536
}

TEST(NanoGptFile, RunsAcrossDocumentsLeaveOutTheSeparators) {
  const TemporaryFolder folder;
  const auto path =
      folder.put("x.bin", raw_ids<uint16_t>({kEos, 1, 2, kEos, kEos, kEos, 3, 4, 5, kEos, 6}));
  const auto store = open_token_file(path, {.eos_id = kEos});
  EXPECT_THAT(tokens_of(*store), ElementsAre(1, 2, 3, 4, 5, 6));
  std::vector<int32_t> part(4);
  store->copy_tokens(1, std::span(part));
  EXPECT_THAT(part, ElementsAre(2, 3, 4, 5));
  EXPECT_EQ(store->token(5), 6);
  EXPECT_ANY_THROW(store->token(6));
  std::vector<uint8_t> targets(6);
  store->copy_targets(0, targets);
  EXPECT_THAT(targets, testing::Each(1));
  EXPECT_FALSE(store->has_targets() || store->vocab_size() || store->tokenizer_hash());
}

// Separators at every place of the scan's blocks and windows.
TEST(NanoGptFile, SeparatorsAreFoundWhereverTheyStand) {
  std::vector<int64_t> ids(5'000'000, 7);
  std::vector<uint64_t> offsets{0};
  uint64_t begin = 0;
  for (const size_t at : {1U, 63U, 64U, 127U, 128U, 2097151U, 2097152U, 2097153U, 4999998U}) {
    ids[at] = kEos;
    offsets.push_back(offsets.back() + at - begin);
    begin = at + 1;
  }
  offsets.push_back(offsets.back() + ids.size() - begin);
  const TemporaryFolder folder;
  const auto store = open_token_file(folder.put("x.bin", raw_ids<uint16_t>(ids)), {.eos_id = kEos});
  const std::span<const uint64_t> found = store->document_offsets();
  EXPECT_EQ(std::vector(found.begin(), found.end()), offsets);
}

std::string llmc_file(int32_t magic, int32_t version, int32_t count, const std::string& ids) {
  std::array<int32_t, 256> header{magic, version, count};
  return std::string(reinterpret_cast<const char*>(header.data()), sizeof header) + ids;
}

TEST(LlmcFile, BothWidthsAreRead) {
  const TemporaryFolder folder;
  const std::vector<int64_t> ids = {kEos, 1, 2, kEos, 3};
  auto path = folder.put("x.bin", llmc_file(20240520, 1, 5, raw_ids<uint16_t>(ids)));
  auto store = open_token_file(path, {.eos_id = kEos});
  EXPECT_EQ(store->format(), "llm.c");
  EXPECT_EQ(documents_of(*store), (Lists{{1, 2}, {3}}));
  path = folder.put("y.bin", llmc_file(20240801, 7, 2, raw_ids<uint32_t>({128000, 5})));
  store = open_token_file(path, {.vocab_size = 128001});
  EXPECT_EQ(store->token_bytes(), 4);
  EXPECT_THAT(tokens_of(*store), ElementsAre(128000, 5));
}

TEST(LlmcFile, HeadersThatLieAreNamed) {
  const TemporaryFolder folder;
  const std::string ids = raw_ids<uint16_t>({1, 2});
  const auto fault = [&](const std::string& content) {
    return open_fault(folder.put("x.bin", content));
  };
  EXPECT_THAT(fault(llmc_file(20240520, 3, 9, ids)),
              AllOf(HasSubstr("2 faults"), HasSubstr("version is 3"), HasSubstr("truncated")));
  EXPECT_THAT(fault(llmc_file(20240520, 1, 1, ids)), HasSubstr("appended"));
  EXPECT_THAT(fault(llmc_file(20240801, 7, 2, ids)), HasSubstr("truncated"));
  EXPECT_THAT(fault(llmc_file(20240520, 1, -1, ids)), HasSubstr("counts -1"));
  EXPECT_THAT(fault(llmc_file(20240522, 1, 1, ids)), HasSubstr("multiple-choice"));
  EXPECT_THAT(fault(llmc_file(20240520, 1, 2, ids).substr(0, 100)), HasSubstr("truncated"));
}

TEST(TokenFile, WhatHoldsNoIdsIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(open_fault(folder.put("x.bin", "")), HasSubstr("0 bytes"));
  EXPECT_THAT(open_fault(folder.put("x.bin", "abc")), HasSubstr("3 bytes"));
  EXPECT_THAT(open_fault(folder.put("x.bin", std::string("PK\3\4\0\0\0\0", 8))),
              HasSubstr("PyTorch"));
  EXPECT_THAT(open_fault(folder / "none.bin"), HasSubstr("none.bin"));
  EXPECT_THAT(open_fault(folder.put("y.idx", "MMIDIDX")), HasSubstr("y.bin is not beside it"));
}

TEST(TokenFile, IdsBeyondTheVocabularyAreNamedWhenRead) {
  const TemporaryFolder folder;
  const auto path = folder.put("x.bin", raw_ids<uint16_t>({1, kEos, 2, 500, 3}));
  const auto store = open_token_file(path, {.eos_id = kEos, .vocab_size = 500});
  EXPECT_EQ(store->token(1), 2);
  EXPECT_THAT(error_of<DataError>([&] { store->token(2); }),
              AllOf(HasSubstr("x.bin: token 3 has id 500"), HasSubstr("0..499")));
  EXPECT_NO_THROW(tokens_of(*open_token_file(path, {.vocab_size = 501})));
  EXPECT_THAT(open_fault(path, {.vocab_size = 128256}), HasSubstr("ids of 2 bytes"));
}

MegatronParts small_index() {
  return {.lengths = {2, 1, 3, 1}, .pointers = {0, 4, 6, 12}, .documents = {0, 2, 2, 3, 4}};
}
const std::vector<int64_t> kSmallIds = {1, 2, 3, 4, 5, kEos, kEos};

TEST(MegatronFile, DocumentsAreTheIndexsWithoutTheirLastSeparator) {
  const TemporaryFolder folder;
  folder.put("x.v2_text.idx", small_index().index());
  folder.put("x.v2_text.bin", raw_ids<uint16_t>(kSmallIds));
  for (const char* name : {"x.v2_text", "x.v2_text.bin", "x.v2_text.idx"}) {
    const auto path = find_token_file(folder / name);
    ASSERT_TRUE(path) << name;
    const auto store = open_token_file(*path, {.eos_id = kEos});
    EXPECT_EQ(store->format(), "megatron");
    EXPECT_EQ(documents_of(*store), (Lists{{1, 2, 3}, {}, {4, 5}, {}})) << name;
    EXPECT_THAT(tokens_of(*store), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_EQ(documents_of(*open_token_file(*path)), (Lists{{1, 2, 3}, {}, {4, 5, kEos}, {kEos}}));
  }
  EXPECT_THAT(token_files_in(folder.path()), ElementsAre(folder / "x.v2_text.idx"));
}

template <typename T>
void check_type(uint8_t code) {
  const TemporaryFolder folder;
  const MegatronParts parts{
      .type = code, .lengths = {2, 2}, .pointers = {0, 2 * sizeof(T)}, .documents = {0, 1, 2}};
  folder.put("x.idx", parts.index());
  const auto path = folder.put("x.bin", raw_ids<T>({100, 2, 127, kEos}));
  const auto store = open_token_file(path, {.eos_id = kEos, .vocab_size = 128});
  EXPECT_EQ(documents_of(*store), (Lists{{100, 2}, {127}})) << int{code};
  folder.put("x.bin", raw_ids<T>({-1, 2, 3, 4}));
  const auto spoilt = open_token_file(path);
  if (std::is_signed_v<T> || sizeof(T) > 4) {
    EXPECT_THAT(error_of<DataError>([&] { spoilt->verify(); }), HasSubstr("token 0 has id -1"));
  }
}

TEST(MegatronFile, EveryTypeOfWholeNumbersIsRead) {
  check_type<uint8_t>(1);
  check_type<int8_t>(2);
  check_type<int16_t>(3);
  check_type<int32_t>(4);
  check_type<int64_t>(5);
  check_type<uint16_t>(8);
}

// The message of a small index after `change`, with its `.bin` beside it.
template <typename Change>
std::string index_fault(Change change) {
  const TemporaryFolder folder;
  MegatronParts parts = small_index();
  change(parts);
  folder.put("x.bin", raw_ids<uint16_t>(kSmallIds));
  return open_fault(folder.put("x.idx", parts.index()));
}

TEST(MegatronFile, EveryBrokenRuleIsNamed) {
  using P = MegatronParts&;
  constexpr int64_t kFar = int64_t{1} << 62;
  EXPECT_EQ(index_fault([](P) {}), "");
  EXPECT_THAT(index_fault([](P p) { p.version = 2; }), HasSubstr("version: is 2"));
  EXPECT_THAT(index_fault([](P p) { p.type = 7; }), HasSubstr("floating point"));
  EXPECT_THAT(index_fault([](P p) { p.type = 0; }), HasSubstr("is 0, expected"));
  EXPECT_THAT(index_fault([](P p) { p.lengths[1] = -1; }),
              AllOf(HasSubstr("sequence 1: has length -1"), Not(HasSubstr("end of the one"))));
  EXPECT_THAT(index_fault([](P p) { p.pointers[2] = 3; }),
              HasSubstr("sequence 2: begins at byte 3"));
  EXPECT_THAT(index_fault([](P p) { p.pointers[2] = -2; }), HasSubstr("begins at byte -2"));
  EXPECT_THAT(index_fault([](P p) { p.pointers[3] = kFar; }), HasSubstr("within the .bin"));
  EXPECT_THAT(index_fault([](P p) { p.lengths[2] = INT32_MAX; }),
              AllOf(HasSubstr("within the .bin"), HasSubstr("belongs to another index")));
  EXPECT_THAT(index_fault([](P p) { p.pointers[1] = 6; }),
              AllOf(HasSubstr("sequence 1: begins at byte 6"), HasSubstr("document 0")));
  EXPECT_THAT(index_fault([](P p) {
                p.documents = {0, 3, 2, 4};
              }),
              HasSubstr("document 1: ends at sequence 2"));
  EXPECT_THAT(index_fault([](P p) { p.documents.front() = 1; }), HasSubstr("runs from 1 to 4"));
  EXPECT_THAT(index_fault([](P p) { p.documents.back() = 5; }), HasSubstr("runs from 0 to 5"));
  EXPECT_THAT(index_fault([](P p) { p.documents = {}; }), HasSubstr("is empty"));
  EXPECT_THAT(index_fault([](P p) { p.documents = {0}; }), HasSubstr("runs from 0 to 0"));
}

TEST(MegatronFile, AllFaultsAreToldAtOnceAndEachOnlyOnce) {
  const std::string fault = index_fault([](MegatronParts& parts) {
    parts.lengths = {-5, -6, 3, 9};
    parts.pointers = {0, 4, 7, 9};
    parts.documents = {1, 0, 4};
  });
  EXPECT_THAT(fault,
              AllOf(HasSubstr("4 faults"),
                    HasSubstr("sequence 0: has length -5, expected 0 or more (and 1 more)"),
                    HasSubstr("sequence 2: begins at byte 7"),
                    HasSubstr("runs from 1"),
                    HasSubstr("document 0: ends")));
}

TEST(MegatronFile, EveryTruncationAndExtensionIsRefused) {
  const TemporaryFolder folder;
  const std::string index = small_index().index(), bin = raw_ids<uint16_t>(kSmallIds);
  folder.put("x.bin", bin);
  for (size_t size = 0; size < index.size(); ++size) {
    EXPECT_NE(open_fault(folder.put("x.idx", index.substr(0, size))), "") << size;
  }
  EXPECT_THAT(open_fault(folder.put("x.idx", index + "x")), HasSubstr("appended"));
  EXPECT_THAT(open_fault(folder.put("x.idx", index + "\1\1\1\1")), HasSubstr("multimodal"));
  folder.put("x.idx", index);
  for (size_t size = 0; size < bin.size(); ++size) {
    EXPECT_NE(open_fault(folder.put("x.bin", bin.substr(0, size))), "") << size;
  }
  EXPECT_THAT(open_fault(folder.put("x.bin", bin + "xx")), HasSubstr("appended"));
}

TEST(MegatronFile, CountsThatWouldOverflowAreRefused) {
  const TemporaryFolder folder;
  folder.put("x.bin", raw_ids<uint16_t>(kSmallIds));
  for (const size_t field : {18U, 26U}) {
    for (const uint64_t count : {~uint64_t{0}, uint64_t{1} << 63, uint64_t{1} << 61}) {
      std::string index = small_index().index();
      index.replace(field, 8, reinterpret_cast<const char*>(&count), 8);
      EXPECT_THAT(open_fault(folder.put("x.idx", index)), HasSubstr("damaged")) << count;
    }
  }
}

TEST(TokenFile, ContentHashTellsFilesAndSeparatorsApart) {
  const TemporaryFolder folder;
  std::vector<int64_t> ids(400'000, 3);
  const auto hash = [&](std::optional<int32_t> eos) {
    return open_token_file(folder.put("x.bin", raw_ids<uint16_t>(ids)), {.eos_id = eos})
        ->content_hash();
  };
  const std::string first = hash(kEos);
  EXPECT_EQ(hash(kEos), first);
  EXPECT_NE(hash(std::nullopt), first);
  ids.back() = 4;
  EXPECT_NE(hash(kEos), first);
  ids.back() = 3;
  ids.push_back(3);
  EXPECT_NE(hash(kEos), first);
  folder.put("y.bin", raw_ids<uint16_t>(kSmallIds));
  MegatronParts parts = small_index();
  const auto index = folder.put("y.idx", parts.index());
  const std::string pair = open_token_file(index)->content_hash();
  parts.documents = {0, 3, 4};
  folder.put("y.idx", parts.index());
  EXPECT_NE(open_token_file(index)->content_hash(), pair);
}

}  // namespace
}  // namespace ropewalk
