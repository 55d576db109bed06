// Inputs, a tokenizer and options for tests of `prepare_tokens`, in a folder of their own.
#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/prepare.h"
#include "tokenizer/tokenizer_files.h"

namespace ropewalk {

namespace fs = std::filesystem;

class PrepareTest : public testing::Test {
 protected:
  PrepareTest() {
    folder_.put("model/tokenizer.json", tokenizer_json({{"a", "b"}}).dump());
    tokenizer_ = Tokenizer::load(folder_ / "model");
    options_.inputs = {folder_.put("in/one.txt", "abc\nabc"),
                       folder_.put("in/two.jsonl", "{\"text\": \"x<s>\"}\n\n{\"text\": \"yy\"}\n")};
    options_.output = folder_ / "out/data";
  }
  PrepareResult prepare() {
    return prepare_tokens(options_, *tokenizer_, *make_text_encoder(tokenizer_));
  }
  // Everything in the output, by name.
  std::map<std::string, std::string> output_files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(options_.output)) {
      if (!entry.is_regular_file()) continue;
      files[fs::relative(entry.path(), options_.output).string()] = read_file(entry.path());
    }
    return files;
  }
  // JSONL of `count` documents of letters, each of its own length.
  std::string lines(int count) const {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += "{\"text\": \"" + std::to_string(i) + std::string(1 + i % 7, 'a') + "\"}\n";
    }
    return text;
  }

  std::string fault() {
    return error_of<Error>([&] { prepare(); });
  }
  void expect_nothing_written() {
    EXPECT_TRUE(!fs::exists(folder_ / "out") || fs::is_empty(folder_ / "out"));
  }

  TemporaryFolder folder_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  PrepareOptions options_;
};

}  // namespace ropewalk
