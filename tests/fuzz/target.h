// What is fuzzed: readers of files that anyone may have written. A target is one function over the
// bytes of an input; main.cpp makes a libFuzzer program of the one whose name the program has.
//
// Fine is whatever ends well or with a ropewalk::Error. Another exception, a sanitizer's report, or
// more memory than the target allows is a finding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk::fuzz {

// Live heap at any time, beyond what was there before the input.
struct MemoryLimit {
  size_t fixed_bytes = 0;
  size_t per_input_byte = 0;
};

struct Target {
  const char* name;
  void (*run)(std::string_view input);
  MemoryLimit memory;
  // Changes the first `size` of `room` bytes in place and gives the new size; none: libFuzzer's.
  size_t (*mutate)(std::span<uint8_t> room, size_t size, unsigned seed) = nullptr;
};

// The explicit table of targets.
std::span<const Target> targets();

void fuzz_run_config(std::string_view input);
void fuzz_hf_config(std::string_view input);
void fuzz_safetensors(std::string_view input);
size_t mutate_safetensors(std::span<uint8_t> room, size_t size, unsigned seed);
void fuzz_model_folder(std::string_view input);
void fuzz_manifest(std::string_view input);
void fuzz_report(std::string_view input);
void fuzz_token_shard(std::string_view input);
void fuzz_flat_tokens(std::string_view input);
void fuzz_megatron_tokens(std::string_view input);
void fuzz_text_file(std::string_view input);
void fuzz_tokenizer_json(std::string_view input);
void fuzz_tokenizer_model(std::string_view input);

// An input of several files: cut at each line that is "=====". Parts that are not there are empty.
std::vector<std::string_view> parts(std::string_view input, size_t count);

// Writes a file of this process's folder, which lies in $TMPDIR (scripts/fuzz.sh: in memory) and is
// removed at exit. Names may have a folder in front.
std::filesystem::path put_file(const std::string& name, std::string_view content);
void remove_file(const std::string& name);

// Touches every byte, so that the sanitizers see each.
void read_all(std::span<const std::byte> bytes);

}  // namespace ropewalk::fuzz
