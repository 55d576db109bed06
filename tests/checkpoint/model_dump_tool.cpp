// For tests/python/test_model_parity.py: what our decoder computes on a Hugging Face folder.
//
//   model_dump_tool MODEL INPUT OUTPUT [--factor S] [--device cpu|cuda]
//
// INPUT: safetensors with `tokens` and `targets`, I64 [B, T]. OUTPUT: F32 `logits`, `loss_sum` and
// `grad/NAME` for every weight under its foreign name.
#include <ATen/ATen.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "ropewalk/base/errors.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/dist/device.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/model/decoder.h"
#include "ropewalk/spec/weight_map.h"

namespace ropewalk {
namespace {

at::Tensor read_ids(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (!info || info->dtype != DType::kI64) throw DataError("the input needs I64 " + name);
  auto* bytes = const_cast<std::byte*>(file.bytes(*info).data());
  return at::from_blob(bytes, info->shape, at::kLong).clone();
}

using Named = std::vector<std::pair<std::string, at::Tensor>>;

void write(const std::string& path, const Named& tensors) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : tensors) {
    TensorInfo info;
    info.name = name;
    info.shape = tensor.sizes().vec();
    infos.push_back(info);
  }
  SafetensorsWriter writer(path, infos);
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor dense = tensor.to(at::kCPU).contiguous();
    writer.write(name,
                 std::as_bytes(
                     std::span(dense.const_data_ptr<float>(), static_cast<size_t>(dense.numel()))));
  }
  writer.close();
}

struct Options {
  std::string model, input, output, device = "cpu";
  double factor = 0;
};

void dump(const Options& options) {
  const HfModel source = load_hf_model(options.model);
  const auto backend =
      options.device == "cuda" ? dist::GroupBackend::kNccl : dist::GroupBackend::kGloo;
  const at::Device device = dist::choose_device(RankEnvironment{}, backend);
  auto decoder = build_decoder(source.spec, {.device = device, .for_training = true});
  import_weights(*decoder, source);
  if (options.factor > 0) {
    RopeParameters rope = source.spec.rope;
    rope.kind = RopeKind::kLinear;
    rope.factor = options.factor;
    decoder->set_rope(rope);
  }
  const SafetensorsFile file(options.input);
  const at::Tensor tokens = read_ids(file, "tokens").to(device);
  const at::Tensor targets = read_ids(file, "targets").to(device);
  Named out;
  {
    at::NoGradGuard no_grad;
    out.emplace_back("logits", decoder->logits(decoder->hidden(tokens)));
  }
  const at::Tensor loss = decoder->loss_sum(tokens, targets);
  loss.backward();
  out.emplace_back("loss_sum", loss.detach());
  const auto parameters = decoder->named_parameters();
  for (const WeightEntry& entry : weight_map(source.spec)) {
    for (const WeightSlice& slice : entry.slices) {
      out.emplace_back("grad/" + slice.foreign_name,
                       parameters[entry.name].grad().slice(0, slice.row_begin, slice.row_end));
    }
  }
  write(options.output, out);
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  ropewalk::Options options;
  CLI::App app{"What our decoder computes"};
  app.add_option("model", options.model)->required();
  app.add_option("input", options.input)->required();
  app.add_option("output", options.output)->required();
  app.add_option("--factor", options.factor);
  app.add_option("--device", options.device)->check(CLI::IsMember({"cpu", "cuda"}));
  CLI11_PARSE(app, argc, argv);
  try {
    ropewalk::dump(options);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
