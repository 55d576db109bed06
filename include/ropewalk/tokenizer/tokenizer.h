// Text to token ids and back, as a checkpoint's own tokenizer file says: `tokenizer.json` (BPE over
// bytes or characters, Unigram), equal id for id to pip `tokenizers`; `tokenizer.model` of
// SentencePiece, equal to pip `sentencepiece` up to 0.2.1 (newer ones choose otherwise among
// equally likely cuts of unigram models); or `tokenizer.model` of Llama 3 and 4 (tiktoken's form),
// equal to pip `tiktoken`. What is not understood is a DataError that names it, never a guess.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

// Immutable after load; every method may be called from several threads at once.
class Tokenizer {
 public:
  // A checkpoint folder (see tokenizer_file_of; beside it `tokenizer_config.json`) or one such
  // file, told apart by its content. Throws DataError listing everything in it that is not
  // understood.
  static std::shared_ptr<const Tokenizer> load(const std::filesystem::path& folder_or_file);
  ~Tokenizer();

  // Special tokens written out in the text become their ids; of SentencePiece's, user-defined
  // symbols do and control symbols ("<s>") do not: those are encoded like other text. With
  // `add_special` the ids that the tokenizer puts around a text (BOS, EOS, template) are added.
  // Time is linear in the length, up to the logarithm in single words. Text that is not UTF-8:
  // DataError with the byte.
  std::vector<int32_t> encode(std::string_view text, bool add_special = false) const;
  // Appends to `ids`; saves the allocation when many texts are encoded.
  void encode_append(std::string_view text, std::vector<int32_t>& ids) const;

  // Bytes that are no UTF-8 (a character cut in two) become U+FFFD; unknown ids are left out.
  // SentencePiece's control symbols have no text, skipped or not.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;
  // The text that `ids` add to that of `before`: what both together decode to, less what `before`
  // alone does. A space in front of the first word stays, and a character that `before` leaves
  // unfinished comes whole; one that `ids` leave unfinished is U+FFFD. Of `before` only as many of
  // the last ids are decoded as matter, mostly 16, so that a stream takes linear time.
  std::string decode_continuation(std::span<const int32_t> before,
                                  std::span<const int32_t> ids,
                                  bool skip_special = true) const;

  // Largest id + 1, added tokens included. A model's vocab_size may be larger (padding), never
  // smaller.
  int64_t vocab_size() const;
  // From tokenizer_config.json, else tokenizer.model's own; a model's generation settings are the
  // caller's concern.
  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;
  std::optional<int32_t> token_id(std::string_view token) const;  // token as the file writes it
  // Whether a text gets BOS in front: `add_bos_token` of tokenizer_config.json where it is given;
  // else as the post-processor's template says, for Llama's files yes, for SentencePiece's no.
  bool add_bos() const;

  // Identity of the bytes of the file, as hash_file; token shards carry it.
  const std::string& hash() const;

  struct Impl;

 private:
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The file that Tokenizer::load takes of a folder: `tokenizer.json`, else `tokenizer.model`;
// nothing when neither is there.
std::optional<std::filesystem::path> tokenizer_file_of(const std::filesystem::path& folder);

}  // namespace ropewalk
