// Times the encoding of texts; scripts/bench_tokenizers.py drives it.
//   ropewalk_encode_speed_tool CHECKPOINT
// Standard input: commands, one a line, each answered by one line:
//   read FILE        the texts are the parts of FILE between NUL bytes -> their number
//   encode THREADS   all of them once -> seconds by the clock, seconds of processor time, tokens
#include <atomic>
#include <chrono>
#include <ctime>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/tokenizer/tokenizer.h"

namespace ropewalk {
namespace {

std::vector<std::string> read_texts(const std::string& path) {
  std::vector<std::string> texts;
  std::istringstream content(read_file(path));
  for (std::string text; std::getline(content, text, '\0');) texts.push_back(std::move(text));
  return texts;
}

double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

int64_t encode(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int num_threads) {
  std::atomic<size_t> next = 0;
  std::atomic<int64_t> num_tokens = 0;
  const auto work = [&] {
    std::vector<int32_t> ids;
    for (size_t i = next++; i < texts.size(); i = next++) {
      ids.clear();
      tokenizer.encode_append(texts[i], ids);
      num_tokens += static_cast<int64_t>(ids.size());
    }
  };
  std::vector<std::thread> others;
  for (int i = 1; i < num_threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  return num_tokens;
}

void run(const Tokenizer& tokenizer) {
  using Clock = std::chrono::steady_clock;
  std::vector<std::string> texts;
  for (std::string command, argument; std::cin >> command >> argument;) {
    if (command == "read") {
      texts = read_texts(argument);
      std::cout << texts.size() << std::endl;
    } else if (command == "encode") {
      const Clock::time_point begin = Clock::now();
      const double processor_begin = processor_seconds();
      const int64_t num_tokens = encode(tokenizer, texts, std::stoi(argument));
      const double processor_s = processor_seconds() - processor_begin;
      const double clock_s = std::chrono::duration<double>(Clock::now() - begin).count();
      std::cout << clock_s << ' ' << processor_s << ' ' << num_tokens << std::endl;
    } else {
      throw ConfigError("found the command '" + command + "'; expected read or encode");
    }
  }
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  if (argc != 2) return ropewalk::kExitBadInput;
  try {
    ropewalk::run(*ropewalk::Tokenizer::load(argv[1]));
  } catch (const ropewalk::Error& error) {
    std::cerr << error.what() << "\n";
    return error.exit_code();
  }
  return 0;
}
