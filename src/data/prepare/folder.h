// The folder beside the output in which `prepare` works, and the one step that makes it the output.
// Layout: docs/file_formats.md, Work folder of `prepare`.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/prepare/state.h"
#include "ropewalk/base/files.h"

namespace ropewalk {

// "<output>.partial"
std::filesystem::path work_folder_of(const std::filesystem::path& output);

class PrepareFolder {
 public:
  // Makes and locks the work folder. ConfigError when another `prepare` works on the output;
  // DataError when the output may not be replaced.
  PrepareFolder(const std::filesystem::path& output, bool overwrite);

  std::filesystem::path work() const { return work_; }
  // data/, or the folder in it of a part with a name.
  std::filesystem::path data(const std::string& part) const;

  // What an earlier run with the same identity left, made fit to be gone on with. None: there was
  // nothing, or `why_not` says what keeps it from being used.
  std::optional<PrepareState> take_up(const Json& identity, std::string& why_not);
  // Removes what is there and makes the folders of the parts.
  void start_over(const PrepareState& state);
  void save(const PrepareState& state);

  // After a save with `publishing`. Killed on the way, it is to be called again.
  void publish();
  void remove();

 private:
  std::string fault_of(const PrepareState& state, const Json& identity) const;
  void remove_unlisted(const PrepareState& state) const;
  bool may_be_published() const;
  void bring_back_replaced() const;

  std::filesystem::path output_;
  std::filesystem::path work_;
  bool overwrite_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace ropewalk
