#include "train/start_record.h"

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

// Entries of checkpoints that are gone stay until they are the oldest of so many.
constexpr size_t kMostEntries = 16;

Json read_entries(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return Json::object();
  try {
    Json entries = read_json_file(file);
    return entries.is_object() ? entries : Json::object();
  } catch (const Error&) {
    return Json::object();
  }
}

int count_of(const Json& entries, const std::string& what) {
  const auto found = entries.find(what);
  return found != entries.end() && found->is_number_integer() ? found->get<int>() : 0;
}

}  // namespace

StartRecord::StartRecord(std::filesystem::path file, std::string what)
    : file_(std::move(file)), what_(std::move(what)) {}

int StartRecord::num_fruitless() const { return count_of(read_entries(file_), what_); }

void StartRecord::note_start() const {
  Json entries = read_entries(file_);
  const int before = count_of(entries, what_);
  entries.erase(what_);
  entries[what_] = before + 1;
  while (entries.size() > kMostEntries) entries.erase(entries.begin());
  write_file_atomic(file_, to_json_text(entries));
}

void StartRecord::note_step() const {
  Json entries = read_entries(file_);
  if (entries.erase(what_) == 0) return;
  write_file_atomic(file_, to_json_text(entries));
}

}  // namespace ropewalk
