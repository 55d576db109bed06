// What `prepare` reads: the files that a command line's words stand for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/data/prepare.h"

namespace ropewalk {

struct InputFile {
  std::filesystem::path path;  // as named or found
  uint64_t size_bytes = 0;
  int64_t modified_ns = 0;

  bool is_stdin() const { return path == kStandardInput; }
};

struct InputList {
  std::vector<InputFile> files;
  int64_t num_passed_over = 0;           // found, but not known as text by their ending, or hidden
  std::vector<std::string> passed_over;  // the first few

  bool has_stdin() const;
  uint64_t size_bytes() const;  // of all files; 0 when standard input is among them
};

// Folders are searched to the bottom, in the order of names; links to folders are not followed.
// Patterns know * ? [..] and ** (any number of folders). What lies in the output or in `work` is
// never an input. DataError with all faults: what is not there, is named twice, cannot be text.
InputList find_inputs(const PrepareOptions& options, const std::filesystem::path& work);

// DataError when the file is no longer what find_inputs saw.
void check_unchanged(const InputFile& file);

}  // namespace ropewalk
