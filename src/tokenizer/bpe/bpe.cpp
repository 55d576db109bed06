#include "tokenizer/bpe/bpe.h"

#include "tokenizer/bpe/byte_alphabet.h"
#include "tokenizer/unicode/characters.h"

namespace ropewalk::tokenization {

std::optional<int32_t> Bpe::find(const std::string& token) const {
  const auto entry = vocab_.find(token);
  if (entry == vocab_.end()) return std::nullopt;
  return entry->second;
}

void Bpe::add_unknown(std::string_view written, bool& pending, std::vector<int32_t>& word) const {
  if (byte_tokens_ && byte_tokens_->append(written, word)) return;
  if (!unknown_id_) return;
  if (pending && !fuse_unknown_) word.push_back(*unknown_id_);
  pending = true;
}

// An unknown symbol is added before the next known one, even where bytes came between: the order of
// `tokenizers`.
void Bpe::start_bytes(std::string_view bytes, std::vector<int32_t>& word) const {
  bool pending = false;
  for (const char c : bytes) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(c)];
    if (id < 0) {
      add_unknown(symbol_of_byte(static_cast<uint8_t>(c)), pending, word);
      continue;
    }
    if (pending) word.push_back(*unknown_id_);
    pending = false;
    word.push_back(id);
  }
  if (pending) word.push_back(*unknown_id_);
}

void Bpe::start_characters(std::string_view text, std::vector<int32_t>& word) const {
  bool pending = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint next = first_code_point(text.substr(at));
    const int32_t id = character_ids_.find(next.value);
    if (id < 0) {
      add_unknown(text.substr(at, next.size), pending, word);
    } else {
      if (pending) word.push_back(*unknown_id_);
      pending = false;
      word.push_back(id);
    }
    at += next.size;
  }
  if (pending) word.push_back(*unknown_id_);
}

bool Bpe::append_whole(std::string_view word, std::vector<int32_t>& ids) const {
  if (!ignore_merges_ || word.size() > longest_whole_word_) return false;
  const auto whole = whole_words_.find(std::string(word));
  if (whole == whole_words_.end()) return false;
  ids.push_back(whole->second);
  return true;
}

void Bpe::encode_part(std::string_view part,
                      ModelScratch& scratch,
                      std::vector<int32_t>& ids) const {
  scratch.cache.append(part, ids, [&] {
    if (byte_level_ && append_whole(part, ids)) return;
    std::vector<int32_t>& word = scratch.word;
    word.clear();
    byte_level_ ? start_bytes(part, word) : start_characters(part, word);
    merge_word(merges_, word, scratch.merge);
    ids.insert(ids.end(), word.begin(), word.end());
  });
}

void Bpe::encode_word(std::string_view word,
                      ModelScratch& scratch,
                      std::vector<int32_t>& ids) const {
  if (byte_level_) return encode_part(word, scratch, ids);
  // A part is not looked up as a whole, since it is no word.
  if (append_whole(word, ids)) return;
  seams_ ? encode_characters(word, scratch, ids) : encode_part(word, scratch, ids);
}

void Bpe::encode_characters(std::string_view word,
                            ModelScratch& scratch,
                            std::vector<int32_t>& ids) const {
  if (word.empty()) return;
  size_t begin = 0;
  CodePoint before = first_code_point(word);
  for (size_t at = before.size; at < word.size();) {
    const CodePoint next = first_code_point(word.substr(at));
    if (seams_->between(before.value, next.value) &&
        (!unknown_ones_depend_ || (known(before.value) && known(next.value)))) {
      encode_part(word.substr(begin, at - begin), scratch, ids);
      begin = at;
    }
    before = next;
    at += next.size;
  }
  encode_part(word.substr(begin), scratch, ids);
}

}  // namespace ropewalk::tokenization
