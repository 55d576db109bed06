// The memory of this process, and a model large enough for it to show.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "checkpoint/support.h"

namespace ropewalk {

// Kibibytes of this process: "VmRSS", or its highest value "VmHWM".
inline int64_t memory_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != key + ":") continue;
    int64_t value = 0;
    status >> value;
    return value;
  }
  return -1;
}

inline bool forget_highest_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5" << std::flush;
  return file.good();
}

// A third of its numbers are the embedding's.
inline Json large_config(int64_t vocabulary, int64_t layers) {
  Json config = tiny_config();
  config["vocab_size"] = vocabulary;
  config["hidden_size"] = 512;
  config["intermediate_size"] = 2048;
  config["num_hidden_layers"] = layers;
  config["head_dim"] = 128;
  return config;
}

inline DecoderSpec spec_of(const Json& config) {
  Diagnostics faults;
  return find_family("llama", "test").from_hf(config, faults).spec;
}

}  // namespace ropewalk
