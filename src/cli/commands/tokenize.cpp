#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <istream>

#include "cli/front_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk::cli {
namespace {

std::vector<int32_t> parse_ids(const std::string& line, int64_t number, const std::string& source) {
  std::vector<int32_t> ids;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (at != end) {
    if (*at == ' ' || *at == '\t' || *at == '\r') {
      ++at;
      continue;
    }
    int32_t id = 0;
    const auto [rest, error] = std::from_chars(at, end, id);
    if (error != std::errc() || id < 0 ||
        (rest != end && *rest != ' ' && *rest != '\t' && *rest != '\r')) {
      throw DataError(source + ":" + std::to_string(number) + ": found '" +
                      std::string(at, std::find(at, end, ' ')) +
                      "'; expected token ids separated by spaces");
    }
    ids.push_back(id);
    at = rest;
  }
  return ids;
}

std::string format_ids(const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) {
    if (!text.empty()) text += ' ';
    text += std::to_string(id);
  }
  return text;
}

std::string answer(const Tokenizer& tokenizer,
                   const TokenizeOptions& options,
                   const std::string& line,
                   int64_t number,
                   const std::string& source) {
  if (options.decode) {
    return tokenizer.decode(parse_ids(line, number, source), !options.special);
  }
  try {
    const std::vector<int32_t> ids = tokenizer.encode(line, options.special);
    return options.count ? std::to_string(ids.size()) : format_ids(ids);
  } catch (const DataError& error) {
    throw DataError(source + ":" + std::to_string(number) + ": " + error.what());
  }
}

void write_line(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
      std::fputc('\n', stdout) == EOF) {
    throw IoError("standard output: cannot write the answer; it was closed or its disk is full");
  }
}

}  // namespace

int run_tokenize(const TokenizeOptions& options) {
  const auto tokenizer = Tokenizer::load(options.checkpoint);
  const bool from_file = !options.file.empty() && options.file != "-";
  const std::string source = from_file ? options.file : "standard input";
  std::ifstream file;
  if (from_file) {
    file.open(options.file, std::ios::binary);
    if (!file) throw DataError(options.file + ": cannot be opened; name a text file");
  }
  std::ios::sync_with_stdio(false);
  std::istream& in = from_file ? file : std::cin;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    write_line(answer(*tokenizer, options, line, number, source));
  }
  if (in.bad()) throw IoError(source + ": reading failed");
  if (std::fflush(stdout) != 0) throw IoError("standard output: cannot write the answer");
  return kExitDone;
}

}  // namespace ropewalk::cli
