// What the Python tests need of the Parquet reader:
//   FILE [FIELD]   one JSON line per row, the text or {"row", "fault"}; then {"memory_kb",
//   "bytes"},
//                  the most memory used and what bytes_read() says at the end
#include <fstream>
#include <iostream>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/parquet_reader.h"

namespace ropewalk {
namespace {

// Not getrusage(), which counts the memory of the process that started this one.
int64_t most_memory_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  }
  return 0;
}

void print_rows(const std::string& path, const std::string& field) {
  TextReaderOptions options;
  options.text_field = field;
  ParquetReader reader(path, options);
  for (ParquetRow row; reader.next_row(row);) {
    if (row.fault.empty()) {
      std::cout << Json(row.text) << '\n';
    } else {
      std::cout << Json{{"row", row.row}, {"fault", row.fault}} << '\n';
    }
  }
  std::cout << Json{{"memory_kb", most_memory_kb()}, {"bytes", reader.bytes_read()}} << '\n';
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  try {
    ropewalk::print_rows(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "text");
  } catch (const ropewalk::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
