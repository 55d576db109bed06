// Micro-batches for one rank, made ahead of time by a thread of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ropewalk/data/sample_source.h"

namespace ropewalk {

struct Batch {
  int64_t rows = 0;
  int64_t length = 0;
  std::vector<int64_t> tokens;   // [rows, length], row-major
  std::vector<int64_t> targets;  // [rows, length]; kIgnoredTarget is not counted
  // Documents that attention and positions keep to: their lengths, of all rows one after another;
  // empty where every row is read as one text.
  std::vector<int64_t> document_lengths;
  std::vector<int64_t> source_tokens;  // counted targets, by source
  uint64_t cursor = 0;                 // samples consumed by all ranks once this micro-step is done
};

struct LoaderOptions {
  BatchLayout layout;
  uint64_t cursor = 0;   // where to begin: samples consumed before
  int64_t prefetch = 4;  // micro-batches held ready, at least 1
};

// Used from one thread. Beginning at any cursor costs nothing: no data is skipped through.
class Loader {
 public:
  Loader(std::shared_ptr<const SampleSource> samples, const LoaderOptions& options);
  ~Loader();  // stops and joins the thread
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next micro-batch; waits for it. What the thread threw is thrown here, at the batch that it
  // belongs to. Crossing into a new epoch is logged once; with weights there is none of all data.
  // Data never ends: the next epoch begins.
  Batch next();

  // Samples consumed so far: the number to save at a step border and to begin from on resume.
  uint64_t cursor() const { return cursor_; }
  // Epochs of all data consumed, such as 1.25.
  double epochs() const { return samples_->epochs(cursor_); }

 private:
  struct Worker;
  std::shared_ptr<const SampleSource> samples_;
  LoaderOptions options_;
  uint64_t cursor_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace ropewalk
