// Megatron's `.bin` and `.idx`, written from the description of the format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/temporary_folder.h"

namespace ropewalk {

template <typename T>
void append_raw(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
std::string raw_ids(const std::vector<int64_t>& ids) {
  std::string bytes;
  for (const int64_t id : ids) append_raw(bytes, static_cast<T>(id));
  return bytes;
}

struct MegatronParts {
  uint64_t version = 1;
  uint8_t type = 8;  // u16
  std::vector<int32_t> lengths;
  std::vector<int64_t> pointers;
  std::vector<int64_t> documents;

  std::string index() const {
    std::string bytes("MMIDIDX\0\0", 9);
    append_raw(bytes, version);
    append_raw(bytes, type);
    append_raw(bytes, uint64_t{lengths.size()});
    append_raw(bytes, uint64_t{documents.size()});
    for (const int32_t length : lengths) append_raw(bytes, length);
    for (const int64_t pointer : pointers) append_raw(bytes, pointer);
    for (const int64_t document : documents) append_raw(bytes, document);
    return bytes;
  }
};

}  // namespace ropewalk
