#include "formats/megatron_tokens.h"

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

// Each last id that is looked at may map the 2 MiB around it.
constexpr int64_t kDocumentsPerRelease = 16;

MappedFile map_bin_of(const std::filesystem::path& index) {
  const std::filesystem::path bin = std::filesystem::path(index).replace_extension(".bin");
  if (!std::filesystem::exists(bin)) {
    throw DataError(index.string() + ": " + bin.filename().string() +
                    " is not beside it, expected both files of Megatron's data");
  }
  return map_data_file(bin);
}

}  // namespace

MegatronTokens::MegatronTokens(const std::filesystem::path& index, const TokenFileOptions& options)
    : ForeignTokens(map_bin_of(index), options), index_(index, bin_bytes().size()) {
  Diagnostics faults;
  check_width(index_.id_type(), faults);
  faults.throw_if_errors<DataError>(index.string());
  ids_ = MappedIds(bin_bytes(), index_.id_type());
  find_documents();
  set_content_hash(index_.bytes());
  release_pages(index_.bytes());
}

void MegatronTokens::find_documents() {
  for (int64_t i = 0; i < index_.num_documents(); ++i) {
    IdRange range = index_.document(i);
    if (options().eos_id && range.size > 0 &&
        ids_.at(range.begin + range.size - 1) == *options().eos_id) {
      --range.size;
    }
    add_document(static_cast<uint64_t>(range.size));
    if (i % kDocumentsPerRelease == 0) release_pages(bin_bytes());
  }
  release_pages(bin_bytes());
}

}  // namespace ropewalk
