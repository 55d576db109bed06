#include "tokenizer/bpe/piece_bpe.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <unordered_map>

#include "ropewalk/base/utf8.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

using Piece = SentencePieceModel::Piece;
using PieceKind = SentencePieceModel::PieceKind;

constexpr std::string_view kSpace = "\u2581";

// Those that texts are merged into.
TokenIds ids_of_normal_pieces(const SentencePieceModel& model) {
  TokenIds ids = room_for_tokens(model.pieces.size());
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].kind != PieceKind::kNormal) continue;
    ids.emplace(model.pieces[id].text, static_cast<int32_t>(id));
  }
  return ids;
}

// A damaged file may hold bytes that are no characters, and scores that are no numbers.
bool is_sound(const Piece& piece) {
  return first_invalid_utf8(piece.text) == piece.text.size() && !std::isnan(piece.score);
}

bool holds_only_known_characters(std::string_view piece, const TokenIds& ids) {
  while (!piece.empty()) {
    const size_t size = first_code_point(piece).size;
    if (!ids.contains(piece.substr(0, size))) return false;
    piece.remove_prefix(size);
  }
  return true;
}

bool has_plain_settings(const SentencePieceModel& model) {
  return model.kind == SentencePieceModel::Kind::kBpe && !model.whitespace_as_suffix &&
         !model.has_character_map && !model.remove_extra_whitespaces && model.escape_whitespaces;
}

bool has_plain_pieces(const SentencePieceModel& model, const TokenIds& ids) {
  const auto is_merged = [&](const Piece& piece) {
    return piece.kind != PieceKind::kNormal ||
           (is_sound(piece) && holds_only_known_characters(piece.text, ids));
  };
  const auto count = [&](PieceKind kind) {
    return std::ranges::count(model.pieces, kind, &Piece::kind);
  };
  return count(PieceKind::kUnused) == 0 && count(PieceKind::kUnknown) == 1 &&
         (!model.byte_fallback || count(PieceKind::kByte) == 256) &&
         std::ranges::all_of(model.pieces, is_merged);
}

// The place of every score among all, the best first; equal scores have one place.
std::unordered_map<float, uint32_t> ranks_of_scores(const SentencePieceModel& model) {
  std::vector<float> scores;
  for (const Piece& piece : model.pieces) {
    if (piece.kind == PieceKind::kNormal) scores.push_back(piece.score);
  }
  std::ranges::sort(scores, std::greater<>());
  std::unordered_map<float, uint32_t> ranks;
  for (const float score : scores) ranks.emplace(score, static_cast<uint32_t>(ranks.size()));
  return ranks;
}

// The merging as a tokenizer.json would say it.
TokenizerFile make_file(const SentencePieceModel& model, const TokenIds& ids) {
  TokenizerFile file;
  Json& settings = file.root["model"];
  settings = {{"type", "BPE"}, {"fuse_unk", true}, {"byte_fallback", model.byte_fallback}};
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const auto& [text, score, kind] = model.pieces[id];
    if (kind == PieceKind::kUnknown) settings["unk_token"] = text;
    if (kind == PieceKind::kNormal || kind == PieceKind::kUnknown || kind == PieceKind::kByte) {
      file.vocab.emplace_back(text, static_cast<int64_t>(id));
    }
  }
  const std::unordered_map<float, uint32_t> ranks = ranks_of_scores(model);
  file.id_merges = merges_within(ids, [&](int32_t id) { return ranks.at(model.pieces[id].score); });
  return file;
}

AddedTokenMatcher match_user_defined(const SentencePieceModel& model) {
  std::vector<AddedToken> tokens;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].kind != PieceKind::kUserDefined) continue;
    tokens.push_back({.id = static_cast<int32_t>(id), .content = model.pieces[id].text});
  }
  return AddedTokenMatcher(std::move(tokens));
}

}  // namespace

std::unique_ptr<PieceBpe> PieceBpe::make(const SentencePieceModel& model) {
  if (!has_plain_settings(model)) return nullptr;
  const TokenIds ids = ids_of_normal_pieces(model);
  if (!has_plain_pieces(model, ids)) return nullptr;
  Diagnostics diagnostics;
  std::unique_ptr<PieceBpe> made(new PieceBpe(model, ids, diagnostics));
  return diagnostics.ok() ? std::move(made) : nullptr;
}

PieceBpe::PieceBpe(const SentencePieceModel& model, const TokenIds& ids, Diagnostics& diagnostics)
    : add_dummy_prefix_(model.add_dummy_prefix),
      user_defined_(match_user_defined(model)),
      bpe_(make_file(model, ids), /*byte_level=*/false, diagnostics) {}

void PieceBpe::encode_append(std::string_view text, std::vector<int32_t>& ids) const {
  if (text.empty()) return;
  std::unique_ptr<Scratch> scratch = pool_.take();
  std::string& written = scratch->text;
  written.assign(add_dummy_prefix_ ? kSpace : "");
  for (const char c : text) c == ' ' ? written.append(kSpace) : written.append(1, c);
  user_defined_.split(written, [&](const AddedTokenMatcher::Segment& segment) {
    if (segment.id) return ids.push_back(*segment.id);
    bpe_.encode_word(segment.text, scratch->model, ids);
  });
  pool_.give(std::move(scratch));
}

}  // namespace ropewalk::tokenization
