// Saves and loads whole training states in a run directory (layout: docs, "file formats").
//
// Saving: the ranks share the files of tensors of `step-N.tmp-<nonce>`; rank 0 makes the folder,
// writes the rest, the manifest last, syncs, renames and syncs the parent; only then is it said to
// be saved, and only then are older checkpoints deleted. A failure on one rank is thrown on every
// rank. All ranks must see the same run directory. Files depend neither on the number of ranks nor
// on how they hold the tensors: any of them loads what others saved.
//
// A model with low-rank updates is saved with the updates added to its weights, so that every
// checkpoint is the model as it stands. What the weights were before cannot be had from that: the
// updates, and all else that is trained, are an owner's tensors, and the other weights come from
// where the run took them. Neither the sum nor a rounding of it ever flows back into training.
//
// Every method marked collective
// must be called by all ranks at the same point.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/checkpoint/discovery.h"
#include "ropewalk/checkpoint/stateful.h"
#include "ropewalk/dist/group.h"
#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/spec/decoder_spec.h"

namespace ropewalk {

struct CheckpointerOptions {
  std::filesystem::path run_dir;      // checkpoints go to run_dir/checkpoints
  int64_t keep = 2;                   // newest complete ones kept, >= 1
  Json model_config;                  // config.json of the HF directory
  Json settings;                      // of the run, stored as they stand for the next resume
  std::filesystem::path copied_from;  // tokenizer files and generation_config.json
  DType dtype = DType::kF32;          // of the HF weights; below fp32, master weights are added
  uint64_t max_shard_bytes = 5'000'000'000;
  std::string device = "cpu";  // recorded with the environment
};

struct LoadedCheckpoint {
  int64_t step = 0;
  std::vector<std::string> environment_differences;  // bit-for-bit continuation is not promised
};

struct ResumeRequest {
  enum class Kind { kNewest, kNewestOrNone, kExactly } kind = Kind::kNewest;
  std::string path_or_step;  // kExactly
  Objection objection;       // of rank 0, to what the other kinds would take
};

// The settings that the checkpoint's run had. Throws CheckpointError when its trainer state is not
// of this version.
Json stored_settings(const FoundCheckpoint& checkpoint);

// How the checkpoint's positions differ from these: empty = not at all; else "extension x2", or
// what differs.
std::string rope_difference(const FoundCheckpoint& checkpoint, const RopeParameters& now);

class Checkpointer {
 public:
  // `weights`: every parameter and untrained buffer of the model in fp32, live, by the names of the
  // weight map. Those that are in shards, and those of the owners, are in the shards of one group:
  // all ranks of `group`, or some that hold everything together while others hold replicas.
  Checkpointer(CheckpointerOptions options,
               const DecoderSpec& spec,
               dist::NamedShardedTensors weights,
               std::shared_ptr<dist::Group> group);
  // Waits for what is being written.
  ~Checkpointer();

  // `owner` must outlive the checkpointer. Its key must be new.
  void add(Stateful& owner);

  // Removes what dead runs left half-written or half-deleted. The caller holds the run's lock.
  // Collective.
  void clean_up();

  // The next save replaces every checkpoint that is there (--overwrite).
  void start_over();

  // Which checkpoint to load, agreed by all ranks and fully verified; what was passed over is
  // logged. Nothing only for kNewestOrNone. Collective.
  std::optional<FoundCheckpoint> find(const ResumeRequest& request);

  // Fills what this rank holds of the weights (master weights where there are; none of a model with
  // low-rank updates, whose caller has filled them) and of every owner's tensors; nothing else of
  // the files is read. The next save replaces later checkpoints of the run. Collective.
  LoadedCheckpoint load(const FoundCheckpoint& checkpoint);

  // Returns the published folder, durable; a second save of one step is that of the first. What it
  // replaces is set aside just before it is published and deleted when it is durable. Throws
  // IoError with path and needed bytes when the disk is full: earlier checkpoints are then intact.
  // Collective.
  std::filesystem::path save(int64_t step);

  // The same in the background: copies what this rank has to write to host memory and returns; a
  // thread writes it over connections of its own. Waits for the save before first. Collective.
  void begin_save(int64_t step);

  // The last one that was loaded or durably saved; empty: none was.
  std::filesystem::path newest() const;

  // A save in the background has failed on this rank, and will be found to have failed on every
  // rank by finish().
  bool has_failed() const;

  // Waits until what was begun is durable, and throws on every rank alike if it failed. Collective.
  void finish();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ropewalk
