#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"

namespace ropewalk::fuzz {
namespace {

const Target* chosen = nullptr;

struct Heap {
  size_t live = 0;
  size_t peak = 0;
};
Heap heap;

void count_malloc(const volatile void*, size_t size) {
  heap.live += size;
  heap.peak = std::max(heap.peak, heap.live);
}

// What was there before counting began may be freed afterwards.
void count_free(const volatile void* block) {
  const size_t size = __sanitizer_get_allocated_size(block);
  heap.live -= std::min(heap.live, size);
}

// For a person who runs one input.
void say(const char* text) {
  static const bool asked = std::getenv("ROPEWALK_FUZZ_SAY") != nullptr;
  if (asked) std::fprintf(stderr, "%s\n", text);
}

[[noreturn]] void finding(const std::string& text) {
  std::fprintf(stderr, "finding: %s: %s\n", chosen->name, text.c_str());
  std::abort();
}

}  // namespace

std::span<const Target> targets() {
  constexpr size_t kMiB = size_t{1} << 20;
  static const Target kTargets[] = {
      {"run_config", fuzz_run_config, {kMiB, 64}},
      {"hf_config", fuzz_hf_config, {kMiB, 64}},
      {"safetensors", fuzz_safetensors, {kMiB, 64}, mutate_safetensors},
      {"model_folder", fuzz_model_folder, {kMiB, 64}},
      {"manifest", fuzz_manifest, {kMiB, 64}},
      // A page of pictures, each point several times.
      {"report", fuzz_report, {4 * kMiB, 4096}},
      {"token_shard", fuzz_token_shard, {kMiB, 64}},
      {"flat_tokens", fuzz_flat_tokens, {kMiB, 64}},
      {"megatron_tokens", fuzz_megatron_tokens, {kMiB, 64}},
      // zstd's window alone may be 128 MiB.
      {"text_file", fuzz_text_file, {136 * kMiB, 64}},
      {"tokenizer_json", fuzz_tokenizer_json, {128 * kMiB, 256}},
      {"tokenizer_model", fuzz_tokenizer_model, {128 * kMiB, 256}},
  };
  return kTargets;
}

}  // namespace ropewalk::fuzz

using namespace ropewalk::fuzz;

extern "C" int LLVMFuzzerInitialize(int*, char*** argv) {
  const std::string name = std::filesystem::path((*argv)[0]).filename();
  for (const Target& target : targets()) {
    if (target.name == name) chosen = &target;
  }
  if (chosen == nullptr) {
    std::fprintf(stderr, "%s is no target; run a link that is named like one:\n", name.c_str());
    for (const Target& target : targets()) std::fprintf(stderr, "  %s\n", target.name);
    std::exit(ropewalk::kExitBadInput);
  }
  ropewalk::configure_logging(ropewalk::LogLevel::kError);
  __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t before = heap.live;
  heap.peak = before;
  try {
    chosen->run({reinterpret_cast<const char*>(data), size});
    say("accepted");
  } catch (const ropewalk::Error& error) {
    say(error.what());
  } catch (const std::exception& error) {
    finding(std::string("an exception that is no ropewalk::Error: ") + error.what());
  }
  const size_t used = heap.peak - before;
  if (used > chosen->memory.fixed_bytes + chosen->memory.per_input_byte * size) {
    finding(std::to_string(used) + " bytes of memory for an input of " + std::to_string(size));
  }
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data,
                                          size_t size,
                                          size_t max_size,
                                          unsigned seed) {
  if (chosen->mutate == nullptr) return LLVMFuzzerMutate(data, size, max_size);
  return chosen->mutate({data, max_size}, size, seed);
}
