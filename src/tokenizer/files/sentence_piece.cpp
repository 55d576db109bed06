#include "tokenizer/files/sentence_piece.h"

#include <sentencepiece_processor.h>

#include "ropewalk/base/errors.h"
#include "tokenizer/bpe/piece_bpe.h"
#include "tokenizer/files/sentence_piece_model.h"

namespace ropewalk::tokenization {
namespace {

class SentencePieceCodec : public Codec {
 public:
  SentencePieceCodec(std::string_view bytes,
                     const SentencePieceModel& model,
                     const std::string& source)
      : bpe_(PieceBpe::make(model)) {
    if (const std::string fault = load(bytes); !fault.empty()) {
      throw DataError(source + ": found a SentencePiece model that cannot be read (" + fault +
                      "); fetch the file again");
    }
  }

  void encode_append(std::string_view text, std::vector<int32_t>& ids) const override {
    if (bpe_) return bpe_->encode_append(text, ids);
    std::vector<int> found;
    check(processor_.Encode(text, &found), "encode");
    ids.insert(ids.end(), found.begin(), found.end());
  }

  std::string decode(std::span<const int32_t> ids, bool) const override {
    std::vector<int> known;
    for (const int32_t id : ids) {
      if (id >= 0 && id < num_ids()) known.push_back(id);
    }
    std::string text;
    check(processor_.Decode(known, &text), "decode");
    return text;
  }

  std::optional<int32_t> find(const std::string& token) const override {
    const int id = processor_.PieceToId(token);  // of any unknown token, that of the unknown one
    return processor_.IdToPiece(id) == token ? std::optional<int32_t>(id) : std::nullopt;
  }

  int64_t num_ids() const override { return processor_.GetPieceSize(); }

  // -1, the library's word for none, becomes nothing.
  static std::optional<int32_t> id_or_none(int id) {
    return id < 0 ? std::nullopt : std::optional<int32_t>(id);
  }
  std::optional<int32_t> bos_id() const { return id_or_none(processor_.bos_id()); }
  std::optional<int32_t> eos_id() const { return id_or_none(processor_.eos_id()); }

 private:
  // What is wrong with the model, if anything.
  std::string load(std::string_view bytes) {
    try {
      const auto status = processor_.LoadFromSerializedProto(bytes);
      return status.ok() ? "" : status.ToString();
    } catch (const std::exception& error) {  // of the trie that the library makes of the pieces
      return error.what();
    }
  }

  static void check(const sentencepiece::util::Status& status, const char* task) {
    if (status.ok()) return;
    throw DataError(std::string("SentencePiece could not ") + task + " this: " + status.message());
  }

  sentencepiece::SentencePieceProcessor processor_;
  std::unique_ptr<const PieceBpe> bpe_;  // null: the processor encodes
};

}  // namespace

LoadedCodec load_sentence_piece_codec(std::string_view bytes, const std::string& source) {
  // libsentencepiece takes a file without its settings for a unigram model.
  const std::optional<SentencePieceModel> model = parse_sentence_piece_model(bytes);
  if (!model) {
    throw DataError(source + ": found neither a whole SentencePiece model nor a list of base64 " +
                    "tokens with ranks (tiktoken's form, as Llama 3 has it), which a " +
                    "tokenizer.model holds. The file is damaged, or it is a pointer that `git lfs "
                    "pull` replaces; fetch it again");
  }
  if (!model->sound_character_maps) {
    throw DataError(source +
                    ": found a map of characters that leads out of itself; the file is "
                    "damaged or was made to do harm. Fetch it again from where it is trusted");
  }
  auto codec = std::make_unique<SentencePieceCodec>(bytes, *model, source);
  LoadedCodec loaded;
  loaded.bos_id = codec->bos_id();
  loaded.eos_id = codec->eos_id();
  loaded.codec = std::move(codec);
  return loaded;
}

}  // namespace ropewalk::tokenization
