#include "ropewalk/base/errors.h"
#include "ropewalk/formats/parquet_reader.h"

namespace ropewalk {

struct ParquetReader::State {};

bool is_parquet_input(const std::filesystem::path& path) { return path.extension() == ".parquet"; }

bool parquet_is_built() { return false; }

ParquetReader::ParquetReader(const std::filesystem::path& path, const TextReaderOptions&) {
  throw DataError(path.string() +
                  ": this build does not read Parquet. Run scripts/setup.sh --parquet, then cmake "
                  "--preset release -DROPEWALK_PARQUET=ON and cmake --build build; or convert the "
                  "file to JSON lines");
}

ParquetReader::~ParquetReader() = default;
ParquetReader::ParquetReader(ParquetReader&&) noexcept = default;
bool ParquetReader::next_row(ParquetRow&) { return false; }
uint64_t ParquetReader::bytes_read() const { return 0; }

}  // namespace ropewalk
