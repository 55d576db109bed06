// Text to token ids and back, as a checkpoint's own `tokenizer.json` says (BPE over bytes or
// characters, Unigram). Equal to pip `tokenizers` id for id; what is not understood is a DataError
// that names it, never a guess.
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
  // A checkpoint folder (`tokenizer.json`, beside it `tokenizer_config.json`) or the file itself.
  // Throws DataError listing everything in it that is not understood.
  static std::shared_ptr<const Tokenizer> load(const std::filesystem::path& folder_or_file);
  ~Tokenizer();

  // Special tokens written out in the text become their ids, as in `tokenizers`. With `add_special`
  // the ids that the tokenizer puts around a text (BOS, EOS, template) are added. Time is linear in
  // the length, up to the logarithm in single words. Text that is not UTF-8: DataError with the
  // byte.
  std::vector<int32_t> encode(std::string_view text, bool add_special = false) const;
  // Appends to `ids`; saves the allocation when many texts are encoded.
  void encode_append(std::string_view text, std::vector<int32_t>& ids) const;

  // Bytes that are no UTF-8 (a character cut in two) become U+FFFD; unknown ids are left out.
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;

  // Largest id + 1, added tokens included. A model's vocab_size may be larger (padding), never
  // smaller.
  int64_t vocab_size() const;
  // From tokenizer_config.json; a model's generation settings are the caller's concern.
  std::optional<int32_t> bos_id() const;
  std::optional<int32_t> eos_id() const;
  std::optional<int32_t> token_id(
      std::string_view token) const;  // token as tokenizer.json writes it
  // Whether a text gets BOS in front: `add_bos_token` of tokenizer_config.json where it is given,
  // else the post-processor's template.
  bool add_bos() const;

  // Identity of the bytes of tokenizer.json; token shards carry it.
  const std::string& hash() const;

  struct Impl;

 private:
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ropewalk
