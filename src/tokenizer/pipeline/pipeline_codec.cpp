// The stages of tokenizer.json in their order: added tokens, normalizer, pre-tokenizer, model.
#include <unordered_map>

#include "tokenizer/bpe/word_model.h"
#include "tokenizer/codec.h"
#include "tokenizer/files/json_fields.h"
#include "tokenizer/pipeline/added_tokens.h"
#include "tokenizer/pipeline/decoder.h"
#include "tokenizer/pipeline/normalizer.h"
#include "tokenizer/pipeline/pre_tokenizer.h"
#include "tokenizer/scratch_pool.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {
namespace {

struct EncodeScratch {
  PreTokenizerScratch pre_tokenizer;
  ModelScratch model;
  NormalizerScratch normalizer;
};

void check_ids(const TokenizerFile& file, const WordModel& model, Diagnostics& diagnostics) {
  for (const AddedToken& token : file.added_tokens) {
    const auto id = model.find(token.content);
    if (id && *id != token.id) {
      diagnostics.error("added_tokens",
                        "'" + token.content + "' has the id " + std::to_string(token.id) +
                            " here and " + std::to_string(*id) + " in model.vocab");
    }
  }
}

std::vector<AddedToken> select(const TokenizerFile& file,
                               bool normalized,
                               const Normalizer& normalizer) {
  std::vector<AddedToken> tokens;
  NormalizerScratch scratch;
  for (const AddedToken& token : file.added_tokens) {
    if (token.normalized != normalized) continue;
    tokens.push_back(token);
    if (normalized) tokens.back().content = normalizer.apply({token.content}, scratch).text;
  }
  return tokens;
}

class PipelineCodec : public Codec {
 public:
  PipelineCodec(const TokenizerFile& file, Diagnostics& diagnostics)
      : normalizer_(member(file.root, "normalizer"), diagnostics),
        raw_tokens_(select(file, false, normalizer_)),
        normalized_tokens_(select(file, true, normalizer_)),
        pre_tokenizer_(member(file.root, "pre_tokenizer"), diagnostics),
        model_(read_model(file, pre_tokenizer_.byte_level(), diagnostics)),
        decoder_(file, normalizer_, diagnostics) {
    check_ids(file, *model_, diagnostics);
    for (const AddedToken& token : file.added_tokens) added_ids_.emplace(token.content, token.id);
  }

  void encode_append(std::string_view text, std::vector<int32_t>& ids) const override {
    std::unique_ptr<EncodeScratch> scratch = pool_.take();
    const auto add_word = [&](std::string_view word) {
      model_->encode_word(word, scratch->model, ids);
    };
    raw_tokens_.split(text, [&](const AddedTokenMatcher::Segment& raw) {
      if (raw.id) return ids.push_back(*raw.id);
      const bool first = raw.text.data() == text.data();
      const size_t at_start = first ? first_code_point(raw.text).size : 0;
      const TextPiece normalized = normalizer_.apply({raw.text, at_start}, scratch->normalizer);
      normalized_tokens_.split(normalized.text, [&](const AddedTokenMatcher::Segment& segment) {
        if (segment.id) return ids.push_back(*segment.id);
        const size_t begin = segment.text.data() - normalized.text.data();
        const TextPiece piece = normalized.part(begin, begin + segment.text.size());
        pre_tokenizer_.split(piece, scratch->pre_tokenizer, add_word);
      });
    });
    pool_.give(std::move(scratch));
  }

  std::string decode(std::span<const int32_t> ids, bool skip_special) const override {
    return decoder_.decode(ids, skip_special);
  }

  std::optional<int32_t> find(const std::string& token) const override {
    const auto added = added_ids_.find(token);
    return added != added_ids_.end() ? std::optional(added->second) : model_->find(token);
  }

  int64_t num_ids() const override { return decoder_.num_ids(); }

 private:
  Normalizer normalizer_;
  AddedTokenMatcher raw_tokens_;
  AddedTokenMatcher normalized_tokens_;
  PreTokenizer pre_tokenizer_;
  std::unique_ptr<WordModel> model_;
  Decoder decoder_;
  std::unordered_map<std::string, int32_t> added_ids_;
  mutable ScratchPool<EncodeScratch> pool_;
};

}  // namespace

LoadedCodec make_pipeline_codec(const TokenizerFile& file, Diagnostics& diagnostics) {
  LoadedCodec loaded;
  loaded.codec = std::make_unique<PipelineCodec>(file, diagnostics);
  loaded.text_template = read_post_processor(member(file.root, "post_processor"), diagnostics);
  return loaded;
}

}  // namespace ropewalk::tokenization
