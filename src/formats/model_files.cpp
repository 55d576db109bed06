#include "ropewalk/formats/model_files.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "formats/inside_folder.h"
#include "formats/model_index.h"
#include "formats/printable.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr size_t kMaxListedNames = 8;

std::string listed(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kMaxListedNames) break;
    shown.push_back(printable(name));
  }
  if (names.size() > shown.size()) {
    shown.push_back("and " + std::to_string(names.size() - shown.size()) + " more");
  }
  return join(shown, ", ");
}

// Why a shard's name in the index may not be opened, if so.
std::optional<std::string> unsafe_name(const std::string& name, const fs::path& folder) {
  const fs::path path(name);
  if (name.empty() || path.is_absolute() || name.find('\0') != std::string::npos ||
      name.find('\n') != std::string::npos) {
    return "is not a relative file name";
  }
  if (std::find(path.begin(), path.end(), "..") != path.end()) return "leads out of the folder";
  if (is_pickle_file(path)) return std::string("is a pickle file: ") + kConvertPickleHint;
  if (path.extension() != ".safetensors") return "does not end in .safetensors";
  if (!link_stays_inside(folder / path, folder)) {
    return "is a link that leads out of the folder; put the file itself there";
  }
  return std::nullopt;
}

std::string no_weights_text(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> pickles;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (is_pickle_file(entry.path())) pickles.push_back(entry.path().filename().string());
  }
  std::sort(pickles.begin(), pickles.end());
  const std::string expected =
      std::string("; expected ") + kModelFileName + " or " + kModelIndexName;
  if (fs::exists(folder / "adapter_config.json", error)) {
    return "holds a PEFT adapter and no model" + expected +
           ". Add it to its model: ropewalk export MODEL DIR --merge-adapter " + folder.string();
  }
  if (pickles.empty()) return "no weights found" + expected;
  return "only pickle weights found (" + listed(pickles) + ")" + expected + "; " +
         kConvertPickleHint;
}

struct OpenedShards {
  std::vector<std::unique_ptr<SafetensorsFile>> files;
  std::unordered_map<std::string, ModelTensor> tensors;
};

void add_tensors(const SafetensorsFile& file,
                 OpenedShards& shards,
                 std::map<std::string, std::vector<std::string>>& twice) {
  for (const TensorInfo& info : file.tensors()) {
    const auto [place, added] = shards.tensors.emplace(info.name, ModelTensor{&file, &info});
    if (!added) {
      twice[place->second.file->path().filename().string() + " and " +
            file.path().filename().string()]
          .push_back(info.name);
    }
  }
}

OpenedShards open_shards(const fs::path& folder,
                         const std::map<std::string, std::vector<std::string>>& wanted,
                         Diagnostics& faults) {
  OpenedShards shards;
  std::map<std::string, std::vector<std::string>> twice;
  for (const auto& [name, tensors] : wanted) {
    const std::string at = "shard '" + printable(name) + "'";
    if (const auto reason = unsafe_name(name, folder)) {
      faults.error(at, *reason);
      continue;
    }
    std::error_code error;
    if (!fs::exists(folder / name, error)) {
      faults.error(at,
                   "is missing; the index expects " + std::to_string(tensors.size()) +
                       " tensors in it (" + listed(tensors) + "); download it again");
      continue;
    }
    try {
      shards.files.push_back(std::make_unique<SafetensorsFile>(folder / name));
    } catch (const CheckpointError& fault) {
      faults.error("", fault.what());
      continue;
    }
    const SafetensorsFile& file = *shards.files.back();
    std::vector<std::string> absent;
    for (const std::string& tensor : tensors) {
      if (file.find(tensor) == nullptr) absent.push_back(tensor);
    }
    if (!absent.empty()) {
      faults.error(at, "does not hold " + listed(absent) + ", which the index places there");
    }
    add_tensors(file, shards, twice);
  }
  for (const auto& [files, names] : twice) {
    faults.error("shards " + printable(files), "both hold " + listed(names) + "; keep one of each");
  }
  return shards;
}

// Tensors of a shard that the index does not name would be dropped in silence.
void check_index_names_all(const OpenedShards& shards,
                           const std::set<std::string>& indexed,
                           Diagnostics& faults) {
  std::vector<std::string> unnamed;
  for (const auto& [name, tensor] : shards.tensors) {
    if (!indexed.contains(name)) unnamed.push_back(name);
  }
  if (unnamed.empty()) return;
  std::sort(unnamed.begin(), unnamed.end());
  faults.error("weight_map",
               "does not name " + listed(unnamed) +
                   ", which the shards hold; the index is not of these files");
}

OpenedShards open_index(const fs::path& folder) {
  const fs::path index_path = folder / kModelIndexName;
  Diagnostics faults;
  const auto entries = read_model_index(index_path, faults);
  faults.throw_if_errors<CheckpointError>(index_path.string());
  std::map<std::string, std::vector<std::string>> wanted;
  std::set<std::string> indexed;
  for (const auto& [tensor, shard] : entries) {
    wanted[shard].push_back(tensor);
    indexed.insert(tensor);
  }
  OpenedShards shards = open_shards(folder, wanted, faults);
  if (faults.ok()) check_index_names_all(shards, indexed, faults);
  faults.throw_if_errors<CheckpointError>(index_path.string());
  return shards;
}

OpenedShards open_single(const fs::path& path) {
  OpenedShards shards;
  std::map<std::string, std::vector<std::string>> twice;  // one file cannot hold a name twice
  shards.files.push_back(std::make_unique<SafetensorsFile>(path));
  add_tensors(*shards.files.back(), shards, twice);
  return shards;
}

OpenedShards open_path(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    throw CheckpointError(path.string() + ": no such file or folder; expected a model folder");
  }
  if (!fs::is_directory(path, error)) {
    if (is_pickle_file(path)) throw CheckpointError(path.string() + ": " + kConvertPickleHint);
    return open_single(path);
  }
  const bool has_single = fs::exists(path / kModelFileName, error);
  const bool has_index = fs::exists(path / kModelIndexName, error);
  if (has_single && has_index) {
    throw CheckpointError(path.string() + ": holds both " + kModelFileName + " and " +
                          kModelIndexName + "; remove the one that is not meant");
  }
  if (has_index) return open_index(path);
  if (!has_single) throw CheckpointError(path.string() + ": " + no_weights_text(path));
  return open_single(path / kModelFileName);
}

}  // namespace

bool is_pickle_file(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt";
}

ModelFiles ModelFiles::open(const fs::path& path) {
  OpenedShards shards = open_path(path);
  ModelFiles files;
  files.files_ = std::move(shards.files);
  files.tensors_ = std::move(shards.tensors);
  for (const auto& [name, tensor] : files.tensors_) files.names_.push_back(name);
  std::sort(files.names_.begin(), files.names_.end());
  return files;
}

ModelTensor ModelFiles::find(std::string_view name) const {
  const auto found = tensors_.find(std::string(name));
  return found == tensors_.end() ? ModelTensor{} : found->second;
}

uint64_t ModelFiles::num_bytes() const {
  uint64_t total = 0;
  for (const auto& [name, tensor] : tensors_) total += tensor.info->num_bytes();
  return total;
}

int64_t ModelFiles::num_parameters() const {
  int64_t total = 0;
  for (const auto& [name, tensor] : tensors_) {
    total += static_cast<int64_t>(tensor.info->num_bytes() * 8 / dtype_bits(tensor.info->dtype));
  }
  return total;
}

}  // namespace ropewalk
