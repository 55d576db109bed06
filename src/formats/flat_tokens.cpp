// Sources of the layouts: karpathy/nanoGPT data/openwebtext/prepare.py, karpathy/llm.c
// dev/data/data_common.py.
#include "formats/flat_tokens.h"

#include <cstring>

#include "ropewalk/base/errors.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk {
namespace {

constexpr int64_t kHeaderWords = 256;
constexpr int32_t kGpt2Magic = 20240520, kGpt2Version = 1;
constexpr int32_t kLlama3Magic = 20240801, kLlama3Version = 7;
constexpr int32_t kQuestionsMagic = 20240522;

int32_t header_word(std::span<const std::byte> file, size_t index) {
  int32_t word = 0;
  if (file.size() >= 4 * (index + 1)) std::memcpy(&word, file.data() + 4 * index, 4);
  return word;
}

// A zip archive's first entry, as torch.save writes: signature, then a small format version. As ids
// it would be 19280, 1027 and one below 100.
bool is_pytorch_file(std::span<const std::byte> file) {
  uint16_t version = 0;
  if (file.size() >= 6) std::memcpy(&version, file.data() + 4, 2);
  return file.size() >= 6 && std::memcmp(file.data(), "PK\x03\x04", 4) == 0 && version < 100;
}

void check_header(std::span<const std::byte> file,
                  int32_t expected_version,
                  IdType type,
                  Diagnostics& faults) {
  if (const int32_t version = header_word(file, 1); version != expected_version) {
    faults.error("header",
                 "version is " + std::to_string(version) + ", expected " +
                     std::to_string(expected_version) + "; write it again with llm.c's scripts");
  }
  const int64_t count = header_word(file, 2);
  const int64_t expected = 4 * kHeaderWords + count * id_bytes(type);
  const auto size = static_cast<int64_t>(file.size());
  if (count < 0) {
    faults.error("header", "counts " + std::to_string(count) + " tokens, expected 0 or more");
  } else if (size != expected) {
    faults.error("",
                 "has " + std::to_string(size) + " bytes, its header's " + std::to_string(count) +
                     " tokens need " + std::to_string(expected) +
                     (size < expected ? "; it is truncated" : "; it was appended to"));
  }
}

}  // namespace

FlatTokens::Layout FlatTokens::read_layout(std::span<const std::byte> file, Diagnostics& faults) {
  const int32_t magic = header_word(file, 0);
  if (magic == kGpt2Magic || magic == kLlama3Magic) {
    const bool wide = magic == kLlama3Magic;
    const IdType type = wide ? IdType::kU32 : IdType::kU16;
    check_header(file, wide ? kLlama3Version : kGpt2Version, type, faults);
    return {"llm.c", 4 * kHeaderWords, type};
  }
  if (magic == kQuestionsMagic) {
    faults.error("",
                 "holds llm.c's multiple-choice questions, expected its files of tokens "
                 "(magic 20240520 or 20240801)");
  } else if (is_pytorch_file(file)) {
    faults.error("", std::string("is a PyTorch file, expected token ids; ") + kConvertPickleHint);
  } else if (file.empty() || file.size() % 2 != 0) {
    faults.error("",
                 "has " + std::to_string(file.size()) +
                     " bytes, expected a multiple of 2 and at least one id: 2-byte ids without a "
                     "header, as nanoGPT writes them (Megatron's need the .idx beside it)");
  }
  return {"nanogpt", 0, IdType::kU16};
}

FlatTokens::FlatTokens(const std::filesystem::path& path, const TokenFileOptions& options)
    : ForeignTokens(map_data_file(path), options) {
  Diagnostics faults;
  const Layout layout = read_layout(bin_bytes(), faults);
  if (faults.ok()) check_width(layout.type, faults);
  faults.throw_if_errors<DataError>(path.string());
  format_ = layout.format;
  ids_ = MappedIds(bin_bytes().subspan(layout.header_bytes), layout.type);
  find_documents();
  set_content_hash({});
}

void FlatTokens::find_documents() {
  int64_t begin = 0;
  if (options().eos_id) {
    ids_.find(*options().eos_id, [&](int64_t separator) {
      if (separator == 0) {
        leading_ = 1;
      } else {
        add_document(static_cast<uint64_t>(separator - begin));
      }
      begin = separator + 1;
    });
  }
  if (begin < ids_.size()) add_document(static_cast<uint64_t>(ids_.size() - begin));
}

// Before each document stand all earlier ones, each with one separator behind it.
int64_t FlatTokens::first_id(int64_t document) const {
  return leading_ + static_cast<int64_t>(document_offsets()[document]) + document;
}

}  // namespace ropewalk
