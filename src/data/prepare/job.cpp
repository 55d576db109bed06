#include "data/prepare/job.h"

#include <atomic>

#include "data/prepare/ordered_pipeline.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/dataset_index.h"

namespace ropewalk {
namespace {

constexpr uint64_t kMaxBytesUnderWay = uint64_t{256} << 20;
constexpr size_t kMaxShownBadLines = 10;

}  // namespace

void PrepareJob::start(PrepareState state) {
  identity_ = std::move(state.identity);
  begin_ = state.smallest_next();
  bad_counted_to_ = state.largest_next();
  bad_ = std::move(state.bad);
  for (PartState& part : state.parts) {
    DatasetPart::Settings settings{.folder = folder_.data(part.name),
                                   .vocab_size = tokenizer_.vocab_size(),
                                   .tokenizer_hash = tokenizer_.hash(),
                                   .shard_tokens = options_.shard_tokens};
    parts_.emplace_back(std::move(part), std::move(settings));
    progress_.text_bytes_before += parts_.back().total().text_bytes;
  }
  progress_.bytes_total = inputs_.size_bytes();
  for (int64_t i = 0; i < begin_.input; ++i) {
    progress_.bytes_done_before += inputs_.files[i].size_bytes;
  }
  progress_.bytes_done = progress_.bytes_done_before;
}

void PrepareJob::run(const DocumentEncoder& encoder) {
  std::atomic<bool> is_given_up{false};
  TextReaderOptions text = options_.text;
  text.stopped = [&] { return is_given_up || stop_signal() != 0; };
  EncodeJob job{.encoder = &encoder,
                .text = text,
                .split = {options_.validation_fraction, options_.split_seed}};
  for (const DatasetPart& part : parts_) job.part_begins.push_back(part.durable().next);
  BatchReader reader(inputs_, text, begin_);
  OrderedPipeline<DocumentBatch> pipeline(
      {.produce = [&] { return reader.next(); },
       .work = [&](DocumentBatch& batch) { encode_batch(job, batch); },
       .weight = [](const DocumentBatch& batch) { return batch.memory_bytes(); },
       .workers = options_.workers,
       .max_weight = kMaxBytesUnderWay});
  const auto meanwhile = [&] {
    check_not_stopped();
    report();
  };
  try {
    while (const auto batch = pipeline.next(meanwhile)) {
      consume(*batch);
      meanwhile();
    }
  } catch (...) {
    is_given_up = true;
    // A stop ends the reading too, in an error of its own.
    check_not_stopped();
    throw;
  }
}

void PrepareJob::consume(DocumentBatch& batch) {
  InputPosition position = batch.first;
  for (BatchItem& item : batch.items) {
    const InputPosition next{position.input, position.document + 1};
    if (item.bad) {
      if (position >= bad_counted_to_) add_bad_line(position, *item.bad);
    } else if (!item.is_done) {
      DatasetPart& part = parts_[item.part];
      part.add(item.encoded, position, item.text_bytes);
      if (part.is_shard_full()) {
        part.close_shard(next);
        save(false);
      }
    }
    position = next;
  }
  progress_.bytes_done = batch.stored_bytes;
}

void PrepareJob::add_bad_line(InputPosition position, const BadLine& bad) {
  const InputFile& file = inputs_.files[position.input];
  const std::string text = (file.is_stdin() ? "standard input" : file.path.string()) + ":" +
                           std::to_string(bad.line) + ": " + bad.reason;
  if (options_.strict) {
    throw DataError(text + "; without --strict such lines are counted and passed over");
  }
  ++bad_.counts[position.input];
  if (bad_.first.size() == kMaxShownBadLines) return;
  bad_.first.push_back(text);
  if (options_.tell) options_.tell(text + "; passed over");
}

void PrepareJob::save(bool publishing) {
  PrepareState state{.identity = identity_, .publishing = publishing, .bad = bad_};
  for (const DatasetPart& part : parts_) state.parts.push_back(part.durable());
  folder_.save(state);
}

void PrepareJob::report() {
  if (!options_.progress) return;
  progress_.documents = progress_.tokens = progress_.text_bytes = 0;
  for (const DatasetPart& part : parts_) {
    progress_.documents += part.total().documents;
    progress_.tokens += part.total().tokens;
    progress_.text_bytes += part.total().text_bytes;
  }
  progress_.bad_lines = bad_.total();
  options_.progress(progress_);
}

void PrepareJob::check_not_stopped() {
  if (stop_signal() == 0) return;
  const std::string stopped = "prepare: stopped by signal " + std::to_string(stop_signal());
  if (inputs_.has_stdin()) {
    throw Error(stopped + "; standard input cannot be gone on with, start it again", kExitFailure);
  }
  throw Error(stopped + "; finished shards kept in " + folder_.work().string() + ": " +
                  format_count(result().shards) + ". The same command goes on from there",
              kExitStopped);
}

void PrepareJob::check_result() const {
  const PrepareResult found = result();
  if (found.documents == 0 && found.bad_lines > 0) {
    throw DataError("prepare: all " + format_count(found.bad_lines) +
                    " lines are bad, the first one: " + bad_.first.front());
  }
  for (const PreparedPart& part : found.parts) {
    if (part.tokens > 0) continue;
    const std::string documents = "prepare: found " + format_count(found.documents) + " documents ";
    if (found.tokens == 0) {
      throw DataError(documents + "without a single token; expected text");
    }
    throw DataError(documents + "and " + format_count(part.documents) +
                    " of them, without tokens, "
                    "for " +
                    part.name + "; give more text or another --validation-fraction");
  }
}

Json PrepareJob::split_of(const PartState& part) const {
  if (part.name.empty()) return nullptr;
  return {{"part", part.name},
          {"validation_fraction", options_.validation_fraction},
          {"seed", options_.split_seed}};
}

void PrepareJob::finish() {
  check_result();
  const InputPosition end{static_cast<int64_t>(inputs_.files.size()), 0};
  for (DatasetPart& part : parts_) {
    part.close_shard(end);
    const DatasetDescription description{.inputs = inputs_,
                                         .bad = bad_,
                                         .split = split_of(part.durable()),
                                         .vocab_size = tokenizer_.vocab_size(),
                                         .tokenizer_hash = tokenizer_.hash()};
    write_file_atomic(folder_.data(part.durable().name) / kDatasetIndexName,
                      dataset_index_text(part.durable(), description));
  }
  save(true);
}

PrepareResult PrepareJob::result() const {
  PrepareResult result{.text_bytes_before = progress_.text_bytes_before,
                       .bad_lines = bad_.total(),
                       .num_inputs = static_cast<int64_t>(inputs_.files.size())};
  for (const DatasetPart& part : parts_) {
    const InputCounts& total = part.total();
    const auto shards = static_cast<int64_t>(part.durable().shards.size());
    result.parts.push_back({part.durable().name, total.documents, total.tokens, shards});
    result.documents += total.documents;
    result.tokens += total.tokens;
    result.text_bytes += total.text_bytes;
    result.shards += shards;
  }
  return result;
}

}  // namespace ropewalk
