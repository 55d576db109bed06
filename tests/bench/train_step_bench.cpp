// One training process for the bench: builds a model from a Hugging Face folder, then runs one step
// (forward, backward, clip, AdamW) for every line on standard input and prints a JSON line for it.
// The driver alternates such processes with their peers, so that a busy machine hits both alike.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <malloc.h>
#include <torch/cuda.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>

#include "ropewalk/base/json.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/dist/device.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/optim/adamw.h"
#include "ropewalk/optim/clip.h"
#include "ropewalk/optim/trainable.h"
#include "ropewalk/parallel/block_runner.h"
#include "ropewalk/spec/hf_model.h"

namespace ropewalk {
namespace {

struct Options {
  std::string model;
  int64_t batch = 4, sequence = 512, loss_chunk_tokens = 0;
  int threads = 1;
  bool recompute = false, bf16 = false, cuda = false;
};

Options parse(int argc, char** argv) {
  Options o;
  CLI::App app{"Training steps on demand"};
  app.add_option("model", o.model, "Hugging Face folder")->required();
  app.add_option("--batch", o.batch);
  app.add_option("--sequence", o.sequence);
  app.add_option("--threads", o.threads);
  app.add_option("--loss-chunk-tokens", o.loss_chunk_tokens);
  app.add_flag("--recompute", o.recompute);
  app.add_flag("--bf16", o.bf16);
  app.add_flag("--cuda", o.cuda, "on the first GPU");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return o;
}

// Processor time of the whole process: what a step costs where others use the machine too.
double cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Of this program alone: ru_maxrss would begin with the peak of the process that started it.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::stod(line.substr(6)) / 1024.0;
  }
  return 0.0;
}

// The same ids as bench_peer.py makes.
at::Tensor make_tokens(int64_t step, const Options& o, int64_t vocab) {
  const at::Tensor index = at::arange(o.batch * (o.sequence + 1));
  return (index * 7919 + index * index * 31 + step * 104729)
      .remainder(vocab)
      .view({o.batch, o.sequence + 1});
}

class Bench {
 public:
  explicit Bench(const Options& o)
      : o_(o),
        device_(dist::choose_device(
            {}, o.cuda ? dist::GroupBackend::kNccl : dist::GroupBackend::kGloo)),
        source_(load_hf_model(o.model)) {
    DecoderOptions options;
    options.compute_dtype = o.bf16 ? at::kBFloat16 : at::kFloat;
    options.loss_chunk_tokens = o.loss_chunk_tokens;
    options.for_training = true;
    options.device = device_;
    decoder_ = build_decoder(source_.spec, options);
    import_weights(*decoder_, source_);
    if (o.recompute) {
      decoder_->set_block_runner(parallel::make_block_runner({.recompute = Recompute::kBlock}));
    }
    OptimizerConfig config;
    config.learning_rate = 1e-4;
    const NamedTensors all = decoder_->parameters_by_name();
    optimizer_ =
        std::make_unique<AdamW>(dist::as_whole(select_trainable(all, config, "bench")), config);
  }

  Json run(int64_t step) {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point t) {
      return std::chrono::duration<double>(Clock::now() - t).count();
    };
    const at::Tensor ids = make_tokens(step, o_, source_.spec.vocab_size).to(device_);
    const at::Tensor tokens = ids.slice(1, 0, o_.sequence).contiguous();
    const at::Tensor targets = ids.slice(1, 1).contiguous();
    const double cpu_before = cpu_s();
    const auto begin = Clock::now();
    const at::Tensor loss =
        decoder_->loss_sum(tokens, targets) / static_cast<double>(targets.numel());
    finish();
    const double forward = since(begin);
    loss.backward();
    finish();
    const double backward = since(begin) - forward;
    const ClipResult clip =
        clip_grad_norm(optimizer_->parameters(), 1.0, [](double sum) { return sum; });
    optimizer_->step(1e-4);
    optimizer_->zero_grad();
    finish();
    return {{"step", step},
            {"seconds", since(begin)},
            {"forward_s", forward},
            {"backward_s", backward},
            {"cpu_s", cpu_s() - cpu_before},
            {"loss", loss.item<double>()},
            {"grad_norm", clip.norm},
            {"peak_mib", peak_mib()},
            {"capability", at::get_cpu_capability()}};
  }

 private:
  // Kernels of a GPU are waited for, so that times are those of the work itself.
  void finish() const {
    if (device_.is_cuda()) torch::cuda::synchronize();
  }

  Options o_;
  at::Device device_;
  HfModel source_;
  std::shared_ptr<Decoder> decoder_;
  std::unique_ptr<AdamW> optimizer_;
};

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  // As the engine does: freed blocks stay in the heap.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 2'000'000'000);
  mallopt(M_TOP_PAD, 64 << 20);
  const ropewalk::Options options = ropewalk::parse(argc, argv);
  at::set_num_threads(options.threads);
  ropewalk::Bench bench(options);
  std::string line;
  for (int64_t step = 0; std::getline(std::cin, line); ++step) {
    std::cout << bench.run(step).dump() << std::endl;
  }
  return 0;
}
