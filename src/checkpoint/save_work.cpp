#include "checkpoint/save_work.h"

#include <functional>
#include <vector>

#include "checkpoint/hf_folder.h"
#include "checkpoint/trainer_files.h"
#include "checkpoint/write_files.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/progress.h"
#include "ropewalk/base/text.h"
#include "ropewalk/checkpoint/agree.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk {
namespace {

using Work = std::function<std::string()>;

// Errors of the disk say what the save of `num_bytes` needs.
Work with_advice(const std::filesystem::path& target, uint64_t num_bytes, const Work& work) {
  return [=] {
    const auto advised = [&](const std::exception& error) {
      return IoError(std::string(error.what()) + "\nsaving " + target.string() + " needs " +
                     format_bytes(num_bytes) +
                     "; the unfinished folder was removed and earlier checkpoints are as they "
                     "were: free space, then start again with --resume");
    };
    try {
      return work();
    } catch (const NotDurableError&) {
      throw;
    } catch (const IoError& error) {
      throw advised(error);
    } catch (const std::filesystem::filesystem_error& error) {
      throw advised(error);
    }
  };
}

std::string entries_text(const std::vector<ManifestEntry>& entries) {
  Json list = Json::array();
  for (const ManifestEntry& entry : entries) {
    list.push_back({entry.path, entry.size_bytes, entry.hash});
  }
  return list.dump();
}

std::vector<ManifestEntry> entries_in(const std::vector<std::string>& texts) {
  std::vector<ManifestEntry> entries;
  for (const std::string& text : texts) {
    for (const Json& entry : Json::parse(text)) {
      entries.push_back({entry[0].get<std::string>(), entry[1].get<uint64_t>(), entry[2]});
    }
  }
  return entries;
}

// What is not tensors.
void write_rest(const std::filesystem::path& folder,
                const SaveWork& work,
                const CheckpointerOptions& options) {
  write_hf_companions(folder, options.model_config, options.dtype, options.copied_from);
  write_model_index(folder, work.plan.model);
  FileWriter file(folder / kTrainerFolder / kStateName);
  file.write(work.state);
  file.close();
}

}  // namespace

void write_checkpoint(const SaveWork& work,
                      const CheckpointerOptions& options,
                      RunCheckpoints& checkpoints) {
  const std::filesystem::path target = checkpoints.target(work.step);
  const auto part = [&](const Work& some) {
    return with_advice(target, work.plan.num_bytes, some);
  };
  std::filesystem::path folder;
  try {
    const auto make_folder = [&] {
      make_directories(checkpoints.folder());
      folder = temporary_sibling(target);
      std::filesystem::create_directories(folder / kTrainerFolder);
      return folder.string();
    };
    folder = on_first_rank(*work.all, part(make_folder));
    const auto write_own = [&] {
      return entries_text(work.writers.has_this_rank
                              ? write_files(folder, work.plan.files, *work.writers.group)
                              : std::vector<ManifestEntry>());
    };
    const std::vector<std::string> written = from_every_rank(*work.all, part(write_own));
    const auto publish = [&] {
      write_rest(folder, work, options);
      write_manifest(folder, {{"step", work.step}}, entries_in(written));
      checkpoints.publish(folder, target);
      report_saved(work.step);  // before anybody reads that it is
      log_info("saved " + target.string());
      return std::string();
    };
    on_first_rank(*work.all, part(publish));
    report_saved(work.step);
    checkpoints.set_newest(target);
  } catch (...) {
    std::error_code ignored;
    if (work.all->rank() == 0) std::filesystem::remove_all(folder, ignored);
    throw;
  }
}

}  // namespace ropewalk
