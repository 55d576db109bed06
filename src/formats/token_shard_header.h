// The 128-byte header of a token shard; the layout stands in docs/file_formats.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {

inline constexpr uint64_t kShardHeaderBytes = 128;
inline constexpr uint64_t kMaxShardVocabulary = uint64_t{1} << 31;

using ShardHeader = std::array<std::byte, kShardHeaderBytes>;

// First byte of each section after the tokens. The targets have no bytes where there are none.
uint64_t shard_targets_offset(const TokenShardInfo& info);
uint64_t shard_table_offset(const TokenShardInfo& info);

ShardHeader encode_shard_header(const TokenShardInfo& info);
// All faults of the header and of the file's size against it.
TokenShardInfo decode_shard_header(std::span<const std::byte> file, Diagnostics& faults);

bool is_hash_text(std::string_view text);  // 32 lower-case hex digits

}  // namespace ropewalk
