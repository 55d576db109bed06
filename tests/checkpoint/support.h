// Small models and state for the checkpoint tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/checkpointer.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/family.h"

namespace ropewalk {

struct TinyShape {
  bool tied = true;
  bool biases = false;
  int64_t layers = 2;
};

inline Json tiny_config(const TinyShape& shape = {}) {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"model_type", "llama"},
          {"vocab_size", 37},
          {"hidden_size", 16},
          {"intermediate_size", 24},
          {"num_hidden_layers", shape.layers},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 4},
          {"hidden_act", "silu"},
          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", 32},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", shape.tied},
          {"attention_bias", shape.biases},
          {"mlp_bias", shape.biases},
          {"bos_token_id", 1},
          {"eos_token_id", 2}};
}

inline DecoderSpec tiny_spec(const TinyShape& shape = {}) {
  Diagnostics faults;
  const SpecReading reading = find_family("llama", "test").from_hf(tiny_config(shape), faults);
  faults.throw_if_errors<ConfigError>("test");
  return reading.spec;
}

// Every parameter random, norms and biases too.
inline std::shared_ptr<Decoder> tiny_decoder(uint64_t seed, const TinyShape& shape = {}) {
  auto decoder = build_decoder(tiny_spec(shape));
  const torch::NoGradGuard no_grad;
  torch::manual_seed(seed);
  for (auto& parameter : decoder->parameters()) parameter.normal_();
  return decoder;
}

inline bool same_weights(const Decoder& a, const Decoder& b) {
  const auto ours = a.named_parameters();
  const auto theirs = b.named_parameters();
  if (ours.size() != theirs.size()) return false;
  for (const auto& item : ours) {
    if (!torch::equal(item.value(), theirs[item.key()])) return false;
  }
  return true;
}

inline Json tiny_hf_config(const Decoder& decoder) {
  return find_family("llama", "test").to_hf(decoder.spec(), tiny_config());
}

// A stand-in for an optimizer: two tensors per parameter and a count.
class FakeOptimizer : public Stateful {
 public:
  FakeOptimizer(const Decoder& decoder, double value) {
    for (const auto& item : decoder.named_parameters()) {
      first_.tensors.emplace_back(
          item.key(), dist::ShardedTensor(torch::full_like(item.value(), value).detach()));
      second_.tensors.emplace_back(item.key(),
                                   dist::ShardedTensor(torch::rand_like(item.value()).detach()));
    }
  }
  std::string key() const override { return "optimizer"; }
  Json state() const override { return {{"num_steps", num_steps}}; }
  void load_state(const Json& state) override { num_steps = state.at("num_steps"); }
  std::vector<ParameterTensors> tensors() override { return {first_, second_}; }

  bool equals(const FakeOptimizer& other) const {
    for (size_t i = 0; i < second_.tensors.size(); ++i) {
      for (const auto& group : {&FakeOptimizer::first_, &FakeOptimizer::second_}) {
        const dist::ShardedTensor& ours = (this->*group).tensors[i].second;
        if (!torch::equal(ours.local(), (other.*group).tensors[i].second.local())) return false;
      }
    }
    return num_steps == other.num_steps;
  }

  int64_t num_steps = 0;
  ParameterTensors first_{".exp_avg", {}};
  ParameterTensors second_{".exp_avg_sq", {}};
};

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline void flip_byte(const std::filesystem::path& path, std::streamoff offset_from_end) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-offset_from_end, std::ios::end);
  const char byte = static_cast<char>(file.get());
  file.seekp(-offset_from_end, std::ios::end);
  file.put(static_cast<char>(byte ^ 0x40));
}

// While it lives, writing past `bytes` of any file fails: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    rlimit limit = old_limit_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int) = nullptr;
};

}  // namespace ropewalk
