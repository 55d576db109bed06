#include "ropewalk/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/progress.h"
#include "ropewalk/base/signals.h"
#include "ropewalk/base/text.h"
#include "ropewalk/data/loader.h"
#include "ropewalk/optim/schedule.h"
#include "ropewalk/spec/formulas.h"
#include "ropewalk/train/matmul_rate.h"
#include "ropewalk/train/train_step.h"
#include "train/bad_steps.h"
#include "train/callbacks/evaluation.h"
#include "train/callbacks/metrics.h"
#include "train/callbacks/saving.h"
#include "train/speed.h"
#include "train/start.h"
#include "train/train_state.h"

namespace ropewalk {
namespace {

// Ranks that share sequences read the same ones.
BatchLayout batch_layout(const RunConfig& config, const dist::Group& group) {
  const int sharing = static_cast<int>(config.parallel.context_parallel);
  return {.global_batch_size = config.train.global_batch_size,
          .micro_batch_size = config.train.micro_batch_size,
          .rank = group.rank() / sharing,
          .world_size = group.size() / sharing};
}

}  // namespace

struct Trainer::Parts {
  Parts(TrainInputs given, const StartOptions& options, std::shared_ptr<dist::Group> ranks);

  void start_writing();
  void start_reading();
  void add_callbacks();
  // The exit code; nothing when the run has to go back to its last checkpoint.
  std::optional<int> run();
  BorderWishes read_wishes();
  bool time_is_up() const;
  void log_sources() const;
  TrainStepResult do_step();
  std::vector<std::pair<std::string, int64_t>> tokens_by_source() const;
  bool evaluates() const;
  bool was_cut_short() const;
  void start_afresh();
  void cross_border(const TrainStepResult& result);

  TrainInputs inputs;
  StartOptions start;
  std::shared_ptr<dist::Group> group;
  std::unique_ptr<RunDirectory> directory;  // rank 0 only
  TrainState state;
  BatchLayout layout;
  std::unique_ptr<MetricsSink> sink;  // rank 0 only
  std::unique_ptr<Loader> loader;
  std::unique_ptr<SpeedMeter> speed;
  std::vector<std::unique_ptr<Callback>> callbacks;
  EvaluationCallback* evaluation = nullptr;  // one of them; null: off
  std::unique_ptr<BadSteps> bad_steps;
  int64_t step = 0;
  bool stopping = false;
  bool rolling_back = false;
};

Trainer::Parts::Parts(TrainInputs given,
                      const StartOptions& options,
                      std::shared_ptr<dist::Group> ranks)
    : inputs(std::move(given)),
      start(options),
      group(std::move(ranks)),
      directory(look_at_run_directory(inputs.config, start, *group)),
      state(inputs, start, group),
      layout(batch_layout(inputs.config, *group)),
      step(state.resumed_step().value_or(0)) {}

// All that can refuse the start has been read by now.
void Trainer::Parts::start_writing() {
  make_run_directory(directory.get(), start, *group);
  state.checkpointer().clean_up();
}

void Trainer::Parts::start_reading() {
  const RunConfig& config = inputs.config;
  ProgressState& progress = state.progress();
  if (state.resumed_step() && progress.loaded_data_hash != inputs.train_tokens->hash()) {
    log_warn(
        "data.train: the shards are not those that the run began with; the sample order goes "
        "on at the same place of the new ones");
  }
  progress.data_hash = inputs.train_tokens->hash();
  progress.seed = config.train.seed;
  loader = std::make_unique<Loader>(inputs.samples,
                                    LoaderOptions{.layout = layout, .cursor = progress.cursor});
  bad_steps = std::make_unique<BadSteps>(
      config.train.bad_steps,
      progress.steps,
      BadSteps::Place{*group,
                      *inputs.samples,
                      layout,
                      directory ? directory->bad_steps_file() : std::filesystem::path()});
  log_sources();
  const at::ScalarType dtype = state.decoder().options().compute_dtype;
  speed = std::make_unique<SpeedMeter>(
      flops_per_token(inputs.model.spec, inputs.samples->length()).total(),
      measure_matmul_rate(dtype, group->device()) * group->size());
}

void Trainer::Parts::add_callbacks() {
  const RunConfig& config = inputs.config;
  if (directory) {
    directory->store_config(resolved_json(config));
    sink = std::make_unique<MetricsSink>(*directory, config.log.tensorboard, state.resumed_step());
  }
  callbacks.push_back(std::make_unique<MetricsCallback>(sink.get(), config.log.every_steps));
  // Saving comes first: an evaluation may be long, and a run may be ended during it.
  callbacks.push_back(std::make_unique<SavingCallback>(state.checkpointer(), config.checkpoint));
  if (evaluates()) {
    auto callback = std::make_unique<EvaluationCallback>(
        EvaluationParts{.decoder = state.decoder(),
                        .data_parallel = state.data_parallel(),
                        .group = *group,
                        .sink = sink.get(),
                        .folder = directory ? directory->evaluation_folder() : ""},
        EvaluationTargets{.documents = inputs.validation,
                          .tasks = inputs.evaluation_tasks,
                          .trained_rope = config.model.pretrained
                                              ? std::optional(inputs.model.trained_rope)
                                              : std::nullopt},
        inputs.eval);
    evaluation = callback.get();
    callbacks.push_back(std::move(callback));
  }
}

bool Trainer::Parts::evaluates() const {
  return inputs.eval.every_steps > 0 && (inputs.validation || inputs.evaluation_tasks.tokenizer);
}

// The evaluation at the step of the checkpoint that the run goes on from: a checkpoint comes first,
// so that a run may be ended between the two.
bool Trainer::Parts::was_cut_short() const {
  if (!state.resumed_step() || !evaluates()) return false;
  StepBorder border{.last = step >= inputs.config.train.steps};
  border.report.step = step;
  return is_due(border, inputs.eval.every_steps) &&
         lacks_evaluation(step, directory ? directory->metrics_file() : "", *group);
}

BorderWishes Trainer::Parts::read_wishes() {
  BorderWishes wishes{.stop = stop_signal() != 0 || time_is_up(),
                      .save_failed = state.checkpointer().has_failed()};
  if (directory) wishes.save = directory->take_save_wish();
  return wishes;
}

// Rank 0's clock decides.
bool Trainer::Parts::time_is_up() const {
  const double limit_s = inputs.config.train.max_time_s;
  if (limit_s <= 0 || !directory) return false;
  const std::chrono::duration<double> since_start = std::chrono::steady_clock::now() - start.begun;
  return since_start.count() >= limit_s;
}

TrainStepResult Trainer::Parts::do_step() {
  const RunConfig& config = inputs.config;
  const uint64_t first_sample = loader->cursor();
  report_phase(Phase::kWaitingForData);
  std::vector<Batch> micro_batches;
  for (int64_t i = 0; i < layout.micro_steps(); ++i) micro_batches.push_back(loader->next());
  const double learning_rate =
      learning_rate_at(config.schedule, config.optimizer.learning_rate, step, config.train.steps);
  const TrainStepContext context{.decoder = state.decoder(),
                                 .context_parallel = state.context_parallel(),
                                 .data_parallel = state.data_parallel(),
                                 .optimizer = state.optimizer(),
                                 .group = *group,
                                 .max_grad_norm = config.optimizer.max_grad_norm,
                                 .pin_memory = config.parallel.pin_memory};
  const StepQuestions ask{
      .read_wishes = [this] { return read_wishes(); },
      .fault_of = [this](double loss,
                         double grad_norm) { return bad_steps->fault_of(loss, grad_norm); }};
  report_phase(Phase::kComputing);
  const TrainStepResult result = train_step(context, micro_batches, learning_rate, ask);
  report_step(++step);
  report_phase(Phase::kLogging);
  state.progress().cursor = loader->cursor();
  state.progress().epoch = static_cast<int64_t>(loader->epochs());
  state.progress().tokens += result.tokens;
  for (int64_t source = 0; source < inputs.samples->num_sources(); ++source) {
    state.progress().source_tokens[inputs.samples->name(source)] += result.source_tokens[source];
  }
  rolling_back = bad_steps->after_step(step, first_sample, result);
  return result;
}

void Trainer::Parts::log_sources() const {
  const TrainConfig& train = inputs.config.train;
  const auto all = static_cast<uint64_t>(train.steps * train.global_batch_size);
  const SampleSource& samples = *inputs.samples;
  for (int64_t source = 0; source < samples.num_sources(); ++source) {
    const double epochs = std::round(100 * samples.epochs(source, all)) / 100;
    const int64_t left_out = samples.num_left_out(source);
    log_info("data: " + samples.name(source) + ": " + format_count(samples.size(source)) +
             " sequences of " + format_count(samples.length()) +
             " tokens; the run goes through them " + format_number(epochs) + " times" +
             (left_out > 0 ? "; shorter than data.min_document_tokens and left out, documents: " +
                                 format_count(left_out)
                           : ""));
  }
}

std::vector<std::pair<std::string, int64_t>> Trainer::Parts::tokens_by_source() const {
  if (inputs.samples->num_sources() == 1) return {};
  const auto& counts = state.progress().source_tokens;
  return {counts.begin(), counts.end()};
}

void Trainer::Parts::start_afresh() {
  for (const auto& callback : callbacks) callback->before_first_step();
  speed->leave_out_time_since_measure();
}

void Trainer::Parts::cross_border(const TrainStepResult& result) {
  const RunConfig& config = inputs.config;
  stopping = result.agreed.stop;
  StepBorder border{.last = step >= config.train.steps,
                    .stopping = stopping,
                    .save_requested = result.agreed.save,
                    .save_failed = result.agreed.save_failed};
  border.report = {.step = step,
                   .total_steps = config.train.steps,
                   .loss = result.loss,
                   .grad_norm = result.grad_norm,
                   .learning_rate = result.learning_rate,
                   .step_tokens = result.tokens,
                   .tokens = state.progress().tokens,
                   .source_tokens = tokens_by_source(),
                   .epochs = loader->epochs(),
                   .skipped = !result.fault.empty(),
                   .world_size = group->size()};
  speed->measure(border.report, group->device());
  if (stopping || is_due(border, config.log.every_steps)) speed->start_window();
  for (const auto& callback : callbacks) callback->after_step(border);
  speed->leave_out_time_since_measure();
}

Trainer::Trainer(TrainInputs inputs, const StartOptions& start, std::shared_ptr<dist::Group> group)
    : parts_(std::make_unique<Parts>(std::move(inputs), start, std::move(group))) {}

Trainer::~Trainer() = default;

int Trainer::run() {
  for (;;) {
    if (const std::optional<int> code = parts_->run()) return *code;
    roll_back();
  }
}

// All is built anew, as by a resume in another process, but goes on behind the bad step's samples.
void Trainer::roll_back() {
  report_phase(Phase::kLoading);
  Parts& before = *parts_;
  before.state.checkpointer().finish();
  const std::filesystem::path checkpoint = before.state.checkpointer().newest();
  if (checkpoint.empty()) {
    throw Error(
        "there is no checkpoint to go back to yet; lower checkpoint.every_steps, or set "
        "train.bad_steps.action to skip",
        kExitFailure);
  }
  if (before.directory) log_warn("going back to " + checkpoint.string());
  const uint64_t cursor = before.loader->cursor();
  const StepHistory history = before.state.progress().steps;
  StartOptions start = before.start;
  start.resume = checkpoint.string();
  start.overwrite = false;
  TrainInputs inputs = std::move(before.inputs);
  const std::shared_ptr<dist::Group> group = before.group;
  parts_.reset();
  parts_ = std::make_unique<Parts>(std::move(inputs), start, group);
  parts_->state.progress().cursor = cursor;
  parts_->state.progress().steps = history;
}

std::optional<int> Trainer::Parts::run() {
  const int64_t total_steps = inputs.config.train.steps;
  const bool makes_up = was_cut_short();
  if (step >= total_steps && !makes_up) {
    log_info("already at step " + std::to_string(step) +
             ": nothing to do. A larger train.steps continues the run");
    return kExitDone;
  }
  start_writing();
  start_reading();
  add_callbacks();
  report_step(step);
  if (!state.resumed_step()) start_afresh();
  if (makes_up) {
    log_info("the evaluation at step " + std::to_string(step) + " was cut short, and is made now");
    evaluation->evaluate(step);
    speed->leave_out_time_since_measure();
  }
  const auto& from = state.resumed_from();
  for (bool first = true; step < total_steps && !stopping; first = false) {
    const TrainStepResult result = do_step();
    if (rolling_back) return std::nullopt;
    if (first && from && directory) note_first_step(*from, inputs, group->size());
    cross_border(result);
  }
  if (stopping && step < total_steps) {
    log_info("stopped at step " + std::to_string(step) +
             (time_is_up() ? ": train.max_time_s is over" : " on signal") +
             "; go on with --resume");
    return kExitStopped;
  }
  log_info("done: " + std::to_string(step) + " steps, " + format_count(state.progress().tokens) +
           " tokens");
  return kExitDone;
}

}  // namespace ropewalk
