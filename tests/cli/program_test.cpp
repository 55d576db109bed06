#include "cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/options/config_options.h"
#include "cli/options/eval_perplexity_options.h"
#include "cli/options/generate_options.h"
#include "cli/options/inspect_options.h"
#include "cli/options/train_options.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Runs the words through a program whose train command is `run`, as main does.
Outcome run_words(std::vector<const char*> words,
                  std::function<int(const TrainOptions&)> run = nullptr) {
  if (!run) run = [](const TrainOptions&) { return kExitDone; };
  const std::vector<Command> commands = {
      make_command(kTrainCommand, declare_train_options, run),
      make_command(kEvalPerplexityCommand,
                   declare_eval_perplexity_options,
                   [](const EvalPerplexityOptions&) { return kExitDone; }),
      make_command(kInspectCommand,
                   declare_inspect_options,
                   [](const InspectOptions&) { return kExitDone; }),
      make_command(kGenerateCommand,
                   declare_generate_options,
                   [](const GenerateOptions&) { return kExitDone; }),
      make_command(kConfigSchemaCommand,
                   declare_config_text_options,
                   [](const ConfigTextOptions&) { return kExitDone; }),
  };
  Program program(commands);
  words.insert(words.begin(), "ropewalk");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  try {
    outcome.exit_code = program.run(static_cast<int>(words.size()), words.data());
  } catch (...) {
    outcome.exit_code = program.report_exception();
  }
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TrainOptions parse_train(std::vector<const char*> words) {
  TrainOptions parsed;
  words.insert(words.begin(), "train");
  const Outcome outcome = run_words(words, [&](const TrainOptions& options) {
    parsed = options;
    return kExitDone;
  });
  EXPECT_EQ(outcome.exit_code, kExitDone) << outcome.err;
  return parsed;
}

TEST(Program, HelpListsEveryCommandUnderItsGroup) {
  const Outcome outcome = run_words({"--help"});
  EXPECT_EQ(outcome.exit_code, kExitDone);
  EXPECT_THAT(outcome.out, HasSubstr("Train and evaluate:\n  train "));
  EXPECT_THAT(outcome.out, HasSubstr("\n  eval perplexity "));
  EXPECT_THAT(outcome.out, HasSubstr("Configuration:\n  config schema "));
}

TEST(Program, HelpOfACommandNamesItWhollyAndStaysWithinAHundredColumns) {
  const Outcome outcome = run_words({"eval", "perplexity", "--help"});
  EXPECT_EQ(outcome.exit_code, kExitDone);
  EXPECT_THAT(outcome.out, HasSubstr("Usage: ropewalk eval perplexity CHECKPOINT [OPTIONS]"));
  EXPECT_THAT(outcome.out, HasSubstr("--data DIR (required)"));
  size_t begin = 0;
  for (size_t end = outcome.out.find('\n'); end != std::string::npos;
       begin = end + 1, end = outcome.out.find('\n', begin)) {
    EXPECT_LE(end - begin, 100U) << outcome.out.substr(begin, end - begin);
  }
}

TEST(Program, MisspeltCommandIsBadUsageAndTheNearestIsNamed) {
  const Outcome outcome = run_words({"trian", "run.json"});
  EXPECT_EQ(outcome.exit_code, kExitBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("unknown command `trian"));
  EXPECT_THAT(outcome.err, HasSubstr("Did you mean `ropewalk train`?"));
}

TEST(Program, MisspeltSecondWordNamesTheNearestCommand) {
  const Outcome outcome = run_words({"eval", "perplexty"});
  EXPECT_EQ(outcome.exit_code, kExitBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("Did you mean `ropewalk eval perplexity`?"));
}

TEST(Program, NoCommandIsBadUsageWithAHint) {
  const Outcome outcome = run_words({});
  EXPECT_EQ(outcome.exit_code, kExitBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("Run `ropewalk --help`"));
}

TEST(Program, MisspeltOptionIsBadUsageAndTheNearestIsNamed) {
  const Outcome outcome = run_words({"train", "run.json", "--nprok", "2"});
  EXPECT_EQ(outcome.exit_code, kExitBadInput);
  EXPECT_THAT(outcome.err, HasSubstr("Did you mean `--nproc`?"));
}

TEST(Program, ValueOutOfRangeIsBadUsage) {
  EXPECT_EQ(run_words({"train", "run.json", "--nproc", "0"}).exit_code, kExitBadInput);
  EXPECT_EQ(run_words({"eval", "perplexity", "c", "--data", "d", "--windows", "1"}).exit_code,
            kExitBadInput);
  EXPECT_EQ(run_words({"generate", "c", "--prompt", "p", "--greedy", "--top-p", "0.5"}).exit_code,
            kExitBadInput);
}

TEST(Program, InspectTakesAPathOrFamiliesButNotBoth) {
  EXPECT_EQ(run_words({"inspect", "x"}).exit_code, kExitDone);
  EXPECT_EQ(run_words({"inspect", "--families", "--json"}).exit_code, kExitDone);
  EXPECT_EQ(run_words({"inspect"}).exit_code, kExitBadInput);
  EXPECT_EQ(run_words({"inspect", "x", "--families"}).exit_code, kExitBadInput);
}

TEST(Program, ResumeTakesItsValueOnlyAfterAnEqualsSign) {
  EXPECT_EQ(parse_train({"run.json"}).resume, "");
  const TrainOptions alone = parse_train({"--resume", "run.json"});
  EXPECT_EQ(alone.resume, kResumeNewest);
  EXPECT_EQ(alone.run_config, "run.json");
  EXPECT_EQ(parse_train({"run.json", "--resume=auto"}).resume, "auto");
  EXPECT_EQ(parse_train({"run.json", "--resume=runs/a/checkpoints/step-00000100"}).resume,
            "runs/a/checkpoints/step-00000100");
}

TEST(Program, SetMayBeRepeatedAndLeavesPositionalsAlone) {
  const TrainOptions options =
      parse_train({"--set", "train.steps=5", "run.json", "--set", "data.train=[\"a\",\"b\"]"});
  EXPECT_EQ(options.run_config, "run.json");
  EXPECT_THAT(options.set, ElementsAre("train.steps=5", "data.train=[\"a\",\"b\"]"));
}

TEST(Program, SetWithoutAKeyIsBadUsage) {
  EXPECT_EQ(run_words({"train", "run.json", "--set", "=4"}).exit_code, kExitBadInput);
  EXPECT_EQ(run_words({"train", "run.json", "--set", "steps"}).exit_code, kExitBadInput);
}

TEST(Program, ErrorsBecomeTheirExitCodesAndTheirTextIsPrinted) {
  const auto failing = [](const TrainOptions&) -> int { throw IoError("disk full"); };
  const Outcome failed = run_words({"train", "run.json"}, failing);
  EXPECT_EQ(failed.exit_code, kExitFailure);
  EXPECT_THAT(failed.err, HasSubstr("disk full"));
  const auto refusing = [](const TrainOptions&) -> int { throw ConfigError("bad key"); };
  EXPECT_EQ(run_words({"train", "run.json"}, refusing).exit_code, kExitBadInput);
  const auto breaking = [](const TrainOptions&) -> int { throw std::runtime_error("broken"); };
  const Outcome broken = run_words({"train", "run.json"}, breaking);
  EXPECT_EQ(broken.exit_code, kExitFailure);
  EXPECT_THAT(broken.err, HasSubstr("unexpected: broken"));
}

TEST(Program, TheCommandsOwnExitCodeIsReturned) {
  EXPECT_EQ(run_words({"train", "r"}, [](const TrainOptions&) { return kExitStopped; }).exit_code,
            kExitStopped);
}

}  // namespace
}  // namespace ropewalk::cli
