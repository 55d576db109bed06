#include "tokenizer/files/sentence_piece.h"

#include <sentencepiece_processor.h>

#include "ropewalk/base/errors.h"

namespace ropewalk::tokenization {
namespace {

// Field numbers of sentencepiece_model.proto's ModelProto.
constexpr uint64_t kPieces = 1;
constexpr uint64_t kTrainerSpec = 2;
constexpr uint64_t kNormalizerSpec = 3;

// Walks the outermost fields of a serialized protocol buffer, each of which must be
// length-delimited here.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}

  // The next field's number; nothing at the end or where the bytes are no such field.
  std::optional<uint64_t> next() {
    constexpr uint64_t kLengthDelimited = 2;
    const std::optional<uint64_t> tag = varint();
    if (!tag || (*tag & 7) != kLengthDelimited) return std::nullopt;
    const std::optional<uint64_t> size = varint();
    if (!size || *size > bytes_.size()) return std::nullopt;
    bytes_.remove_prefix(*size);
    return *tag >> 3;
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  std::string_view bytes_;
};

// libsentencepiece takes a file without its settings, cut between two pieces, for a unigram model.
bool is_whole_model(std::string_view bytes) {
  bool pieces = false, trainer = false, normalizer = false;
  Fields fields(bytes);
  while (const std::optional<uint64_t> field = fields.next()) {
    pieces = pieces || *field == kPieces;
    trainer = trainer || *field == kTrainerSpec;
    normalizer = normalizer || *field == kNormalizerSpec;
  }
  return fields.at_end() && pieces && trainer && normalizer;
}

class SentencePieceCodec : public Codec {
 public:
  SentencePieceCodec(std::string_view bytes, const std::string& source) {
    const auto status = processor_.LoadFromSerializedProto(bytes);
    if (!status.ok()) {
      throw DataError(source + ": found a SentencePiece model that cannot be read (" +
                      status.message() + "); fetch the file again");
    }
  }

  void encode_append(std::string_view text, std::vector<int32_t>& ids) const override {
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
  static void check(const sentencepiece::util::Status& status, const char* task) {
    if (status.ok()) return;
    throw DataError(std::string("SentencePiece could not ") + task + " this: " + status.message());
  }

  sentencepiece::SentencePieceProcessor processor_;
};

}  // namespace

LoadedCodec load_sentence_piece_codec(std::string_view bytes, const std::string& source) {
  if (!is_whole_model(bytes)) {
    throw DataError(source + ": found neither a whole SentencePiece model nor a list of base64 " +
                    "tokens with ranks (tiktoken's form, as Llama 3 has it), which a " +
                    "tokenizer.model holds. The file is damaged, or it is a pointer that `git lfs "
                    "pull` replaces; fetch it again");
  }
  auto codec = std::make_unique<SentencePieceCodec>(bytes, source);
  LoadedCodec loaded;
  loaded.bos_id = codec->bos_id();
  loaded.eos_id = codec->eos_id();
  loaded.codec = std::move(codec);
  return loaded;
}

}  // namespace ropewalk::tokenization
