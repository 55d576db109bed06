// The run itself: documents from the inputs through the tokenizer into the parts' shards, with
// progress.json written after each shard.
#pragma once

#include <string>
#include <vector>

#include "data/prepare/dataset_part.h"
#include "data/prepare/document_batch.h"
#include "data/prepare/folder.h"
#include "data/prepare/inputs.h"
#include "data/prepare/state.h"
#include "ropewalk/data/prepare.h"

namespace ropewalk {

// The arguments of the constructor outlive it.
class PrepareJob {
 public:
  PrepareJob(const PrepareOptions& options,
             const InputList& inputs,
             PrepareFolder& folder,
             const Tokenizer& tokenizer)
      : options_(options), inputs_(inputs), folder_(folder), tokenizer_(tokenizer) {}

  void start(PrepareState state);
  // To the end of the inputs. Throws what prepare_tokens throws; the finished shards are safe.
  void run(const DocumentEncoder& encoder);
  // Closes what is open and writes dataset.json. Afterwards the data folder may be published.
  void finish();
  PrepareResult result() const;

 private:
  void consume(DocumentBatch& batch);
  void add_bad_line(InputPosition position, const BadLine& bad);
  void save(bool publishing);
  void report();
  void check_not_stopped();
  void check_result() const;
  Json split_of(const PartState& part) const;

  const PrepareOptions& options_;
  const InputList& inputs_;
  PrepareFolder& folder_;
  const Tokenizer& tokenizer_;
  Json identity_;
  std::vector<DatasetPart> parts_;
  InputPosition begin_;
  BadLines bad_;
  InputPosition bad_counted_to_;  // bad_ had all before this when the run began
  PrepareProgress progress_;
};

}  // namespace ropewalk
