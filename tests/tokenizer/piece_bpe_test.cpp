// Against libsentencepiece itself, on models whose scores, pieces and symbols are at odds.
#include "tokenizer/bpe/piece_bpe.h"

#include <gmock/gmock.h>
#include <sentencepiece_processor.h>

#include <cmath>
#include <random>

#include "tokenizer/model_files.h"

namespace ropewalk::tokenization {
namespace {

using Pieces = std::vector<PieceSpec>;

const Pieces kReserved = {{"<unk>", 0, PieceType::kUnknown}, {"<s>", 0, PieceType::kControl}};

// Equal scores, pieces that several pairs make, a better piece that only worse ones lead to.
const Pieces kTies = {{"▁", -9},
                      {"a", -9},
                      {"b", -9},
                      {"é", -9},
                      {"aa", -3},
                      {"aaa", -3},
                      {"aaaa", -3},
                      {"ab", -5},
                      {"ba", -5},
                      {"aab", -1},
                      {"abb", -8},
                      {"bb", -6},
                      {"▁▁", -99},
                      {"▁▁▁", -99},
                      {"▁▁▁▁", -99},
                      {"▁a", -2},
                      {"éa", -4},
                      {"a▁", -7},
                      {"▁ab", -4}};

const Pieces kUserDefined = {{"<x>", 0, PieceType::kUserDefined},
                             {"<x><", 0, PieceType::kUserDefined},
                             {"b▁", 0, PieceType::kUserDefined}};

Pieces joined(const std::vector<Pieces>& parts) {
  Pieces all;
  for (const Pieces& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::unique_ptr<PieceBpe> made_of(const std::string& model) {
  const auto parsed = parse_sentence_piece_model(model);
  EXPECT_TRUE(parsed);
  return PieceBpe::make(*parsed);
}

void expect_the_librarys_ids(const std::string& model) {
  sentencepiece::SentencePieceProcessor library;
  ASSERT_TRUE(library.LoadFromSerializedProto(model).ok());
  const auto ours = made_of(model);
  ASSERT_NE(ours, nullptr);
  const std::vector<std::string> parts = {"a",
                                          "a",
                                          "a",
                                          "b",
                                          "b",
                                          " ",
                                          " ",
                                          "▁",
                                          "é",
                                          "z",
                                          "z",
                                          "\n",
                                          "漢",
                                          "<x>",
                                          "<x><",
                                          "<",
                                          "x>",
                                          "<s>",
                                          "<unk>",
                                          "<0x41>",
                                          "    ",
                                          "aaaaaaa",
                                          std::string(1, '\0')};
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    // Most are short; some are beyond what is merged by scanning.
    std::string text;
    for (size_t n = random() % (i % 10 == 0 ? 120 : 9); n > 0; --n) {
      text += parts[random() % parts.size()];
    }
    std::vector<int> expected;
    ASSERT_TRUE(library.Encode(text, &expected).ok());
    std::vector<int32_t> found;
    ours->encode_append(text, found);
    ASSERT_EQ(found, expected) << testing::PrintToString(text);
  }
}

TEST(PieceBpe, GivesTheLibrarysIds) {
  for (const bool dummy_prefix : {true, false}) {
    const ModelSettings settings{.dummy_prefix = dummy_prefix};
    expect_the_librarys_ids(sentence_piece_model(joined({kReserved, kTies}), settings));
    expect_the_librarys_ids(
        sentence_piece_model(joined({kReserved, kUserDefined, kTies}), settings));
  }
}

TEST(PieceBpe, GivesTheLibrarysIdsWithBytesForUnknownCharacters) {
  const ModelSettings settings{.byte_fallback = true};
  expect_the_librarys_ids(
      sentence_piece_model(joined({kReserved, byte_pieces(), kUserDefined, kTies}), settings));
}

TEST(PieceBpe, WhatFollowsOtherRulesIsLeftToTheLibrary) {
  const Pieces sound = joined({kReserved, kTies});
  EXPECT_NE(made_of(sentence_piece_model(sound, {})), nullptr);
  EXPECT_EQ(made_of(sentence_piece_model(sound, {.kind = 1})), nullptr);
  EXPECT_EQ(made_of(sentence_piece_model(sound, {.remove_extra_whitespaces = true})), nullptr);
  EXPECT_EQ(made_of(sentence_piece_model(sound, {.byte_fallback = true})),
            nullptr);  // without bytes
  EXPECT_EQ(made_of(sentence_piece_model(joined({sound, {{"aabb", -1, PieceType::kUnused}}}), {})),
            nullptr);
  EXPECT_EQ(made_of(sentence_piece_model(joined({sound, {{"az", -1}}}), {})),
            nullptr);  // z alone is none
  // Damaged: no character, no number.
  EXPECT_EQ(made_of(sentence_piece_model(joined({sound, {{"a\xE2", -1}}}), {})), nullptr);
  EXPECT_EQ(made_of(sentence_piece_model(joined({sound, {{"abab", std::nanf("")}}}), {})), nullptr);
}

TEST(SentencePieceModel, BytesThatAreNoWholeMessageAreNone) {
  const std::string whole = sentence_piece_model(joined({kReserved, kTies}), {});
  const auto model = parse_sentence_piece_model(whole);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->pieces.size(), kReserved.size() + kTies.size());
  EXPECT_EQ(model->pieces.back().text, "▁ab");
  EXPECT_EQ(model->pieces.back().score, -4);
  EXPECT_EQ(model->kind, SentencePieceModel::Kind::kBpe);
  EXPECT_FALSE(model->remove_extra_whitespaces);
  EXPECT_TRUE(model->escape_whitespaces);  // the format's default
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_sentence_piece_model(whole.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace ropewalk::tokenization
