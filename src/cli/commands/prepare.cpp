#include "ropewalk/data/prepare.h"

#include <cstdio>

#include "cli/commands/prepare_view.h"
#include "cli/front_commands.h"
#include "cli/process_environment.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/chat_encoder.h"

namespace ropewalk::cli {
namespace {

ropewalk::PrepareOptions prepare_job(const PrepareOptions& options) {
  ropewalk::PrepareOptions job;
  job.inputs.assign(options.inputs.begin(), options.inputs.end());
  job.output = options.output;
  job.overwrite = options.overwrite;
  job.text.text_field = options.field;
  job.text.max_line_bytes = options.max_line_bytes;
  job.text.max_document_bytes = options.max_document_bytes;
  if (!options.format.empty()) {
    job.text.kind_if_unknown = options.format == "text" ? TextKind::kText : TextKind::kJsonLines;
  }
  job.strict = options.strict;
  job.shard_tokens = options.shard_tokens;
  job.validation_fraction = options.validation_fraction;
  job.split_seed = options.split_seed;
  job.workers = options.workers > 0 ? options.workers : num_usable_cores();
  return job;
}

// What the lines are written with; null: prompts and completions only.
const ChatForm* chat_form_of(const PrepareOptions& options) {
  if (options.chat_form == kNoChatForm) return nullptr;
  const std::string name = options.chat_form == kOwnChatForm ? "" : options.chat_form;
  return &choose_chat_form(options.tokenizer, name);
}

std::unique_ptr<DocumentEncoder> make_encoder(const PrepareOptions& options,
                                              const std::shared_ptr<const Tokenizer>& tokenizer,
                                              ropewalk::PrepareOptions& job) {
  if (options.chat_form.empty()) return make_text_encoder(tokenizer);
  const ChatForm* form = chat_form_of(options);
  job.text.whole_line = true;
  job.encoding = "chat " + std::string(form ? form->name : kNoChatForm);
  return make_chat_encoder(tokenizer, form);
}

void print_summary(const PrepareResult& result, const std::string& output, double seconds) {
  std::printf("%s, %s, %.3f bytes per token, %s in %s (%s, %.1f MB/s)\n",
              counted(result.documents, "document").c_str(),
              counted(result.tokens, "token").c_str(),
              static_cast<double>(result.text_bytes) / static_cast<double>(result.tokens),
              counted(result.shards, "shard").c_str(),
              output.c_str(),
              format_seconds(seconds).c_str(),
              static_cast<double>(result.text_bytes - result.text_bytes_before) / 1e6 / seconds);
  for (const PreparedPart& part : result.parts) {
    if (part.name.empty()) continue;
    std::printf("%s: %s, %s, %s\n",
                part.name.c_str(),
                counted(part.documents, "document").c_str(),
                counted(part.tokens, "token").c_str(),
                counted(part.shards, "shard").c_str());
  }
  if (result.bad_lines > 0) {
    std::printf("%s passed over; dataset.json counts them by input\n",
                counted(result.bad_lines, "bad line").c_str());
  }
}

}  // namespace

int run_prepare(const PrepareOptions& options) {
  install_stop_handlers();
  const auto tokenizer = Tokenizer::load(options.tokenizer);
  ropewalk::PrepareOptions job = prepare_job(options);
  PrepareView view;
  job.progress = [&](const PrepareProgress& progress) { view.update(progress); };
  job.tell = [&](const std::string& text) { view.tell(text); };
  const auto encoder = make_encoder(options, tokenizer, job);
  const PrepareResult result = prepare_tokens(job, *tokenizer, *encoder);
  view.clear();
  print_summary(result, options.output, view.elapsed_s());
  return kExitDone;
}

}  // namespace ropewalk::cli
