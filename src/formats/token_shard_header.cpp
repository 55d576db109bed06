#include "formats/token_shard_header.h"

#include <algorithm>
#include <string_view>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace {

constexpr std::string_view kMagic = "RWTOKENS";
constexpr uint64_t kVersion = 1, kVersionWithTargets = 2;
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kHashBytes = 16;

// Byte offsets of the fields.
constexpr size_t kVersionAt = 8, kHeaderBytesAt = 12, kTokenBytesAt = 16, kFlagsAt = 20,
                 kVocabularyAt = 24, kTokensAt = 32, kDocumentsAt = 40, kTokensOffsetAt = 48,
                 kTableOffsetAt = 56, kTokenizerHashAt = 64, kPayloadHashAt = 80,
                 kTargetsOffsetAt = 96, kReservedAt = 104, kHeaderHashAt = 112;

void put(ShardHeader& header, size_t at, size_t width, uint64_t value) {
  for (size_t i = 0; i < width; ++i) header[at + i] = std::byte(value >> (8 * i) & 0xff);
}

uint64_t get(std::span<const std::byte> header, size_t at, size_t width) {
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value |= uint64_t(header[at + i]) << (8 * i);
  return value;
}

void put_hash(ShardHeader& header, size_t at, std::string_view hex) {
  for (size_t i = 0; i < kHashBytes; ++i) {
    header[at + i] = std::byte(kHexDigits.find(hex[2 * i]) << 4 | kHexDigits.find(hex[2 * i + 1]));
  }
}

std::string get_hash(std::span<const std::byte> header, size_t at) {
  std::string hex;
  for (const std::byte value : header.subspan(at, kHashBytes)) {
    hex += kHexDigits[std::to_integer<unsigned>(value) >> 4];
    hex += kHexDigits[std::to_integer<unsigned>(value) & 15];
  }
  return hex;
}

int token_bytes_for(uint64_t vocab_size) { return vocab_size <= 65536 ? 2 : 4; }

void check_sizes(uint64_t num_tokens,
                 uint64_t num_documents,
                 const TokenShardInfo& info,
                 std::span<const std::byte> file,
                 Diagnostics& faults) {
  // Bounded before any product, so that none of these can overflow.
  if (num_tokens > file.size() || num_documents > file.size()) {
    faults.error("",
                 "the header counts " + std::to_string(num_tokens) + " tokens in " +
                     std::to_string(num_documents) + " documents, but the file has only " +
                     std::to_string(file.size()) + " bytes; it is truncated");
    return;
  }
  const uint64_t table = shard_table_offset(info);
  if (info.has_targets && get(file, kTargetsOffsetAt, 8) != shard_targets_offset(info)) {
    faults.error("header", "the offset of the targets does not follow from the counts");
  }
  if (get(file, kTokensOffsetAt, 8) != kShardHeaderBytes || get(file, kTableOffsetAt, 8) != table) {
    faults.error("header", "offsets of tokens and table do not follow from the counts");
  }
  const uint64_t expected = table + 8 * (num_documents + 1);
  if (file.size() != expected) {
    faults.error("",
                 "has " + std::to_string(file.size()) + " bytes, its header needs " +
                     std::to_string(expected) +
                     (file.size() < expected ? "; it is truncated" : "; it was appended to"));
  }
}

}  // namespace

bool is_hash_text(std::string_view text) {
  return text.size() == 2 * kHashBytes && text.find_first_not_of(kHexDigits) == text.npos;
}

uint64_t shard_targets_offset(const TokenShardInfo& info) {
  const uint64_t end =
      kShardHeaderBytes + static_cast<uint64_t>(info.num_tokens) * uint64_t(info.token_bytes);
  return (end + 7) / 8 * 8;
}

uint64_t shard_table_offset(const TokenShardInfo& info) {
  const uint64_t bits = info.has_targets ? static_cast<uint64_t>(info.num_tokens) : 0;
  return shard_targets_offset(info) + (bits + 63) / 64 * 8;
}

ShardHeader encode_shard_header(const TokenShardInfo& info) {
  ShardHeader header{};
  std::transform(kMagic.begin(), kMagic.end(), header.begin(), [](char c) { return std::byte(c); });
  // Without targets the older version, so that programs that know no other read the file.
  put(header, kVersionAt, 4, info.has_targets ? kVersionWithTargets : kVersion);
  put(header, kHeaderBytesAt, 4, kShardHeaderBytes);
  put(header, kTokenBytesAt, 4, static_cast<uint64_t>(info.token_bytes));
  put(header, kVocabularyAt, 8, static_cast<uint64_t>(info.vocab_size));
  put(header, kTokensAt, 8, static_cast<uint64_t>(info.num_tokens));
  put(header, kDocumentsAt, 8, static_cast<uint64_t>(info.num_documents));
  put(header, kTokensOffsetAt, 8, kShardHeaderBytes);
  put(header, kTableOffsetAt, 8, shard_table_offset(info));
  if (info.has_targets) put(header, kTargetsOffsetAt, 8, shard_targets_offset(info));
  put_hash(header, kTokenizerHashAt, info.tokenizer_hash);
  put_hash(header, kPayloadHashAt, info.payload_hash);
  put_hash(header, kHeaderHashAt, hash_bytes(std::span(header).first(kHeaderHashAt)));
  return header;
}

TokenShardInfo decode_shard_header(std::span<const std::byte> file, Diagnostics& faults) {
  TokenShardInfo info;
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min(file.size(), kMagic.size()));
  if (start != kMagic || file.size() < kShardHeaderBytes) {
    faults.error(
        "",
        start != kMagic
            ? "does not begin with RWTOKENS; it is no token shard (make one with "
              "`ropewalk prepare`)"
            : "has " + std::to_string(file.size()) + " bytes, less than a header; it is truncated");
    return info;
  }
  const uint64_t version = get(file, kVersionAt, 4);
  if (version != kVersion && version != kVersionWithTargets) {
    faults.error("header",
                 "version is " + std::to_string(version) +
                     ", expected 1 or 2; prepare the text again with this program");
    return info;
  }
  if (get_hash(file, kHeaderHashAt) != hash_bytes(file.first(kHeaderHashAt))) {
    faults.error("header", "does not match its own hash; the file is damaged");
    return info;
  }
  const uint64_t vocab_size = get(file, kVocabularyAt, 8);
  const uint64_t num_tokens = get(file, kTokensAt, 8), num_documents = get(file, kDocumentsAt, 8);
  const uint64_t token_bytes = get(file, kTokenBytesAt, 4);
  if (vocab_size == 0 || vocab_size > kMaxShardVocabulary) {
    faults.error("header",
                 "vocabulary size is " + std::to_string(vocab_size) + ", expected 1.." +
                     std::to_string(kMaxShardVocabulary));
  } else if (token_bytes != uint64_t(token_bytes_for(vocab_size))) {
    faults.error("header",
                 std::to_string(token_bytes) + " bytes per token, expected " +
                     std::to_string(token_bytes_for(vocab_size)) + " for a vocabulary of " +
                     std::to_string(vocab_size));
  }
  const auto reserved = file.subspan(kReservedAt, kHeaderHashAt - kReservedAt);
  if (get(file, kHeaderBytesAt, 4) != kShardHeaderBytes || get(file, kFlagsAt, 4) != 0 ||
      std::any_of(reserved.begin(), reserved.end(), [](std::byte b) { return b != std::byte{}; })) {
    faults.error("header", "fixed fields are not those of version " + std::to_string(version));
  }
  if (!faults.ok()) return info;
  info.vocab_size = static_cast<int64_t>(vocab_size);
  info.tokenizer_hash = get_hash(file, kTokenizerHashAt);
  info.token_bytes = static_cast<int>(token_bytes);
  info.num_tokens = static_cast<int64_t>(num_tokens);
  info.num_documents = static_cast<int64_t>(num_documents);
  info.payload_hash = get_hash(file, kPayloadHashAt);
  info.has_targets = get(file, kTargetsOffsetAt, 8) != 0;
  if (info.has_targets && version != kVersionWithTargets) {
    faults.error("header", "has an offset of targets, expected none in version 1");
    return info;
  }
  check_sizes(num_tokens, num_documents, info, file, faults);
  return info;
}

}  // namespace ropewalk
