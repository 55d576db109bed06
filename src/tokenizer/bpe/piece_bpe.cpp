#include "tokenizer/bpe/piece_bpe.h"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>

#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

using Piece = SentencePieceModel::Piece;
using PieceKind = SentencePieceModel::PieceKind;

constexpr std::string_view kSpace = "\u2581";

using PieceIds = std::unordered_map<std::string_view, int32_t>;

// Those that texts are merged into.
PieceIds ids_of_normal_pieces(const SentencePieceModel& model) {
  PieceIds ids;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    if (model.pieces[id].kind != PieceKind::kNormal) continue;
    ids.emplace(model.pieces[id].text, static_cast<int32_t>(id));
  }
  return ids;
}

bool holds_only_known_characters(std::string_view piece, const PieceIds& ids) {
  while (!piece.empty()) {
    const size_t size = first_code_point(piece).size;
    if (!ids.contains(piece.substr(0, size))) return false;
    piece.remove_prefix(size);
  }
  return true;
}

bool is_understood(const SentencePieceModel& model) {
  if (model.kind != SentencePieceModel::Kind::kBpe || model.whitespace_as_suffix ||
      model.has_character_map || model.remove_extra_whitespaces || !model.escape_whitespaces) {
    return false;
  }
  const PieceIds ids = ids_of_normal_pieces(model);
  const auto is_merged = [&](const Piece& piece) {
    return piece.kind != PieceKind::kNormal || holds_only_known_characters(piece.text, ids);
  };
  const auto is_of = [](PieceKind kind) {
    return [kind](const Piece& piece) { return piece.kind == kind; };
  };
  return std::ranges::none_of(model.pieces, is_of(PieceKind::kUnused)) &&
         std::ranges::count_if(model.pieces, is_of(PieceKind::kUnknown)) == 1 &&
         (!model.byte_fallback ||
          std::ranges::count_if(model.pieces, is_of(PieceKind::kByte)) == 256) &&
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

std::vector<IdMerge> merges_of(const SentencePieceModel& model) {
  const PieceIds ids = ids_of_normal_pieces(model);
  const std::unordered_map<float, uint32_t> ranks = ranks_of_scores(model);
  std::vector<IdMerge> merges;
  for (const auto& [text, id] : ids) {
    for (size_t cut = first_code_point(text).size; cut < text.size();
         cut += first_code_point(text.substr(cut)).size) {
      const auto left = ids.find(text.substr(0, cut));
      const auto right = ids.find(text.substr(cut));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({left->second, right->second, id, ranks.at(model.pieces[id].score)});
    }
  }
  return merges;
}

// The merging as a tokenizer.json would say it.
TokenizerFile make_file(const SentencePieceModel& model) {
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
  file.id_merges = merges_of(model);
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
  if (!is_understood(model)) return nullptr;
  Diagnostics diagnostics;
  std::unique_ptr<PieceBpe> made(new PieceBpe(model, diagnostics));
  return diagnostics.ok() ? std::move(made) : nullptr;
}

PieceBpe::PieceBpe(const SentencePieceModel& model, Diagnostics& diagnostics)
    : add_dummy_prefix_(model.add_dummy_prefix),
      user_defined_(match_user_defined(model)),
      bpe_(make_file(model), /*byte_level=*/false, diagnostics) {}

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
