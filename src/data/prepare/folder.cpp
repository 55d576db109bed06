#include "data/prepare/folder.h"

#include <algorithm>
#include <set>

#include "ropewalk/base/errors.h"
#include "ropewalk/data/dataset_index.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kProgressName = "progress.json";
constexpr const char* kDataName = "data";
constexpr const char* kReplacedName = "replaced";
constexpr const char* kLockName = "lock";

fs::path whole_path(const fs::path& output) {
  const fs::path path = fs::absolute(output).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool all_entries(const fs::path& folder, bool (*is_ours)(const fs::path&)) {
  return std::all_of(fs::directory_iterator(folder),
                     fs::directory_iterator(),
                     [&](const auto& entry) { return is_ours(entry.path()); });
}

bool is_shard_or_index(const fs::path& path) {
  return path.filename() == kDatasetIndexName || path.extension() == kTokenShardExtension;
}

bool is_part_of_output(const fs::path& path) {
  const bool is_part = path.filename() == "train" || path.filename() == "validation";
  return is_part && fs::is_directory(path) ? all_entries(path, is_shard_or_index)
                                           : is_shard_or_index(path);
}

bool is_part_of_work(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == kLockName || name == kDataName || name == kReplacedName ||
         name.starts_with(kProgressName);
}

void check_output(const fs::path& output, bool overwrite) {
  if (!fs::exists(output)) return;
  if (!fs::is_directory(output)) {
    throw DataError(output.string() + ": is a file; expected a folder that does not exist yet");
  }
  if (fs::is_empty(output)) return;
  if (!overwrite) {
    throw DataError(output.string() +
                    ": is not empty; name a folder that does not exist yet, or give --overwrite to "
                    "replace shards made before");
  }
  if (!all_entries(output, is_part_of_output)) {
    throw DataError(output.string() +
                    ": holds more than token shards, so --overwrite does not replace it; name "
                    "another folder");
  }
}

void check_work(const fs::path& work) {
  if (!fs::exists(work)) return;
  if (fs::is_directory(work) && all_entries(work, is_part_of_work)) return;
  throw DataError(work.string() +
                  ": needed to work in, but is not what `prepare` leaves; move it away or name "
                  "another --output");
}

// Shards that a crash of the machine or a person damaged are found here, not when they are read.
std::string fault_of_shard(const fs::path& folder, const ShardEntry& entry) {
  try {
    const TokenShardReader shard(folder / entry.file);
    if (shard.num_tokens() == entry.tokens && shard.num_documents() == entry.documents &&
        shard.info().payload_hash == entry.hash) {
      return "";
    }
    return (folder / entry.file).string() + " is another shard than progress.json lists";
  } catch (const DataError& error) {
    return error.what();
  }
}

}  // namespace

fs::path work_folder_of(const fs::path& output) {
  fs::path work = whole_path(output);
  work += ".partial";
  return work;
}

PrepareFolder::PrepareFolder(const fs::path& output, bool overwrite)
    : output_(whole_path(output)), work_(work_folder_of(output)), overwrite_(overwrite) {
  check_work(work_);
  const bool is_new = !fs::exists(work_);
  if (is_new) check_output(output_, overwrite);
  make_directories(work_);
  lock_ = std::make_unique<FileLock>(work_ / kLockName);
  if (!may_be_published()) check_output(output_, overwrite);
}

fs::path PrepareFolder::data(const std::string& part) const {
  return part.empty() ? work_ / kDataName : work_ / kDataName / part;
}

std::optional<PrepareState> PrepareFolder::take_up(const Json& identity, std::string& why_not) {
  if (fs::exists(work_ / kProgressName)) {
    try {
      PrepareState state = read_progress(work_ / kProgressName);
      why_not = fault_of(state, identity);
      if (why_not.empty()) {
        if (!state.publishing) remove_unlisted(state);
        return state;
      }
    } catch (const DataError& error) {
      why_not = error.what();
    } catch (const Json::exception& error) {
      why_not = (work_ / kProgressName).string() + ": " + error.what();
    }
  }
  bring_back_replaced();
  check_output(output_, overwrite_);
  return std::nullopt;
}

std::string PrepareFolder::fault_of(const PrepareState& state, const Json& identity) const {
  std::string fault = identity_difference(state.identity, identity);
  if (!fault.empty()) return fault;
  const bool is_moved = state.publishing && !fs::exists(work_ / kDataName);
  const auto num_inputs = identity.at("inputs").size();
  if (state.parts.empty() || state.bad.counts.size() != num_inputs) {
    return "progress.json does not fit the inputs";
  }
  for (const PartState& part : state.parts) {
    if (part.inputs.size() != num_inputs || part.next.input < 0 || part.next.document < 0 ||
        part.next.input > static_cast<int64_t>(num_inputs)) {
      return "progress.json does not fit the inputs";
    }
    const fs::path folder = is_moved ? output_ / part.name : data(part.name);
    for (const ShardEntry& shard : part.shards) {
      fault = fault_of_shard(folder, shard);
      if (!fault.empty()) return fault;
    }
  }
  return "";
}

void PrepareFolder::remove_unlisted(const PrepareState& state) const {
  std::set<fs::path> listed;
  for (const PartState& part : state.parts) {
    fs::create_directories(data(part.name));
    listed.insert(data(part.name));
    for (const ShardEntry& shard : part.shards) listed.insert(data(part.name) / shard.file);
  }
  std::vector<fs::path> unlisted;
  for (const auto& entry : fs::recursive_directory_iterator(work_ / kDataName)) {
    if (!listed.contains(entry.path())) unlisted.push_back(entry.path());
  }
  for (const fs::path& path : unlisted) fs::remove_all(path);
}

void PrepareFolder::start_over(const PrepareState& state) {
  fs::remove(work_ / kProgressName);
  fs::remove_all(work_ / kDataName);
  for (const PartState& part : state.parts) fs::create_directories(data(part.name));
}

void PrepareFolder::save(const PrepareState& state) {
  write_file_atomic(work_ / kProgressName, to_progress_text(state));
}

// Between publishing and the removal of the work folder; take_up looks closer.
bool PrepareFolder::may_be_published() const {
  return fs::exists(work_ / kProgressName) && !fs::exists(work_ / kDataName);
}

void PrepareFolder::bring_back_replaced() const {
  const fs::path replaced = work_ / kReplacedName;
  if (fs::exists(replaced) && !fs::exists(output_)) fs::rename(replaced, output_);
}

void PrepareFolder::publish() {
  if (!fs::exists(work_ / kDataName)) return;  // done before
  const fs::path replaced = work_ / kReplacedName;
  if (fs::exists(output_)) {
    fs::remove_all(replaced);
    fs::rename(output_, replaced);
  }
  try {
    publish_directory(work_ / kDataName, output_);
  } catch (const NotDurableError&) {
    throw;
  } catch (...) {
    // data/ is gone: what progress.json says is no longer so.
    std::error_code ignored;
    fs::remove(work_ / kProgressName, ignored);
    bring_back_replaced();
    throw;
  }
}

void PrepareFolder::remove() {
  std::error_code ignored;
  bring_back_replaced();
  fs::remove_all(work_, ignored);
}

}  // namespace ropewalk
