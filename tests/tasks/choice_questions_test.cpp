#include "ropewalk/tasks/choice_questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ChoiceQuestions : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& lines) {
    const std::filesystem::path file = folder_.path() / "questions.jsonl";
    std::ofstream(file) << lines;
    return file;
  }
  TemporaryFolder folder_;
};

TEST_F(ChoiceQuestions, OtherKeysAreNotLookedAt) {
  const auto questions = read_choice_questions(
      write(R"({"context": "a", "choices": ["b", "c"], "answer": 1, "id": 7})"
            "\n\n"
            R"({"context": "", "choices": ["d", "e", "f"], "answer": 0, "delimiter": ""})"));
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(questions[0].delimiter, " ");
  EXPECT_EQ(questions[0].answer, 1);
  EXPECT_EQ(questions[1].delimiter, "");
  EXPECT_EQ(questions[1].choices.size(), 3u);
}

TEST_F(ChoiceQuestions, EveryFaultIsNamedWithItsLine) {
  const auto file = write(
      "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 0}\n"
      "{\"choices\": [\"b\", \"c\"], \"answer\": 2}\n"
      "{\"context\": \"a\", \"choices\": \"b\", \"answer\": -1, \"delimiter\": 1}\n"
      "{\"context\": \"a\", \"choices\": [\"b\", \"\"], \"answer\": 0.5}\n"
      "{\"context\": \n");
  EXPECT_THAT(error_of<DataError>([&] { read_choice_questions(file); }),
              AllOf(HasSubstr(file.string()),
                    Not(HasSubstr("line 1:")),
                    HasSubstr("line 2: found no text `context`"),
                    HasSubstr("line 2: found `answer` 2"),
                    HasSubstr("line 3: found a `delimiter`"),
                    HasSubstr("line 3: found fewer than two `choices`"),
                    HasSubstr("line 3: found `answer` -1"),
                    HasSubstr("line 4: found choice \"\""),
                    HasSubstr("line 4: found `answer` 0.5"),
                    HasSubstr("line 5: "),
                    HasSubstr("not valid JSON")));
}

TEST_F(ChoiceQuestions, OnlyJsonLinesHoldQuestions) {
  const std::filesystem::path text = folder_.path() / "questions.txt";
  std::ofstream(text) << "a";
  EXPECT_THAT(error_of<DataError>([&] { read_choice_questions(text); }),
              HasSubstr("expected JSON lines"));
  EXPECT_THAT(error_of<DataError>([&] { read_choice_questions(write("\n")); }),
              HasSubstr("has no questions"));
}

}  // namespace
}  // namespace ropewalk
