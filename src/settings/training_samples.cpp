#include "settings/training_samples.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "ropewalk/base/collect_faults.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

using Sources = std::vector<Source>;

// The folder's own name; a second one of that name becomes NAME-2.
std::string source_name(const std::string& path, const Sources& others) {
  std::filesystem::path folder(path);
  if (!folder.has_filename()) folder = folder.parent_path();
  const std::string base = folder.filename().string();
  const auto is_taken = [&](const std::string& name) {
    return std::ranges::any_of(others, [&](const Source& other) { return other.name == name; });
  };
  std::string name = base;
  for (int i = 2; is_taken(name); ++i) name = base + "-" + std::to_string(i);
  return name;
}

std::shared_ptr<const SequenceDataset> make_sequences(Packing packing,
                                                      const DocumentSelection& documents,
                                                      const SequenceOptions& options) {
  switch (packing) {
    case Packing::kConcat:
      return make_concat_dataset(documents, options);
    case Packing::kPacked:
      return make_packed_dataset(documents, options);
    case Packing::kDocument:
      return make_document_dataset(documents, options);
  }
  return nullptr;
}

// One folder's documents as one source, or as two where long ones have a share of their own.
class FolderSources {
 public:
  FolderSources(const DataConfig& config,
                std::shared_ptr<const TokenDataset> tokens,
                const SequenceOptions& options)
      : config_(config), tokens_(std::move(tokens)), options_(options) {
    // Chat data stand as the model reads them: what begins and ends them is among their tokens.
    if (tokens_->has_targets() && !config.add_bos) options_.bos_id.reset();
    if (tokens_->has_targets() && !config.add_eos) options_.eos_id.reset();
  }

  void add(std::string name, Sources& out) const {
    const LengthRange all{.min_tokens = config_.min_document_tokens};
    if (!config_.long_document_tokens) {
      out.push_back({name, make(DocumentSelection(tokens_, all), name), 1.0});
      return;
    }
    const LengthRange rest{all.min_tokens, *config_.long_document_tokens - 1};
    const LengthRange longer{.min_tokens = *config_.long_document_tokens};
    const DocumentSelection short_ones(tokens_, rest), long_ones(tokens_, longer);
    const double share = *config_.long_document_share;
    if (long_ones.size() == 0 || short_ones.size() == 0) {
      out.push_back({name, make(DocumentSelection(tokens_, all), name), 1.0});
      return;
    }
    out.push_back({name, make(short_ones, name), 1.0 - share});
    out.push_back({name + "/long", make(long_ones, name), share});
  }

 private:
  std::shared_ptr<const SequenceDataset> make(const DocumentSelection& documents,
                                              const std::string& name) const {
    if (documents.size() == 0) {
      throw DataError(name + ": no document has data.min_document_tokens (" +
                      std::to_string(config_.min_document_tokens) +
                      ") or more; `ropewalk inspect` shows their lengths");
    }
    return make_sequences(config_.packing, documents, options_);
  }

  const DataConfig& config_;
  std::shared_ptr<const TokenDataset> tokens_;
  SequenceOptions options_;
};

}  // namespace

std::shared_ptr<const SampleSource> make_training_samples(
    const DataConfig& config,
    const std::vector<std::shared_ptr<const TokenDataset>>& folders,
    const TrainingSamplesOptions& options,
    Diagnostics& faults) {
  Sources sources;
  const size_t errors_before = faults.errors().size();
  for (size_t i = 0; i < folders.size(); ++i) {
    collect_faults(faults, "data.train[" + std::to_string(i) + "]", [&] {
      const size_t first = sources.size();
      FolderSources(config, folders[i], options.sequence)
          .add(source_name(config.train[i], sources), sources);
      int64_t size = 0;
      for (size_t s = first; s < sources.size(); ++s) size += sources[s].sequences->size();
      const double weight = config.weights.empty() ? static_cast<double>(size) : config.weights[i];
      for (size_t s = first; s < sources.size(); ++s) sources[s].weight *= weight;
    });
  }
  if (faults.errors().size() > errors_before) return nullptr;
  const bool in_shares = !config.weights.empty() || config.long_document_share;
  return std::make_shared<SampleSource>(
      in_shares ? SampleSource::weighted(std::move(sources), options.seed)
                : SampleSource::in_turn(std::move(sources), options.seed));
}

void check_enough_samples(const SampleSource& samples, uint64_t num_samples, Diagnostics& faults) {
  for (int64_t source = 0; source < samples.num_sources(); ++source) {
    const double epochs = samples.epochs(source, num_samples);
    if (epochs <= 1.0) continue;
    faults.error("data.repeat",
                 "false, but " + format_count(num_samples) +
                     " samples (train.steps x "
                     "train.global_batch_size) go through " +
                     samples.name(source) + " " + format_number(epochs) +
                     " times. Prepare more text, take fewer steps, or allow "
                     "repetition");
  }
}

}  // namespace ropewalk
