#include "ropewalk/formats/token_shard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/token_shard_header.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

MappedFile map_shard(const fs::path& path) {
  try {
    return MappedFile(path);
  } catch (const IoError& error) {
    throw DataError(error.what());
  }
}

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

// Fills in the header that was left blank while the counts were unknown.
void write_header(const fs::path& path, const ShardHeader& header) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const ssize_t written =
      descriptor < 0 ? -1 : ::pwrite(descriptor, header.data(), header.size(), 0);
  const bool done = written == ssize_t(header.size()) && ::fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!done) throw IoError(path.string() + ": writing the header: " + std::strerror(error));
}

template <typename Stored, typename T>
void widen(const std::byte* from, std::span<T> out) {
  // Shards are mapped at page borders and tokens begin at byte 128: aligned for both widths.
  const auto* stored = reinterpret_cast<const Stored*>(from);
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(stored[i]);
}

}  // namespace

TokenShardReader::TokenShardReader(const fs::path& path) : file_(map_shard(path)) {
  Diagnostics faults;
  info_ = decode_shard_header(file_.bytes(), faults);
  if (faults.ok()) {
    tokens_ = file_.bytes().data() + kShardHeaderBytes;
    offsets_ = {reinterpret_cast<const uint64_t*>(file_.bytes().data() + shard_table_offset(info_)),
                static_cast<size_t>(info_.num_documents) + 1};
    check_table(offsets_, static_cast<uint64_t>(info_.num_tokens), faults);
  }
  faults.throw_if_errors<DataError>(path.string());
}

int64_t TokenShardReader::document_length(int64_t document) const {
  ROPEWALK_CHECK(document >= 0 && document < info_.num_documents, "document index out of range");
  return static_cast<int64_t>(offsets_[document + 1] - offsets_[document]);
}

template <typename T>
void TokenShardReader::copy(int64_t begin, std::span<T> out) const {
  ROPEWALK_CHECK(begin >= 0 && begin <= info_.num_tokens &&
                     out.size() <= static_cast<size_t>(info_.num_tokens - begin),
                 "token range out of " + path().string());
  const std::byte* from = tokens_ + begin * info_.token_bytes;
  if (info_.token_bytes == 2) {
    widen<uint16_t>(from, out);
  } else {
    widen<uint32_t>(from, out);
  }
}

void TokenShardReader::copy_tokens(int64_t begin, std::span<int64_t> out) const {
  copy(begin, out);
}

void TokenShardReader::copy_tokens(int64_t begin, std::span<int32_t> out) const {
  copy(begin, out);
}

int64_t TokenShardReader::token(int64_t index) const {
  int64_t id = 0;
  copy(index, std::span(&id, 1));
  return id;
}

void TokenShardReader::verify() const {
  Diagnostics faults;
  if (hash_bytes(file_.bytes().subspan(kShardHeaderBytes)) != info_.payload_hash) {
    faults.error("payload", "does not match its hash; the file is damaged, prepare it again");
  }
  std::vector<int64_t> ids(65536);
  for (int64_t begin = 0; begin < info_.num_tokens && faults.ok();
       begin += static_cast<int64_t>(ids.size())) {
    ids.resize(std::min<size_t>(ids.size(), static_cast<size_t>(info_.num_tokens - begin)));
    copy_tokens(begin, std::span(ids));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < info_.vocab_size) continue;
      faults.error("token " + std::to_string(begin + static_cast<int64_t>(i)),
                   "has id " + std::to_string(ids[i]) +
                       ", expected less than the vocabulary size " +
                       std::to_string(info_.vocab_size));
      break;
    }
  }
  faults.throw_if_errors<DataError>(path().string());
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

void TokenShardWriter::add_document(std::span<const int32_t> ids) {
  ROPEWALK_CHECK(file_ != nullptr, "document after close of " + path_.string());
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
  info_.num_tokens += static_cast<int64_t>(ids.size());
  ++info_.num_documents;
  offsets_.push_back(static_cast<uint64_t>(info_.num_tokens));
}

TokenShardInfo TokenShardWriter::close() {
  ROPEWALK_CHECK(file_ != nullptr, "second close of " + path_.string());
  const uint64_t end = kShardHeaderBytes + uint64_t(info_.num_tokens) * uint64_t(info_.token_bytes);
  buffer_.resize(buffer_.size() + (shard_table_offset(info_) - end));
  flush();
  append(std::as_bytes(std::span(offsets_)));
  file_->close();
  file_.reset();
  info_.payload_hash = payload_hash_.hex();
  write_header(temporary_, encode_shard_header(info_));
  std::error_code error;
  fs::rename(temporary_, path_, error);
  if (error) throw IoError(path_.string() + ": publishing: " + error.message());
  temporary_.clear();
  fsync_path(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
  return info_;
}

}  // namespace ropewalk
