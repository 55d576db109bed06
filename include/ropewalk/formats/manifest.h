// manifest.json of a checkpoint: every other file with size and hash; its last field is the hash of
// the manifest's bytes before that field. It is written last, so its presence makes a checkpoint
// complete. Layout: docs/file_formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"

namespace ropewalk {

inline constexpr const char* kManifestName = "manifest.json";

struct ManifestEntry {
  std::string path;  // relative to the folder, '/' between parts
  uint64_t size_bytes = 0;
  std::string hash;  // XXH3-128, 32 hex digits
};

struct Manifest {
  Json fields;                       // what the writer added ("step", ...), without the ones below
  std::vector<ManifestEntry> files;  // sorted by path
  std::string hash;                  // the last field

  const ManifestEntry* find(const std::string& path) const;
};

// Hashes every file below `folder` and writes and fsyncs manifest.json. Entries of `known` (files
// hashed while they were written) are not read again, but must exist with that size. `fields`: an
// object stored before the file list.
Manifest write_manifest(const std::filesystem::path& folder,
                        const Json& fields = Json::object(),
                        const std::vector<ManifestEntry>& known = {});

bool has_manifest(const std::filesystem::path& folder);

// Parses and checks the manifest itself (shape, paths, own hash), not the files. CheckpointError.
Manifest read_manifest(const std::filesystem::path& folder);

struct VerifyOptions {
  bool check_hashes = true;  // false: presence and sizes only
};

// The faults of these files alone (paths below the folder): not listed, or as verify_manifest says.
// Throws CheckpointError when the manifest itself is damaged or missing.
Diagnostics verify_files(const std::filesystem::path& folder,
                         const std::vector<std::filesystem::path>& files);

// Every fault as an error (missing, wrong size, wrong hash, unreadable); files that the manifest
// does not list are warnings. A damaged or missing manifest is one error. Never throws for damage.
Diagnostics verify_manifest(const std::filesystem::path& folder, VerifyOptions options = {});

}  // namespace ropewalk
