#include "ropewalk/checkpoint/discovery.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {
namespace {

constexpr std::string_view kPrefix = "step-";
constexpr size_t kMinDigits = 8;

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char character) {
    return std::isdigit(character) != 0;
  });
}

// The step of a published checkpoint's name; temporary and set-aside folders have a suffix.
std::optional<int64_t> parse_name(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const std::string_view digits = std::string_view(name).substr(kPrefix.size());
  if (!all_digits(digits) || digits.size() < kMinDigits || digits.size() > 18) return std::nullopt;
  return std::stoll(std::string(digits));
}

std::string faults_of(const std::filesystem::path& folder) {
  const Diagnostics faults = verify_manifest(folder);
  return faults.ok() ? std::string() : faults.report(folder.string());
}

FoundCheckpoint describe_found(const std::filesystem::path& folder) {
  const Manifest manifest = read_manifest(folder);
  FoundCheckpoint found{.path = folder, .manifest_hash = manifest.hash};
  const auto step = manifest.fields.find("step");
  if (step == manifest.fields.end() || !step->is_number_integer()) {
    throw CheckpointError(
        (folder / kManifestName).string() +
        ": has no step; this is a model, not the checkpoint of a run: start a new "
        "run with model.pretrained instead of resuming");
  }
  found.step = step->get<int64_t>();
  return found;
}

std::string available(const std::filesystem::path& checkpoints_dir) {
  std::vector<std::string> names;
  for (const CheckpointFolder& folder : list_checkpoints(checkpoints_dir)) {
    names.push_back(std::to_string(folder.step));
  }
  if (names.empty()) return "there are none in " + checkpoints_dir.string();
  return "steps in " + checkpoints_dir.string() + ": " + join(names, ", ");
}

}  // namespace

std::string checkpoint_name(int64_t step) {
  char name[40];
  std::snprintf(name, sizeof(name), "step-%08lld", static_cast<long long>(step));
  return name;
}

bool is_in(const FoundCheckpoint& checkpoint, const std::filesystem::path& checkpoints_dir) {
  std::error_code not_there;
  return std::filesystem::equivalent(checkpoint.path / "..", checkpoints_dir, not_there);
}

std::vector<CheckpointFolder> list_checkpoints(const std::filesystem::path& checkpoints_dir) {
  std::vector<CheckpointFolder> folders;
  if (!std::filesystem::is_directory(checkpoints_dir)) return folders;
  for (const auto& entry : std::filesystem::directory_iterator(checkpoints_dir)) {
    const auto step = parse_name(entry.path().filename().string());
    if (step && entry.is_directory()) folders.push_back({entry.path(), *step});
  }
  std::sort(
      folders.begin(), folders.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  return folders;
}

std::optional<FoundCheckpoint> find_newest_checkpoint(const std::filesystem::path& checkpoints_dir,
                                                      const Objection& objection) {
  std::vector<SkippedCheckpoint> skipped;
  for (const CheckpointFolder& folder : list_checkpoints(checkpoints_dir)) {
    std::string reason = faults_of(folder.path);
    if (reason.empty()) {
      try {
        FoundCheckpoint found = describe_found(folder.path);
        if (objection) reason = objection(found);
        if (reason.empty()) {
          found.skipped = std::move(skipped);
          return found;
        }
      } catch (const CheckpointError& error) {
        reason = error.what();
      }
    }
    skipped.push_back({folder.path, std::move(reason)});
  }
  if (skipped.empty()) return std::nullopt;
  std::string text = checkpoints_dir.string() + ": no checkpoint will do";
  for (const SkippedCheckpoint& folder : skipped) {
    text += "\n" + folder.path.filename().string() + ": " + folder.reason;
  }
  throw CheckpointError(text + "\nrestore one of them, or start anew with --overwrite");
}

FoundCheckpoint find_checkpoint(const std::filesystem::path& checkpoints_dir,
                                const std::string& path_or_step) {
  std::filesystem::path folder = path_or_step;
  if (all_digits(path_or_step) && path_or_step.size() <= 18) {
    folder = checkpoints_dir / checkpoint_name(std::stoll(path_or_step));
  }
  if (!std::filesystem::is_directory(folder)) {
    throw CheckpointError(folder.string() + ": no such checkpoint (--resume=" + path_or_step +
                          "); " + available(checkpoints_dir));
  }
  const std::string faults = faults_of(folder);
  if (!faults.empty()) {
    throw CheckpointError(faults + "\n--resume=" + path_or_step +
                          " names exactly this one; --resume alone takes the newest that verifies");
  }
  return describe_found(folder);
}

}  // namespace ropewalk
