#include "settings/training_samples.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>

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

// Documents of other tools may begin with the token that is about to be put before them.
bool begin_with(const DocumentSelection& documents, int32_t id) {
  constexpr int64_t kLookedAt = 100;
  bool found = false;
  for (int64_t i = 0; i < std::min(documents.size(), kLookedAt); ++i) {
    if (documents.length(i) == 0) continue;
    int64_t first = 0;
    documents.read(i, 0, std::span(&first, 1));
    if (first != id) return false;
    found = true;
  }
  return found;
}

// The documents of one entry of data.train as one source, or as two where long ones have a share of
// their own.
class FolderSources {
 public:
  FolderSources(const DataConfig& config,
                std::shared_ptr<const TokenDataset> tokens,
                DocumentRange documents,
                const SequenceOptions& options)
      : config_(config), tokens_(std::move(tokens)), documents_(documents), options_(options) {
    // Chat data stand as the model reads them: what begins and ends them is among their tokens.
    const bool is_chat = tokens_->has_targets(documents_);
    if (is_chat && !config.add_bos) options_.bos_id.reset();
    if (is_chat && !config.add_eos) options_.eos_id.reset();
  }

  void add(const std::string& name, Sources& out) const {
    const int64_t num_documents = documents_.end - documents_.begin;
    const int64_t shortest = config_.min_document_tokens;
    if (config_.long_document_tokens) {
      const int64_t long_from = *config_.long_document_tokens;
      const DocumentSelection rest = select({shortest, long_from - 1});
      const DocumentSelection longer = select({.min_tokens = long_from});
      if (longer.size() > 0 && rest.size() > 0) {
        const double share = *config_.long_document_share;
        out.push_back(source(name, rest, 1.0 - share));
        out.back().num_left_out = num_documents - rest.size() - longer.size();
        out.push_back(source(name + "/long", longer, share));
        return;
      }
    }
    const DocumentSelection chosen = select({.min_tokens = shortest});
    out.push_back(source(name, chosen, 1.0));
    out.back().num_left_out = num_documents - chosen.size();
  }

  void warn_of_double_bos(const std::string& where, Diagnostics& faults) const {
    if (!options_.bos_id || !begin_with(select({}), *options_.bos_id)) return;
    faults.warning(where,
                   "its documents begin with the begin-of-text token (id " +
                       std::to_string(*options_.bos_id) +
                       ") already, and get another one; set data.add_bos to false to have one");
  }

 private:
  DocumentSelection select(LengthRange lengths) const { return {tokens_, documents_, lengths}; }

  Source source(const std::string& name, const DocumentSelection& documents, double weight) const {
    if (documents.size() == 0) {
      throw DataError(name + ": no document has data.min_document_tokens (" +
                      std::to_string(config_.min_document_tokens) +
                      ") or more; `ropewalk inspect` shows their lengths");
    }
    return {.name = name,
            .sequences = make_sequences(config_.packing, documents, options_),
            .weight = weight};
  }

  const DataConfig& config_;
  std::shared_ptr<const TokenDataset> tokens_;
  DocumentRange documents_;
  SequenceOptions options_;
};

}  // namespace

std::shared_ptr<const SampleSource> make_training_samples(
    const DataConfig& config,
    const std::shared_ptr<const TokenDataset>& tokens,
    const TrainingSamplesOptions& options,
    Diagnostics& faults) {
  Sources sources;
  const size_t errors_before = faults.errors().size();
  for (size_t i = 0; i < config.train.size(); ++i) {
    const std::string where = "data.train[" + std::to_string(i) + "]";
    collect_faults(faults, where, [&] {
      const size_t first = sources.size();
      const FolderSources folder(config, tokens, tokens->documents_of(i), options.sequence);
      folder.warn_of_double_bos(where, faults);
      folder.add(source_name(config.train[i], sources), sources);
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
  const auto check = [&](const std::string& what, double epochs) {
    if (epochs <= 1.0) return;
    faults.error("data.repeat",
                 "false, but " + format_count(num_samples) +
                     " samples (train.steps x train.global_batch_size) go through " + what + " " +
                     format_number(epochs) +
                     " times. Prepare more text, take fewer steps, or allow repetition");
  };
  if (!samples.is_weighted()) return check("the data", samples.epochs(num_samples));
  for (int64_t source = 0; source < samples.num_sources(); ++source) {
    check(samples.name(source), samples.epochs(source, num_samples));
  }
}

}  // namespace ropewalk
