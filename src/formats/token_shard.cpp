#include "ropewalk/formats/token_shard.h"

#include <algorithm>

#include "formats/mapped_ids.h"
#include "formats/token_shard_header.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;
constexpr int64_t kVerifyWindow = 65536;

void check_table(std::span<const uint64_t> offsets, uint64_t num_tokens, Diagnostics& faults) {
  if (offsets.front() != 0 || offsets.back() != num_tokens) {
    faults.error("document table",
                 "runs from " + std::to_string(offsets.front()) + " to " +
                     std::to_string(offsets.back()) + ", expected 0 to " +
                     std::to_string(num_tokens));
  }
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) {
      faults.error(
          "document table",
          "document " + std::to_string(i - 1) + " ends before it begins; the file is damaged");
      return;
    }
  }
}

// Shards are mapped at page borders and tokens begin at byte 128: aligned for both widths.
MappedIds ids_of(const MappedFile& file, const TokenShardInfo& info) {
  return {file.bytes().subspan(kShardHeaderBytes,
                               static_cast<size_t>(info.num_tokens) * size_t(info.token_bytes)),
          info.token_bytes == 2 ? IdType::kU16 : IdType::kU32};
}

bool bit(std::span<const std::byte> bits, uint64_t index) {
  return (std::to_integer<unsigned>(bits[index / 8]) >> index % 8 & 1) != 0;
}

void check_unused_bits(std::span<const std::byte> bits, int64_t num_tokens, Diagnostics& faults) {
  for (auto i = static_cast<uint64_t>(num_tokens); i % 64 != 0; ++i) {
    if (!bit(bits, i)) continue;
    faults.error("targets", "a bit behind the last token is set, expected zeros");
    return;
  }
}

}  // namespace

TokenShardReader::TokenShardReader(const fs::path& path) : file_(map_data_file(path)) {
  Diagnostics faults;
  info_ = decode_shard_header(file_.bytes(), faults);
  if (faults.ok()) {
    offsets_ = {reinterpret_cast<const uint64_t*>(file_.bytes().data() + shard_table_offset(info_)),
                static_cast<size_t>(info_.num_documents) + 1};
    check_table(offsets_, static_cast<uint64_t>(info_.num_tokens), faults);
  }
  faults.throw_if_errors<DataError>(path.string());
}

template <typename T>
void TokenShardReader::read(int64_t begin, std::span<T> out) const {
  const MappedIds ids = ids_of(file_, info_);
  if (const auto bad = ids.copy(begin, out, info_.vocab_size)) {
    throw DataError(path().string() + ": token " + std::to_string(*bad) + " has id " +
                    std::to_string(ids.at(*bad)) + ", expected less than the vocabulary size " +
                    std::to_string(info_.vocab_size) + "; the file is damaged, prepare it again");
  }
}

void TokenShardReader::read_targets(int64_t begin, std::span<uint8_t> out) const {
  if (!info_.has_targets) return TokenStore::read_targets(begin, out);
  const auto bits = file_.bytes().subspan(shard_targets_offset(info_));
  for (size_t i = 0; i < out.size(); ++i) out[i] = bit(bits, static_cast<uint64_t>(begin) + i);
}

void TokenShardReader::verify() const {
  Diagnostics faults;
  if (hash_bytes(file_.bytes().subspan(kShardHeaderBytes)) != info_.payload_hash) {
    faults.error("payload", "does not match its hash; the file is damaged, prepare it again");
  }
  if (info_.has_targets) {
    check_unused_bits(file_.bytes().subspan(shard_targets_offset(info_)), info_.num_tokens, faults);
  }
  faults.throw_if_errors<DataError>(path().string());
  std::vector<int32_t> ids;
  for (int64_t begin = 0; begin < info_.num_tokens; begin += kVerifyWindow) {
    ids.resize(static_cast<size_t>(std::min(kVerifyWindow, info_.num_tokens - begin)));
    copy_tokens(begin, ids);
  }
}

TokenShardWriter::TokenShardWriter(const fs::path& path,
                                   int64_t vocab_size,
                                   const std::string& tokenizer_hash)
    : path_(path), temporary_(temporary_sibling(path)) {
  ROPEWALK_CHECK(is_hash_text(tokenizer_hash), "tokenizer hash is not 32 hex digits");
  ROPEWALK_CHECK(vocab_size > 0 && uint64_t(vocab_size) <= kMaxShardVocabulary,
                 "vocabulary size " + std::to_string(vocab_size));
  info_.vocab_size = vocab_size;
  info_.tokenizer_hash = tokenizer_hash;
  info_.token_bytes = vocab_size <= 65536 ? 2 : 4;
  file_ = std::make_unique<FileWriter>(temporary_);
  try {
    file_->write(ShardHeader{});
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary_, ignored);
    throw;
  }
}

TokenShardWriter::~TokenShardWriter() {
  if (temporary_.empty()) return;
  file_.reset();
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

void TokenShardWriter::append(std::span<const std::byte> bytes) {
  file_->write(bytes);
  payload_hash_.update(bytes);
}

void TokenShardWriter::flush() {
  append(buffer_);
  buffer_.clear();
}

void TokenShardWriter::add_targets(size_t num_ids, std::span<const uint8_t> trained) {
  if (trained.empty() && !info_.has_targets) return;
  if (!info_.has_targets) targets_.assign(static_cast<size_t>(info_.num_tokens), true);
  info_.has_targets = true;
  for (size_t i = 0; i < num_ids; ++i) targets_.push_back(trained.empty() || trained[i] != 0);
}

void TokenShardWriter::add_document(std::span<const int32_t> ids,
                                    std::span<const uint8_t> trained) {
  ROPEWALK_CHECK(file_ != nullptr, "document after close of " + path_.string());
  ROPEWALK_CHECK(trained.empty() || trained.size() == ids.size(),
                 "targets of another number of ids");
  for (const int32_t id : ids) {
    if (id < 0 || id >= info_.vocab_size) {
      throw DataError(path_.string() + ": document " + std::to_string(info_.num_documents) +
                      ": token id " + std::to_string(id) + ", expected 0.." +
                      std::to_string(info_.vocab_size - 1) +
                      "; tokenizer and vocabulary size do not belong together");
    }
  }
  for (const int32_t id : ids) {
    for (int i = 0; i < info_.token_bytes; ++i) {
      buffer_.push_back(std::byte(static_cast<uint32_t>(id) >> (8 * i) & 0xff));
    }
    if (buffer_.size() >= kBufferBytes) flush();
  }
  add_targets(ids.size(), trained);
  info_.num_tokens += static_cast<int64_t>(ids.size());
  ++info_.num_documents;
  offsets_.push_back(static_cast<uint64_t>(info_.num_tokens));
}

TokenShardInfo TokenShardWriter::close() {
  ROPEWALK_CHECK(file_ != nullptr, "second close of " + path_.string());
  const uint64_t end = kShardHeaderBytes + uint64_t(info_.num_tokens) * uint64_t(info_.token_bytes);
  buffer_.resize(buffer_.size() + (shard_targets_offset(info_) - end));
  flush();
  buffer_.resize(shard_table_offset(info_) - shard_targets_offset(info_));
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i]) buffer_[i / 8] |= std::byte{1} << (i % 8);
  }
  flush();
  append(std::as_bytes(std::span(offsets_)));
  info_.payload_hash = payload_hash_.hex();
  // It was left blank while the counts were unknown.
  file_->overwrite_front(encode_shard_header(info_));
  file_->close();
  file_.reset();
  std::error_code error;
  fs::rename(temporary_, path_, error);
  if (error) throw IoError(path_.string() + ": publishing: " + error.message());
  temporary_.clear();
  fsync_path(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
  return info_;
}

}  // namespace ropewalk
