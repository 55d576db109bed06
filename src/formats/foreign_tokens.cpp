#include "formats/foreign_tokens.h"

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace {

constexpr int64_t kMaxIds = int64_t{1} << 31;  // what fits into 32 bits with a sign
constexpr size_t kSampleBytes = 4096;
constexpr size_t kNumSamples = 64;
constexpr int64_t kVerifyWindow = int64_t{1} << 20;

// Evenly spread, the first and the last page among them.
void hash_samples(std::span<const std::byte> bytes, StreamHash& hash) {
  if (bytes.size() <= kNumSamples * kSampleBytes) return hash.update(bytes);
  const size_t last = bytes.size() - kSampleBytes;
  for (size_t i = 0; i < kNumSamples; ++i) {
    // Divided first: a product with the size of a large file must not overflow.
    const size_t step = last / (kNumSamples - 1);
    const size_t begin = i + 1 < kNumSamples ? i * step : last;
    hash.update(bytes.subspan(begin, kSampleBytes));
    release_pages(bytes);  // a sample may map the 2 MiB around it
  }
}

}  // namespace

ForeignTokens::ForeignTokens(MappedFile bin, const TokenFileOptions& options)
    : bin_(std::move(bin)), options_(options) {}

void ForeignTokens::check_width(IdType type, Diagnostics& faults) const {
  if (id_bytes(type) != 2 || options_.vocab_size <= 65536) return;
  faults.error("",
               "holds ids of 2 bytes, expected wider ones for the model's vocab_size " +
                   std::to_string(options_.vocab_size) +
                   "; they are another tokenizer's. Prepare the text with the model's");
}

void ForeignTokens::set_content_hash(std::span<const std::byte> index) {
  StreamHash hash;
  const std::string facts =
      std::string(format()) + " " + std::to_string(bin_.bytes().size()) + " " +
      (options_.eos_id ? std::to_string(*options_.eos_id) : std::string("none")) + "\n";
  hash.update(std::as_bytes(std::span(facts)));
  hash.update(index);
  hash_samples(bin_.bytes(), hash);
  content_hash_ = hash.hex();
}

template <typename T>
void ForeignTokens::read(int64_t begin, std::span<T> out) const {
  const int64_t limit = options_.vocab_size > 0 ? options_.vocab_size : kMaxIds;
  const auto after =
      std::upper_bound(offsets_.begin(), offsets_.end(), static_cast<uint64_t>(begin));
  for (int64_t document = after - offsets_.begin() - 1; !out.empty(); ++document) {
    const int64_t from = begin - static_cast<int64_t>(offsets_[document]);
    const size_t left = offsets_[document + 1] - static_cast<uint64_t>(begin);
    const size_t count = std::min(out.size(), left);
    if (count == 0) continue;
    if (const auto bad = ids_.copy(first_id(document) + from, out.first(count), limit)) {
      throw DataError(path().string() + ": token " + std::to_string(*bad) + " has id " +
                      std::to_string(ids_.at(*bad)) + ", expected 0.." + std::to_string(limit - 1) +
                      (options_.vocab_size > 0
                           ? "; it was made with another tokenizer than the model's"
                           : "; the file is damaged, or holds no token ids"));
    }
    begin += static_cast<int64_t>(count);
    out = out.subspan(count);
  }
}

void ForeignTokens::verify() const {
  std::vector<int32_t> ids;
  for (int64_t begin = 0; begin < num_tokens(); begin += kVerifyWindow) {
    ids.resize(static_cast<size_t>(std::min(kVerifyWindow, num_tokens() - begin)));
    copy_tokens(begin, ids);
    release_pages(bin_.bytes());
  }
}

}  // namespace ropewalk
