#include "data/prepare/inputs.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/utf8.h"
#include "ropewalk/formats/parquet_reader.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxListed = 5;

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

bool is_pattern(const fs::path& path) {
  return path.string().find_first_of("*?[") != std::string::npos;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_real_folder(const fs::path& path) { return fs::is_directory(fs::symlink_status(path)); }

// "a//b/" and "a/b" are one folder; "" (of a pattern without a folder) is the working directory.
fs::path or_here(const fs::path& folder) { return folder.empty() ? fs::path(".") : folder; }

class InputSearch {
 public:
  InputSearch(const PrepareOptions& options, const fs::path& work)
      : options_(options),
        own_folders_{fs::weakly_canonical(options.output), fs::weakly_canonical(work)} {}

  InputList run() {
    for (const fs::path& input : options_.inputs) {
      try {
        add_word(input);
      } catch (const fs::filesystem_error& error) {
        const fs::path& place = error.path1().empty() ? input : error.path1();
        faults_.error(place.string(), "cannot be searched: " + error.code().message());
      }
    }
    faults_.throw_if_errors<DataError>("prepare");
    return std::move(list_);
  }

 private:
  void add_word(const fs::path& word) {
    found_.clear();
    if (word == kStandardInput) return add_stdin();
    if (fs::is_directory(word)) {
      const int64_t before = num_met_;
      add_folder(word);
      if (num_met_ == before) {
        faults_.error(word.string(), "the folder holds no text file; expected " + endings());
      }
    } else if (fs::is_regular_file(word)) {
      add_named_file(word);
    } else if (is_pattern(word)) {
      add_pattern(word);
    } else {
      faults_.error(word.string(), "not found, or no file; name text or JSONL files");
    }
  }

  void add_stdin() {
    if (list_.has_stdin()) return faults_.error("-", "standard input is named twice");
    list_.files.push_back({kStandardInput});
  }

  void add_named_file(const fs::path& path) {
    if (text_kind_of(path) || options_.text.kind_if_unknown) return add_file(path);
    faults_.error(path.string(),
                  "unknown ending; expected " + endings() + "; rename the file, or say --format");
  }

  static std::string endings() {
    return ".txt, .text, .md, .jsonl, .ndjson or .json, plain or followed by .gz or .zst; or "
           ".parquet";
  }

  bool is_own(const fs::path& path) const {
    const fs::path place = fs::weakly_canonical(path);
    return std::any_of(own_folders_.begin(), own_folders_.end(), [&](const fs::path& own) {
      return std::mismatch(own.begin(), own.end(), place.begin(), place.end()).first == own.end();
    });
  }

  // Anything but a named file: taken when it is text, and counted when not.
  void add_found(const fs::path& path) {
    // What lies in a folder that a pattern matches may be matched itself.
    if (is_own(path) || !found_.insert(path.lexically_normal()).second) return;
    if (is_real_folder(path) && !is_hidden(path)) return add_folder(path);
    if (fs::is_regular_file(path) && !is_hidden(path) && text_kind_of(path)) return add_file(path);
    ++list_.num_passed_over;
    if (list_.passed_over.size() < kMaxListed) list_.passed_over.push_back(path.string());
  }

  void add_folder(const fs::path& folder) {
    for (const fs::path& path : sorted_entries(folder)) add_found(path);
  }

  void add_pattern(const fs::path& pattern) {
    const fs::path relative = pattern.relative_path();
    const std::vector<fs::path> parts(relative.begin(), relative.end());
    const int64_t before = num_met_;
    match(pattern.root_path(), parts, 0);
    if (num_met_ == before) faults_.error(pattern.string(), "matches no text file");
  }

  void match(const fs::path& folder, const std::vector<fs::path>& parts, size_t at) {
    if (at == parts.size()) return add_found(folder);
    const std::string part = parts[at].string();
    if (part == "**") return match_any_depth(folder, parts, at);
    if (!is_pattern(part)) {
      if (fs::exists(folder / part)) match(folder / part, parts, at + 1);
      return;
    }
    for (const fs::path& path : sorted_entries(or_here(folder))) {
      // A hidden name is only matched by a pattern that begins with the dot.
      const std::string name = path.filename().string();
      if (::fnmatch(part.c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
      const bool last = at + 1 == parts.size();
      if (last || fs::is_directory(path)) match(folder / name, parts, at + 1);
    }
  }

  void match_any_depth(const fs::path& folder, const std::vector<fs::path>& parts, size_t at) {
    if (at + 1 == parts.size()) return add_found(folder.empty() ? fs::path(".") : folder);
    match(folder, parts, at + 1);
    for (const fs::path& path : sorted_entries(or_here(folder))) {
      if (!is_real_folder(path) || is_hidden(path) || is_own(path)) continue;
      match_any_depth(folder / path.filename(), parts, at);
    }
  }

  // Its column shows before hours of work on other inputs.
  bool check_parquet(const fs::path& path) {
    if (options_.text.whole_line) {
      faults_.error(path.string(), "is Parquet; --chat-form reads JSON lines only: convert it");
      return false;
    }
    // How to build a program that reads them is told once.
    if (!parquet_is_built() && is_parquet_refused_) return false;
    try {
      const ParquetReader opened(path, options_.text);
      return true;
    } catch (const DataError& error) {
      faults_.error("", error.what());
      is_parquet_refused_ = true;
      return false;
    }
  }

  void add_file(const fs::path& path) {
    ++num_met_;
    // Names stand in dataset.json, which is UTF-8.
    if (first_invalid_utf8(path.string()) != path.string().size()) {
      return faults_.error("INPUT", "the name of a file is not valid UTF-8; rename it");
    }
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      return faults_.error(path.string(), std::string("cannot be read: ") + std::strerror(errno));
    }
    const auto [known, is_new] = files_.emplace(std::pair{status.st_dev, status.st_ino}, path);
    if (!is_new) {
      return faults_.error(path.string(),
                           "is the same file as " + known->second.string() +
                               "; name every file once, in order not to train on it twice");
    }
    if (is_parquet_input(path) && !check_parquet(path)) return;
    list_.files.push_back({path,
                           static_cast<uint64_t>(status.st_size),
                           status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec});
  }

  const PrepareOptions& options_;
  std::vector<fs::path> own_folders_;
  std::map<std::pair<dev_t, ino_t>, fs::path> files_;
  std::set<fs::path> found_;  // for the word at hand
  InputList list_;
  int64_t num_met_ = 0;  // files that are text by their names, with those that are faults
  bool is_parquet_refused_ = false;
  Diagnostics faults_;
};

}  // namespace

bool InputList::has_stdin() const {
  return std::any_of(
      files.begin(), files.end(), [](const InputFile& file) { return file.is_stdin(); });
}

uint64_t InputList::size_bytes() const {
  uint64_t total = 0;
  for (const InputFile& file : files) total += file.size_bytes;
  return has_stdin() ? 0 : total;
}

InputList find_inputs(const PrepareOptions& options, const fs::path& work) {
  return InputSearch(options, work).run();
}

void check_unchanged(const InputFile& file) {
  if (file.is_stdin()) return;
  struct stat status {};
  const bool there = ::stat(file.path.c_str(), &status) == 0;
  if (there && static_cast<uint64_t>(status.st_size) == file.size_bytes &&
      status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec == file.modified_ns) {
    return;
  }
  throw DataError(file.path.string() +
                  ": changed while it was read; prepare it when nobody writes to it");
}

}  // namespace ropewalk
