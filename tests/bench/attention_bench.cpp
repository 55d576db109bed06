// Causal attention alone, forward and backward: ours against ATen's CPU flash kernels, or documents
// of one row against each alone, calls alternating, as processor time, so that a busy machine hurts
// less. Prints one line per shape.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <ctime>
#include <iostream>
#include <numeric>

#include "ropewalk/ops/attention.h"

namespace ropewalk {
namespace {

struct Options {
  int64_t batch = 1, heads = 4, kv_heads = 2, head_dim = 64;
  std::vector<int64_t> tokens = {512, 2048, 8192};
  int64_t document_tokens = 0;  // > 0: a row of documents of this length instead
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

struct Contest {
  std::string name;    // heads the line
  const char* theirs;  // who is compared with
  double gflop;        // of one product
};

void report(const Contest& contest, const Times& ours, const Times& theirs) {
  const auto line = [&](const char* direction, double products, double mine, double other) {
    std::cout << contest.name << " " << direction << ": ours " << mine << " s ("
              << products * contest.gflop / mine << " GFLOP/s), " << contest.theirs << " " << other
              << " s (" << products * contest.gflop / other << " GFLOP/s), ratio " << mine / other
              << std::endl;
  };
  line("forward", 2, median(ours.forward), median(theirs.forward));
  line("backward", 5, median(ours.backward), median(theirs.backward));
}

std::vector<at::Tensor> random_heads(const Options& o, int64_t batch, int64_t tokens) {
  return {at::randn({batch, o.heads, tokens, o.head_dim}),
          at::randn({batch, o.kv_heads, tokens, o.head_dim}),
          at::randn({batch, o.kv_heads, tokens, o.head_dim})};
}

// Multiply-adds of one product over the pairs that see each other, twice.
double gflop_of(const Options& o, double pairs) {
  return 1e-9 * static_cast<double>(o.batch * o.heads * o.head_dim) * pairs;
}

void bench(const Options& o, int64_t tokens) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(o.head_dim));
  const std::vector<at::Tensor> inputs = random_heads(o, o.batch, tokens);
  Times ours, aten;
  for (int round = 0; round <= o.rounds; ++round) {
    if (round == 1) ours = aten = {};
    measure(
        inputs,
        [&](const auto& q, const auto& k, const auto& v) {
          return ops::causal_attention(q, k, v, {.scale = scale});
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
  const auto length = static_cast<double>(tokens);
  report({std::to_string(o.batch) + "x" + std::to_string(tokens),
          "ATen",
          gflop_of(o, length * length)},
         ours,
         aten);
}

// Documents of one row against each of them in a call of its own.
void bench_documents(const Options& o, int64_t tokens) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(o.head_dim));
  const std::vector<int64_t> lengths(tokens / o.document_tokens, o.document_tokens);
  const ops::Documents documents = ops::make_documents(lengths, at::kCPU);
  const std::vector<at::Tensor> row = random_heads(o, 1, documents.positions_T.numel());
  std::vector<std::vector<at::Tensor>> alone;
  for (const int64_t length : lengths) alone.push_back(random_heads(o, 1, length));
  Times together, apart;
  for (int round = 0; round <= o.rounds; ++round) {
    if (round == 1) together = apart = {};
    measure(
        row,
        [&](const auto& q, const auto& k, const auto& v) {
          return ops::causal_attention(q, k, v, {.scale = scale, .documents = &documents});
        },
        together);
    Times each;
    for (const auto& inputs : alone) {
      measure(
          inputs,
          [&](const auto& q, const auto& k, const auto& v) {
            return ops::causal_attention(q, k, v, {.scale = scale});
          },
          each);
    }
    apart.forward.push_back(std::reduce(each.forward.begin(), each.forward.end()));
    apart.backward.push_back(std::reduce(each.backward.begin(), each.backward.end()));
  }
  const auto length = static_cast<double>(o.document_tokens);
  report({std::to_string(lengths.size()) + " documents of " + std::to_string(o.document_tokens),
          "each alone",
          gflop_of(o, length * length * static_cast<double>(lengths.size()))},
         together,
         apart);
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
  app.add_option("--document-tokens", o.document_tokens);
  app.add_option("--threads", o.threads);
  app.add_option("--rounds", o.rounds);
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(o.threads);
  std::cout << at::get_cpu_capability() << ", " << o.threads << " threads" << std::endl;
  for (const int64_t tokens : o.tokens) {
    o.document_tokens > 0 ? ropewalk::bench_documents(o, tokens) : ropewalk::bench(o, tokens);
  }
  return 0;
}
