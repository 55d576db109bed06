#include "ropewalk/formats/manifest.h"

#include <algorithm>
#include <map>
#include <set>

#include "formats/inside_folder.h"
#include "formats/printable.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

constexpr const char* kFormat = "ropewalk-manifest-1";
constexpr const char* kHashKind = "xxh3-128";
constexpr size_t kHashDigits = 32;
constexpr size_t kMaxManifestBytes = size_t{64} << 20;
// Everything after the hashed bytes: `,\n  "manifest_hash": "<32 digits>"\n}\n`.
constexpr std::string_view kTailBegin = ",\n  \"manifest_hash\": \"";
constexpr std::string_view kTailEnd = "\"\n}\n";

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_safe_path(const std::string& text) {
  const fs::path path(text);
  return !text.empty() && path.is_relative() && text.find('\0') == std::string::npos &&
         text.find('\n') == std::string::npos && path.has_filename() &&
         path.lexically_normal() == path && *path.begin() != ".." && text != "." &&
         text != kManifestName;
}

// Relative paths of all files below the folder but the manifest, sorted.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) continue;
    const std::string path = entry.path().lexically_relative(folder).generic_string();
    if (path != kManifestName) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

ManifestEntry entry_of(const fs::path& folder,
                       const std::string& path,
                       const std::map<std::string, ManifestEntry>& known) {
  const fs::path file = folder / path;
  ROPEWALK_CHECK(is_safe_path(path) && fs::is_regular_file(fs::symlink_status(file)),
                 file.string() + ": only plain files go into a manifest");
  const auto found = known.find(path);
  if (found == known.end()) return {path, fs::file_size(file), hash_file(file)};
  ROPEWALK_CHECK(fs::file_size(file) == found->second.size_bytes,
                 file.string() + ": changed after it was hashed");
  return found->second;
}

Manifest parse_manifest(const std::string& text, const std::string& source) {
  const auto damaged = [&](const std::string& what) {
    return CheckpointError(source + ": " + what + "; the checkpoint is damaged or incomplete");
  };
  const size_t tail_bytes = kTailBegin.size() + kHashDigits + kTailEnd.size();
  if (text.size() < tail_bytes || !text.ends_with(kTailEnd) ||
      text.substr(text.size() - tail_bytes, kTailBegin.size()) != kTailBegin) {
    throw damaged("does not end with its own hash (it is " + std::to_string(text.size()) +
                  " bytes: truncated?)");
  }
  const std::string_view body = std::string_view(text).substr(0, text.size() - tail_bytes);
  Manifest manifest;
  manifest.hash = text.substr(body.size() + kTailBegin.size(), kHashDigits);
  if (const std::string found = hash_text(body); found != manifest.hash) {
    throw damaged("its bytes hash to " + found + ", its last field says " +
                  printable(manifest.hash));
  }
  Json json;
  try {
    json = parse_json(text, source);
  } catch (const ConfigError& error) {
    throw CheckpointError(error.what());
  }
  if (json.value("format", "") != kFormat || json.value("hash_kind", "") != kHashKind) {
    throw CheckpointError(source + ": expected format " + kFormat + " with " + kHashKind +
                          "; it was written by another version");
  }
  manifest.fields = Json::object();
  for (const auto& [key, value] : json.items()) {
    if (key != "format" && key != "hash_kind" && key != "files" && key != "manifest_hash") {
      manifest.fields[key] = value;
    }
  }
  std::set<std::string> seen;
  for (const Json& file : json.at("files")) {
    if (!file.at("size").is_number_unsigned()) throw damaged("files: a size is no whole number");
    ManifestEntry entry{file.at("path"), file.at("size"), file.at("hash")};
    if (!is_safe_path(entry.path) || !is_hash(entry.hash) || !seen.insert(entry.path).second) {
      throw damaged("files: '" + printable(entry.path) + "' is unsafe, twice there or has no hash");
    }
    manifest.files.push_back(std::move(entry));
  }
  return manifest;
}

void verify_entry(const fs::path& folder,
                  const ManifestEntry& entry,
                  VerifyOptions options,
                  Diagnostics& faults) {
  const fs::path file = folder / entry.path;
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (!fs::exists(status)) {
    faults.error(entry.path, "is missing");
    return;
  }
  if (!fs::is_regular_file(status)) {
    faults.error(entry.path, "is not a file");
    return;
  }
  if (!link_stays_inside(file, folder)) {
    faults.error(entry.path, "is a link that leads out of the folder; put the file itself there");
    return;
  }
  const uint64_t size = fs::file_size(file, error);
  if (error || size != entry.size_bytes) {
    faults.error(entry.path,
                 "has " + std::to_string(size) + " bytes, expected " +
                     std::to_string(entry.size_bytes) +
                     (size < entry.size_bytes ? " (truncated)" : ""));
    return;
  }
  if (!options.check_hashes) return;
  try {
    if (const std::string found = hash_file(file); found != entry.hash) {
      faults.error(entry.path,
                   "hashes to " + found + ", expected " + entry.hash + " (its content changed)");
    }
  } catch (const IoError& fault) {
    faults.error(entry.path, fault.what());
  }
}

}  // namespace

const ManifestEntry* Manifest::find(const std::string& path) const {
  const auto found = std::find_if(
      files.begin(), files.end(), [&](const ManifestEntry& entry) { return entry.path == path; });
  return found == files.end() ? nullptr : &*found;
}

Manifest write_manifest(const fs::path& folder,
                        const Json& fields,
                        const std::vector<ManifestEntry>& known) {
  std::map<std::string, ManifestEntry> known_by_path;
  for (const ManifestEntry& entry : known) known_by_path.emplace(entry.path, entry);
  Manifest manifest;
  manifest.fields = fields;
  Json json = {{"format", kFormat}, {"hash_kind", kHashKind}};
  for (const auto& [key, value] : fields.items()) {
    ROPEWALK_CHECK(!json.contains(key) && key != "files" && key != "manifest_hash",
                   "manifest field " + key + " is reserved");
    json[key] = value;
  }
  json["files"] = Json::array();
  for (const std::string& path : files_below(folder)) {
    const ManifestEntry entry = entry_of(folder, path, known_by_path);
    known_by_path.erase(path);
    json["files"].push_back({{"path", path}, {"size", entry.size_bytes}, {"hash", entry.hash}});
    manifest.files.push_back(entry);
  }
  ROPEWALK_CHECK(known_by_path.empty(),
                 folder.string() + ": a file given with its hash, " + known_by_path.begin()->first +
                     ", is not there");
  std::string text = to_json_text(json);
  text.resize(text.size() - 3);  // the closing "\n}\n"
  manifest.hash = hash_text(text);
  text += std::string(kTailBegin) + manifest.hash + std::string(kTailEnd);
  FileWriter writer(folder / kManifestName);
  writer.write(text);
  writer.close();
  return manifest;
}

bool has_manifest(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / kManifestName, error);
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  std::error_code error;
  if (!has_manifest(folder)) {
    throw CheckpointError(path.string() + ": is missing; the checkpoint is incomplete");
  }
  if (const uint64_t size = fs::file_size(path, error); error || size > kMaxManifestBytes) {
    throw CheckpointError(path.string() + ": has " + std::to_string(size) +
                          " bytes, more than any manifest");
  }
  try {
    return parse_manifest(read_file(path), path.string());
  } catch (const nlohmann::json::exception& fault) {
    throw CheckpointError(path.string() + ": not a manifest: " + printable(fault.what(), 300));
  } catch (const IoError& fault) {
    throw CheckpointError(fault.what());
  }
}

Diagnostics verify_files(const fs::path& folder, const std::vector<fs::path>& files) {
  const Manifest manifest = read_manifest(folder);
  Diagnostics faults;
  for (const fs::path& file : files) {
    const std::string path = file.lexically_relative(folder).generic_string();
    if (const ManifestEntry* entry = manifest.find(path)) {
      verify_entry(folder, *entry, {}, faults);
    } else {
      faults.error(path, "is not in the manifest; was it added after the checkpoint was written?");
    }
  }
  return faults;
}

Diagnostics verify_manifest(const fs::path& folder, VerifyOptions options) {
  Diagnostics faults;
  Manifest manifest;
  try {
    manifest = read_manifest(folder);
  } catch (const CheckpointError& fault) {
    faults.error("", fault.what());
    return faults;
  }
  for (const ManifestEntry& entry : manifest.files) verify_entry(folder, entry, options, faults);
  try {
    for (const std::string& path : files_below(folder)) {
      if (manifest.find(path) == nullptr) {
        faults.warning(path, "is not in the manifest; it was added later and is not checked");
      }
    }
  } catch (const fs::filesystem_error& error) {
    faults.error("", error.what());
  }
  return faults;
}

}  // namespace ropewalk
