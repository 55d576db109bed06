// What the readers of other tools' files share: documents that lie somewhere in a mapped array of
// ids. Private to formats.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/mapped_ids.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk {

class ForeignTokens : public TokenStore {
 public:
  const std::filesystem::path& path() const override { return bin_.path(); }
  int token_bytes() const override { return ids_.width(); }
  std::span<const uint64_t> document_offsets() const override { return offsets_; }
  const std::string& content_hash() const override { return content_hash_; }
  void verify() const override;

 protected:
  ForeignTokens(MappedFile bin, const TokenFileOptions& options);

  // 2-byte ids cannot be those of a model with more than 65536.
  void check_width(IdType type, Diagnostics& faults) const;
  void add_document(uint64_t num_tokens) { offsets_.push_back(offsets_.back() + num_tokens); }
  // `index` is what else says where documents are.
  void set_content_hash(std::span<const std::byte> index);

  const TokenFileOptions& options() const { return options_; }
  std::span<const std::byte> bin_bytes() const { return bin_.bytes(); }
  MappedIds ids_;

 private:
  // Where the document's first id lies among ids_; not called for empty documents.
  virtual int64_t first_id(int64_t document) const = 0;
  void read_tokens(int64_t begin, std::span<int64_t> out) const override { read(begin, out); }
  void read_tokens(int64_t begin, std::span<int32_t> out) const override { read(begin, out); }
  template <typename T>
  void read(int64_t begin, std::span<T> out) const;

  MappedFile bin_;
  TokenFileOptions options_;
  std::vector<uint64_t> offsets_{0};
  std::string content_hash_;
};

}  // namespace ropewalk
