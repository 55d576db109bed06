#include "ropewalk/data/prepare.h"

#include <optional>

#include "data/prepare/folder.h"
#include "data/prepare/inputs.h"
#include "data/prepare/job.h"
#include "data/prepare/state.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr int kMaxWorkers = 1024;

void check_options(const PrepareOptions& options) {
  Diagnostics faults;
  if (options.inputs.empty()) faults.error("INPUT", "none given; name at least one text file");
  if (options.output.empty()) faults.error("--output", "empty; name a folder");
  if (options.shard_tokens < 1) faults.error("--shard-tokens", "expected at least 1");
  if (options.workers < 1 || options.workers > kMaxWorkers) {
    faults.error("--workers", "expected 1 to " + std::to_string(kMaxWorkers));
  }
  if (!(options.validation_fraction >= 0 && options.validation_fraction < 1)) {
    faults.error("--validation-fraction", "expected a number from 0 up to, but not, 1");
  }
  if (options.text.text_field.empty()) faults.error("--field", "empty; name a field");
  if (options.text.max_line_bytes < 1) faults.error("--max-line-bytes", "expected at least 1");
  if (options.text.max_document_bytes < 1) {
    faults.error("--max-document-bytes", "expected at least 1");
  }
  faults.throw_if_errors<DataError>("prepare");
}

PrepareState fresh_state(const PrepareOptions& options, const InputList& inputs, Json identity) {
  PrepareState state{.identity = std::move(identity)};
  state.bad.counts.resize(inputs.files.size());
  const bool split = options.validation_fraction > 0;
  for (const char* name : {"train", "validation"}) {
    PartState part;
    part.name = split ? name : "";
    part.inputs.resize(inputs.files.size());
    state.parts.push_back(std::move(part));
    if (!split) break;
  }
  return state;
}

void tell_passed_over(const PrepareOptions& options, const InputList& inputs) {
  if (!options.tell || inputs.num_passed_over == 0) return;
  const bool all = inputs.num_passed_over == static_cast<int64_t>(inputs.passed_over.size());
  options.tell(format_count(inputs.num_passed_over) +
               " found but passed over, being no text by the name: " +
               join(inputs.passed_over, ", ") + (all ? "" : ", ..."));
}

PrepareState begin_state(const PrepareOptions& options,
                         const InputList& inputs,
                         PrepareFolder& folder,
                         Json identity) {
  std::string why_not;
  const auto tell = [&](const std::string& text) {
    if (options.tell) options.tell(folder.work().string() + ": " + text);
  };
  std::optional<PrepareState> found = folder.take_up(identity, why_not);
  if (found && inputs.has_stdin() && !found->publishing) {
    why_not = "standard input cannot be read again";
    found.reset();
  }
  if (found) {
    int64_t shards = 0;
    for (const PartState& part : found->parts) shards += static_cast<int64_t>(part.shards.size());
    tell("goes on after what is finished, shards: " + format_count(shards));
    return *std::move(found);
  }
  if (!why_not.empty()) tell("cannot be gone on with, starts over: " + why_not);
  PrepareState state = fresh_state(options, inputs, std::move(identity));
  folder.start_over(state);
  return state;
}

}  // namespace

PrepareResult prepare_tokens(const PrepareOptions& options,
                             const Tokenizer& tokenizer,
                             const DocumentEncoder& encoder) {
  check_options(options);
  const InputList inputs = find_inputs(options, work_folder_of(options.output));
  PrepareFolder folder(options.output, options.overwrite);
  tell_passed_over(options, inputs);
  PrepareJob job(options, inputs, folder, tokenizer);
  try {
    PrepareState state =
        begin_state(options, inputs, folder, prepare_identity(options, inputs, tokenizer));
    const bool is_complete = state.publishing;
    job.start(std::move(state));
    if (!is_complete) {
      job.run(encoder);
      job.finish();
    }
    folder.publish();
  } catch (const Error& error) {
    const bool can_go_on = error.exit_code() != kExitBadInput && !inputs.has_stdin();
    if (!can_go_on) folder.remove();
    throw;
  }
  folder.remove();
  return job.result();
}

}  // namespace ropewalk
