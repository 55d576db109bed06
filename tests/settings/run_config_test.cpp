#include "ropewalk/settings/run_config.h"

#include <gmock/gmock.h>

#include <fstream>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/config/overrides.h"
#include "ropewalk/settings/documentation.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::filesystem::path kSource = ROPEWALK_SOURCE_DIR;

Json extend_config() {
  return parse_json(R"({"model": {"pretrained": "base", "max_position_embeddings": 512,
      "pos_scaling_factor": 8}, "data": {"train": ["d"]}, "train": {"run_dir": "r"}})",
                    "test");
}

Json scratch_config() {
  return parse_json(R"({"model": {"model_type": "llama", "vocab_size": 100, "hidden_size": 64,
      "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
      "num_key_value_heads": 2, "max_position_embeddings": 128},
      "data": {"train": ["d"]}, "train": {"run_dir": "r"}})",
                    "test");
}

// Faults of a config with assignments, as one text; empty when there are none.
std::string faults(Json json,
                   const std::vector<std::string>& assignments,
                   RunPurpose purpose = RunPurpose::kTrain) {
  Diagnostics d;
  parse_run_config(apply_overrides(std::move(json), assignments), purpose, d);
  return d.report("config");
}

std::vector<std::string> warned_places(const std::vector<std::string>& assignments) {
  Diagnostics d;
  parse_run_config(apply_overrides(extend_config(), assignments), RunPurpose::kTrain, d);
  EXPECT_TRUE(d.ok()) << d.report("");
  std::vector<std::string> places;
  for (const auto& item : d.warnings()) places.push_back(item.where);
  return places;
}

TEST(RunConfig, EveryExampleConfigLoadsForTraining) {
  int num_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "configs")) {
    if (entry.path().extension() != ".json") continue;
    Diagnostics warnings;
    EXPECT_NO_THROW(load_run_config(entry.path(), {}, RunPurpose::kTrain, &warnings));
    ++num_files;
  }
  EXPECT_GE(num_files, 3);
}

TEST(RunConfig, ReferencePageIsUpToDate) {
  EXPECT_EQ(read_file(kSource / "docs/config_reference.md"), run_config_reference())
      << "run: ropewalk config reference > docs/config_reference.md";
}

TEST(RunConfig, ResolvedConfigReadsBackToItself) {
  Diagnostics d;
  const Json resolved = resolved_json(parse_run_config(extend_config(), RunPurpose::kTrain, d));
  const Json again = resolved_json(parse_run_config(resolved, RunPurpose::kTrain, d));
  EXPECT_TRUE(d.ok());
  EXPECT_EQ(resolved.dump(), again.dump());
  EXPECT_EQ(resolved["optimizer"]["learning_rate"], 2e-5);
}

TEST(RunConfig, PortableConfigHasEverySettingButPaths) {
  Diagnostics d;
  const RunConfig config = parse_run_config(extend_config(), RunPurpose::kTrain, d);
  Json expected = resolved_json(config);
  expected["model"].erase("pretrained");
  expected["data"].erase("train");
  expected["data"].erase("validation");
  expected["train"].erase("run_dir");
  expected["eval"].erase("choices");
  EXPECT_EQ(portable_json(config).dump(), expected.dump());
}

TEST(RunConfig, PathsWithControlCharactersAreRefused) {
  for (const char* text : {R"("a\nb")", R"("a\u0000b")", R"("a\u001b[2Jb")", R"("\u007f")"}) {
    EXPECT_THAT(faults(extend_config(), {std::string("train.run_dir=") + text}),
                HasSubstr("train.run_dir: found the string"))
        << text;
    EXPECT_THAT(faults(extend_config(), {std::string("data.train=[") + text + "]"}),
                HasSubstr("data.train[0]: found the string"))
        << text;
  }
}

TEST(RunConfig, FileThatIsTooLargeForAConfigIsRefusedUnread) {
  const TemporaryFolder folder;
  folder.put("run.json", "{}");
  std::filesystem::resize_file(folder / "run.json", uint64_t{1} << 40);
  EXPECT_THAT(error_of<ConfigError>([&] {
                Diagnostics d;
                read_run_config(folder / "run.json", {}, RunPurpose::kTrain, d);
              }),
              AllOf(HasSubstr("run.json"), HasSubstr("at most 1 MiB")));
}

TEST(RunConfig, FlagsWinOverTheFile) {
  const auto config = load_run_config(kSource / "configs/extend-16x.json",
                                      {"train.steps=700", "optimizer.betas=[0.5,0.6]"},
                                      RunPurpose::kTrain);
  EXPECT_EQ(config.train.steps, 700);
  EXPECT_THAT(config.optimizer.betas, ElementsAre(0.5, 0.6));
  EXPECT_EQ(config.train.precision, Precision::kBf16);
}

TEST(RunConfig, OnlyTrainingDemandsTrainingData) {
  EXPECT_THAT(faults(extend_config(), {"data.train=[]"}, RunPurpose::kInspect), IsEmpty());
  EXPECT_THAT(faults(extend_config(), {"data.train=[]"}),
              AllOf(HasSubstr("1 fault\n"), HasSubstr("data.train: names no data")));
  EXPECT_THAT(faults(extend_config(), {"data.train=3"}), Not(HasSubstr("names no data")));
}

TEST(RunConfig, BadFactorsAreRefusedWithTheirMeaning) {
  for (const char* value : {"0.5", "-1", "0", "\"16\"", "NaN", "1e400", "true", "[16]"}) {
    EXPECT_THAT(faults(extend_config(), {std::string("model.pos_scaling_factor=") + value}),
                AllOf(HasSubstr("1 fault\n"),
                      HasSubstr("model.pos_scaling_factor: found"),
                      HasSubstr("write 16, not 0.0625")))
        << value;
  }
}

TEST(RunConfig, NumberInTheFileThatOverflowsIsRefusedWithItsPlace) {
  const std::string text = read_file(kSource / "configs/extend-16x.json");
  const auto path = std::filesystem::path(::testing::TempDir()) / "overflow.json";
  for (const char* number : {"1e400", "NaN"}) {
    std::string changed = text;
    changed.replace(changed.find("16.0"), 4, number);
    std::ofstream(path) << changed;
    try {
      load_run_config(path, {}, RunPurpose::kInspect);
      FAIL() << "accepted " << number;
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr("model.pos_scaling_factor"));
      EXPECT_EQ(error.exit_code(), kExitBadInput);
    }
  }
}

TEST(RunConfig, DuplicateKeyInTheFileIsRefused) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "duplicate.json";
  std::ofstream(path) << R"({"train": {"steps": 1, "steps": 2}})";
  try {
    load_run_config(path, {}, RunPurpose::kInspect);
    FAIL() << "accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("duplicate key train.steps"));
  }
}

TEST(RunConfig, ModelIsPretrainedOrFromScratchNeverBothNorNeither) {
  EXPECT_THAT(faults(extend_config(), {"model.hidden_size=64", "model.vocab_size=9"}),
              HasSubstr("model.pretrained: stands beside vocab_size, hidden_size"));
  EXPECT_THAT(faults(extend_config(), {"model={}"}), HasSubstr("model: names no model"));
  EXPECT_THAT(faults(extend_config(), {"model={\"hidden_size\":64}"}),
              AllOf(HasSubstr("model.model_type: is missing"),
                    HasSubstr("model.num_attention_heads: is missing"),
                    HasSubstr("model.max_position_embeddings: is missing")));
  EXPECT_THAT(faults(scratch_config(), {}), IsEmpty());
}

TEST(RunConfig, HeadsMustFitTheWidth) {
  EXPECT_THAT(faults(scratch_config(), {"model.num_key_value_heads=3"}),
              HasSubstr("expected a divisor of num_attention_heads (4)"));
  EXPECT_THAT(faults(scratch_config(), {"model.hidden_size=66"}),
              HasSubstr("expected a multiple of num_attention_heads (4)"));
  EXPECT_THAT(faults(scratch_config(), {"model.hidden_size=66", "model.head_dim=16"}), IsEmpty());
  EXPECT_THAT(faults(scratch_config(), {"model.head_dim=15"}),
              HasSubstr("expected an even number"));
  EXPECT_THAT(faults(scratch_config(), {"model.eos_token_id=100"}),
              HasSubstr("expected an id below vocab_size (100)"));
}

TEST(RunConfig, ScalingExtraOfAnotherKindIsRefused) {
  EXPECT_THAT(faults(extend_config(), {"model.pos_scaling_type=linear", "model.beta_fast=32"}),
              HasSubstr("model.beta_fast: belongs to pos_scaling_type yarn, found linear"));
  EXPECT_THAT(faults(extend_config(), {"model.pos_scaling_type=yarn", "model.beta_fast=32"}),
              IsEmpty());
  EXPECT_THAT(faults(extend_config(), {"model.pos_scaling_type=default"}),
              HasSubstr("beside pos_scaling_factor 8"));
}

TEST(RunConfig, SequenceMustFitTheContext) {
  EXPECT_THAT(faults(extend_config(), {"data.sequence_length=513"}),
              HasSubstr("data.sequence_length: found 513, expected at most "
                        "model.max_position_embeddings (512)"));
  EXPECT_THAT(faults(extend_config(), {"data.sequence_length=512"}), IsEmpty());
}

TEST(RunConfig, StrideBeyondAWindowIsRefused) {
  EXPECT_THAT(faults(extend_config(), {"eval.windows=[128,512]", "eval.stride=256"}),
              HasSubstr("eval.stride: found 256"));
}

TEST(RunConfig, DoubtfulValuesWarnOnly) {
  EXPECT_THAT(warned_places({}), IsEmpty());
  EXPECT_THAT(warned_places({"train.steps=10"}), ElementsAre("schedule.warmup_steps"));
  EXPECT_THAT(warned_places({"eval.windows=[512,1024]"}), ElementsAre("eval.windows"));
}

TEST(RunConfig, BatchMustDivideByMicroBatchAndRanks) {
  EXPECT_THAT(faults(extend_config(), {"train.global_batch_size=10", "train.micro_batch_size=4"}),
              HasSubstr("train.global_batch_size: found 10, expected a multiple of"));
  const auto fault = [](int64_t batch, int64_t micro, int64_t ranks, int64_t context = 1) {
    RunConfig config;
    config.train.global_batch_size = batch;
    config.train.micro_batch_size = micro;
    config.parallel.context_parallel = context;
    Diagnostics d;
    check_batch_for_ranks(config, ranks, d);
    return d.report("x");
  };
  EXPECT_THAT(fault(64, 1, 1), IsEmpty());
  EXPECT_THAT(fault(12, 2, 3), IsEmpty());
  EXPECT_THAT(fault(10, 2, 3),
              AllOf(HasSubstr("a multiple of 6"),
                    HasSubstr("Nearest: 6 or 12"),
                    Not(HasSubstr("or keep it"))));
  EXPECT_THAT(fault(12, 4, 2),
              AllOf(HasSubstr("Nearest: 8 or 16"), HasSubstr("set micro_batch_size 2")));
  EXPECT_THAT(fault(1, 1, 2), HasSubstr("Nearest: 2"));
  EXPECT_THAT(fault(INT64_MAX, INT64_MAX, 2), HasSubstr("micro_batch_size x ranks"));
  EXPECT_THAT(fault(1, 1, 4, 4), IsEmpty());
  EXPECT_THAT(fault(3, 1, 4, 2),
              AllOf(HasSubstr("on 4 ranks with context_parallel 2, expected a multiple of 2 "
                              "(micro_batch_size x ranks / context_parallel)"),
                    HasSubstr("Nearest: 2 or 4")));
  EXPECT_THAT(fault(8, 1, 6, 4),
              AllOf(HasSubstr("parallel.context_parallel: found 4 on 6 ranks"),
                    HasSubstr("Nearest: 3 or 6"),
                    Not(HasSubstr("global_batch_size"))));
  EXPECT_THAT(fault(8, 1, 2, INT64_MAX), HasSubstr("Nearest: 2;"));
}

TEST(RunConfig, FaultsOfAllSectionsComeInOneReport) {
  const std::string report = faults(extend_config(),
                                    {"model.pos_scaling_factor=0.5",
                                     "data.sequence_length=1024",
                                     "data.x=1",
                                     "train.steps=\"1\"",
                                     "train.micro_batch_size=7",
                                     "evall={}",
                                     "log=3"});
  for (const char* place : {"model.pos_scaling_factor: ",
                            "data.sequence_length: ",
                            "data.x: ",
                            "train.steps: ",
                            "train.global_batch_size: ",
                            "evall: ",
                            "log: "}) {
    EXPECT_THAT(report, HasSubstr(place));
  }
  EXPECT_THAT(report, HasSubstr("7 faults"));
}

}  // namespace
}  // namespace ropewalk
