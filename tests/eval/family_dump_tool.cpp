// For the Python tests of parity: what our decoder computes on Hugging Face folders, and what it
// writes.
//
//   family_dump_tool [--factor S] [--device cpu|cuda] FOLDER...
//   family_dump_tool --rewrite SHARD_BYTES FOLDER...
//
// A folder holds `model` (HF layout) and `input.safetensors` with I64 `tokens` [B, T]; `targets`
// [B, T], with -100 where there is none, ask for loss and gradients; `prompt` [1, P] with
// `new_tokens` [1] for greedy generation. Written into it: `ours.safetensors` with F32 `logits` [B,
// T, V], `loss` (mean over the targets, with the router losses that the config asks for) and
// `grad/NAME` for every weight under its foreign name, and I64 `greedy`; with targets also `leak`
// [4], how far documents in one row are apart (the fields of Leak, model/leak_probe.h). A folder
// that fails gets `error.txt`, and the next one is done. --factor replaces the positions' scaling
// by linear at run time.
//
// --rewrite: `model` is read into a decoder, which is written to `written` and, in shards of that
// size, to `sharded`; `written` is read and written once more, to `again`.
#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>

#include "checkpoint/weight_layout.h"
#include "model/leak_probe.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/export.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/dist/device.h"
#include "ropewalk/eval/generate.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/family.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;
using Named = std::vector<std::pair<std::string, at::Tensor>>;

bool holds(const SafetensorsFile& file, const std::string& name) { return file.find(name); }

at::Tensor read_ids(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (!info || info->dtype != DType::kI64) throw DataError("the input needs I64 " + name);
  auto* bytes = const_cast<std::byte*>(file.bytes(*info).data());
  return at::from_blob(bytes, info->shape, at::kLong).clone();
}

void write(const fs::path& path, const Named& tensors) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) {
    TensorInfo info;
    info.name = name;
    info.dtype = tensor.scalar_type() == at::kLong ? DType::kI64 : DType::kF32;
    info.shape = tensor.sizes().vec();
    infos.push_back(info);
  }
  SafetensorsWriter writer(path, infos);
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor dense = tensor.detach().to(at::kCPU).contiguous();
    writer.write(name,
                 {static_cast<const std::byte*>(dense.const_data_ptr()),
                  static_cast<size_t>(dense.nbytes())});
  }
  writer.close();
}

at::Tensor mean_loss(Decoder& decoder, const at::Tensor& tokens, const at::Tensor& targets) {
  return decoder.loss_sum(tokens, targets) / targets.ne(-100).sum();
}

void add_gradients(const Decoder& decoder, Named& out) {
  const auto parameters = decoder.named_parameters();
  for (const WeightEntry& entry : weight_map(decoder.spec())) {
    if (!entry.trainable) continue;
    const at::Tensor& parameter = parameters[entry.name];
    // Undefined where the step did not use it, such as an expert that no token chose.
    const at::Tensor gradient =
        parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter);
    for (const WeightSlice& slice : entry.slices) {
      const at::Tensor rows = gradient.slice(0, slice.row_begin, slice.row_end);
      out.emplace_back("grad/" + slice.foreign_name, to_foreign(rows, slice));
    }
  }
}

at::Tensor leak(Decoder& decoder, const at::Tensor& tokens) {
  const std::vector<int64_t> lengths{7, 6, 9};
  const testing::Leak found =
      testing::probe_leak(decoder, tokens.flatten().slice(0, 0, 22), lengths);
  return at::tensor({found.own_logits, found.logits, found.gradients, found.alone}, at::kFloat);
}

at::Tensor greedy(Decoder& decoder, const at::Tensor& prompt, int64_t num_new_tokens) {
  const at::Tensor ids = prompt.to(at::kInt).contiguous();
  GenerateOptions options;
  options.greedy = true;
  options.max_new_tokens = num_new_tokens;
  const int32_t* begin = ids.const_data_ptr<int32_t>();
  return at::tensor(generate(decoder, {begin, begin + ids.numel()}, options), at::kInt)
      .to(at::kLong);
}

std::shared_ptr<Decoder> read_decoder(const HfModel& source, at::Device device) {
  const auto decoder = build_decoder(source.spec, {.device = device, .for_training = true});
  import_weights(*decoder, source);
  return decoder;
}

void dump(const fs::path& folder, double factor, at::Device device) {
  fs::remove(folder / "ours.safetensors");
  const HfModel source = load_hf_model(folder / "model");
  const auto decoder = read_decoder(source, device);
  if (factor > 0) {
    RopeParameters rope = source.spec.rope;
    rope.kind = RopeKind::kLinear;
    rope.factor = factor;
    decoder->set_rope(rope);
  }
  const SafetensorsFile input(folder / "input.safetensors");
  const at::Tensor tokens = read_ids(input, "tokens").to(device);
  Named out;
  {
    const at::NoGradGuard no_grad;
    out.emplace_back("logits", decoder->logits(decoder->hidden(tokens)));
  }
  if (holds(input, "targets")) {
    const at::Tensor loss = mean_loss(*decoder, tokens, read_ids(input, "targets").to(device));
    loss.backward();
    out.emplace_back("loss", loss.reshape({1}));
    add_gradients(*decoder, out);
    out.emplace_back("leak", leak(*decoder, tokens));
  }
  if (holds(input, "prompt")) {
    const int64_t num_new_tokens = read_ids(input, "new_tokens").item<int64_t>();
    out.emplace_back("greedy", greedy(*decoder, read_ids(input, "prompt"), num_new_tokens));
  }
  write(folder / "ours.safetensors", out);
}

void write_decoder(const HfModel& source,
                   const Decoder& decoder,
                   const fs::path& to,
                   uint64_t shard) {
  fs::remove_all(to);
  fs::create_directory(to);
  write_hf_model(
      to,
      decoder,
      {.config = source.family->to_hf(source.spec, source.config), .max_shard_bytes = shard});
}

void rewrite(const fs::path& folder, uint64_t shard_bytes) {
  constexpr uint64_t kOneFile = 1'000'000'000;
  const HfModel first = load_hf_model(folder / "model");
  const auto decoder = read_decoder(first, at::kCPU);
  write_decoder(first, *decoder, folder / "written", kOneFile);
  write_decoder(first, *decoder, folder / "sharded", shard_bytes);
  const HfModel second = load_hf_model(folder / "written");
  write_decoder(second, *read_decoder(second, at::kCPU), folder / "again", kOneFile);
}

// A folder that fails is explained in its error.txt, so that the others are done.
void each(const std::vector<std::string>& folders,
          const std::function<void(const fs::path&)>& work) {
  for (const fs::path folder : folders) {
    fs::remove(folder / "error.txt");
    try {
      work(folder);
    } catch (const std::exception& error) {
      std::ofstream(folder / "error.txt") << error.what() << "\n";
      std::cerr << folder.string() << ": " << error.what() << "\n";
    }
  }
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  std::vector<std::string> folders;
  double factor = 0;
  uint64_t shard_bytes = 0;
  std::string device = "cpu";
  CLI::App app{"What our decoder computes and writes"};
  app.add_option("folders", folders)->required();
  app.add_option("--factor", factor);
  app.add_option("--rewrite", shard_bytes);
  app.add_option("--device", device)->check(CLI::IsMember({"cpu", "cuda"}));
  CLI11_PARSE(app, argc, argv);
  const auto backend =
      device == "cuda" ? ropewalk::dist::GroupBackend::kNccl : ropewalk::dist::GroupBackend::kGloo;
  const at::Device place = ropewalk::dist::choose_device(ropewalk::RankEnvironment{}, backend);
  ropewalk::each(folders, [&](const std::filesystem::path& folder) {
    shard_bytes > 0 ? ropewalk::rewrite(folder, shard_bytes)
                    : ropewalk::dump(folder, factor, place);
  });
  return 0;
}
