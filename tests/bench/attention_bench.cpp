// Causal attention alone, forward and backward: ours against ATen's CPU flash kernels, calls
// alternating, as processor time, so that a busy machine hurts less. Prints one line per shape.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <ctime>
#include <iostream>

#include "ropewalk/ops/attention.h"

namespace ropewalk {
namespace {

struct Options {
  int64_t batch = 1, heads = 4, kv_heads = 2, head_dim = 64;
  std::vector<int64_t> tokens = {512, 2048, 8192};
  int threads = 1, rounds = 5;
};

double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Times {
  std::vector<double> forward, backward;
};

template <typename Attention>
void measure(const std::vector<at::Tensor>& inputs, Attention attention, Times& times) {
  std::vector<at::Tensor> x;
  for (const auto& input : inputs) x.push_back(input.detach().requires_grad_(true));
  const double begin = cpu_s();
  const at::Tensor out = attention(x[0], x[1], x[2]);
  const double middle = cpu_s();
  const at::Tensor grad = at::ones_like(out);
  const double backward_begin = cpu_s();
  out.backward(grad);
  times.forward.push_back(middle - begin);
  times.backward.push_back(cpu_s() - backward_begin);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void bench(const Options& o, int64_t tokens) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(o.head_dim));
  const std::vector<at::Tensor> inputs = {at::randn({o.batch, o.heads, tokens, o.head_dim}),
                                          at::randn({o.batch, o.kv_heads, tokens, o.head_dim}),
                                          at::randn({o.batch, o.kv_heads, tokens, o.head_dim})};
  Times ours, aten;
  for (int round = 0; round <= o.rounds; ++round) {
    if (round == 1) ours = aten = {};
    measure(
        inputs,
        [&](const auto& q, const auto& k, const auto& v) {
          return ops::causal_attention(q, k, v, scale);
        },
        ours);
    measure(
        inputs,
        [&](const auto& q, const auto& k, const auto& v) {
          return std::get<0>(
                     at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, true, {}, scale))
              .transpose(1, 2)
              .flatten(2);
        },
        aten);
  }
  // Multiply-adds of one product over the visible pairs, twice; 2 products forward, 5 backward.
  const double gflop = 1e-9 * static_cast<double>(o.batch * o.heads * o.head_dim) *
                       static_cast<double>(tokens) * static_cast<double>(tokens);
  const auto line = [&](const char* name, double products, double mine, double theirs) {
    std::cout << o.batch << "x" << tokens << " " << name << ": ours " << mine << " s ("
              << products * gflop / mine << " GFLOP/s), ATen " << theirs << " s ("
              << products * gflop / theirs << " GFLOP/s), ratio " << mine / theirs << std::endl;
  };
  line("forward", 2, median(ours.forward), median(aten.forward));
  line("backward", 5, median(ours.backward), median(aten.backward));
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  // As the engine does: freed blocks stay in the heap.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  ropewalk::Options o;
  CLI::App app{"Causal attention, ours and ATen's"};
  app.add_option("--batch", o.batch);
  app.add_option("--heads", o.heads);
  app.add_option("--kv-heads", o.kv_heads);
  app.add_option("--head-dim", o.head_dim);
  app.add_option("--tokens", o.tokens)->delimiter(',');
  app.add_option("--threads", o.threads);
  app.add_option("--rounds", o.rounds);
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(o.threads);
  std::cout << at::get_cpu_capability() << ", " << o.threads << " threads" << std::endl;
  for (const int64_t tokens : o.tokens) ropewalk::bench(o, tokens);
  return 0;
}
