#include "ropewalk/report/eval_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "formats/temporary_folder.h"

namespace ropewalk {
namespace {

using ::testing::HasSubstr;

std::string fault_of(const std::string& text) {
  const TemporaryFolder folder;
  Diagnostics faults;
  EXPECT_FALSE(read_eval_record(folder.put("e.json", text), "e", faults));
  return faults.report("report");
}

EvalRecord read(const std::string& text) {
  const TemporaryFolder folder;
  Diagnostics faults;
  const auto record = read_eval_record(folder.put("e.json", text), "tuned", faults);
  EXPECT_TRUE(record) << faults.report("report");
  return record.value_or(EvalRecord{});
}

TEST(EvalRecord, PerplexityIsGroupedByScalingWithTheShortestWindowFirst) {
  const EvalRecord record = read(R"({"protocol": "pi", "results": [
    {"window": 512, "kind": "linear", "factor": 2, "perplexity": null},
    {"window": 256, "kind": "linear", "factor": 2, "perplexity": 5, "perplexity_low": 4,
     "perplexity_high": 6, "positions": [{"begin": 0, "end": 8, "nll": 1.5, "tokens": 7}]},
    {"window": 256, "kind": "default", "factor": 1, "perplexity": 7, "perplexity_low": null,
     "perplexity_high": null, "positions": []}]})");
  EXPECT_EQ(record.name, "tuned");
  EXPECT_EQ(record.protocol, "pi");
  ASSERT_EQ(record.results.size(), 2u);
  EXPECT_EQ(record.results[0].scaling, "linear x2");
  ASSERT_EQ(record.results[0].windows.size(), 2u);
  EXPECT_EQ(record.results[0].windows[0].window, 256);
  EXPECT_EQ(record.results[0].windows[0].interval, std::pair(4.0, 6.0));
  ASSERT_EQ(record.results[0].windows[0].positions.size(), 1u);
  EXPECT_EQ(record.results[0].windows[0].positions[0].nll, 1.5);
  EXPECT_TRUE(std::isinf(record.results[0].windows[1].perplexity));
  EXPECT_FALSE(record.results[1].is_scaled);
  EXPECT_FALSE(record.results[1].windows[0].interval);
}

TEST(EvalRecord, RetrievalFormsAreSharesOfTheirTrials) {
  const EvalRecord passkey = read(R"({"task": "passkey", "results": [{"kind": "linear",
    "factor": 8, "k_max": 64, "scores": [{"distance": 64, "trials": 4, "successes": 3}]}]})");
  EXPECT_EQ(passkey.form, EvalForm::kPasskey);
  EXPECT_EQ(passkey.results[0].k_max, 64);
  EXPECT_EQ(passkey.results[0].retrieval[0].length, 64);
  EXPECT_EQ(passkey.results[0].retrieval[0].found, 0.75);
  const EvalRecord needle = read(R"({"task": "needle", "results": [{"kind": "default",
    "factor": 1, "scores": [{"length": 64, "depth": 0.5, "trials": 4, "successes": 0}]}]})");
  EXPECT_EQ(needle.results[0].retrieval[0].depth, 0.5);
  const EvalRecord recall = read(R"({"task": "recall", "results": [{"kind": "default",
    "factor": 1, "scores": [{"task": "keys", "length": 64, "trials": 1, "successes": 1}]}]})");
  EXPECT_EQ(recall.results[0].retrieval[0].task, "keys");
}

TEST(EvalRecord, OtherFormsAreRefusedByWhatTheyHold) {
  EXPECT_THAT(fault_of(R"({"model": {}, "data": {}})"),
              HasSubstr("e.json: found an object with the keys \"model, data\"; expected what"));
  EXPECT_THAT(fault_of(R"({"task": "summary", "results": []})"), HasSubstr("task, results"));
  EXPECT_THAT(fault_of("[]"), HasSubstr("found JSON of type array"));
  EXPECT_THAT(fault_of("{"), HasSubstr("e.json:1:2: not valid JSON"));
  EXPECT_THAT(fault_of(R"({"protocol": "pi", "results": []})"), HasSubstr("the list is empty"));
  EXPECT_THAT(fault_of(R"({"protocol": "pi"})"), HasSubstr("results: found none"));
}

TEST(EvalRecord, FaultsInsideAreNamedByTheirPlaceAllAtOnce) {
  const std::string report = fault_of(R"({"task": "needle", "results": [
    {"kind": "linear", "factor": "8", "scores": [
      {"length": 64, "depth": 0.5, "trials": 0, "successes": 0},
      {"length": 64, "trials": 4, "successes": 5}]}]})");
  EXPECT_THAT(report, HasSubstr("results[0].factor: found \"8\"; expected a number"));
  EXPECT_THAT(report, HasSubstr("results[0].scores[0].trials: found 0"));
  EXPECT_THAT(report, HasSubstr("results[0].scores[1].depth: is missing"));
  EXPECT_THAT(report, HasSubstr("results[0].scores[1].successes: found 5; expected 0 to 4"));
}

}  // namespace
}  // namespace ropewalk
