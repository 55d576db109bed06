#include "checkpoint/stored_tensor.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <functional>

#include "checkpoint/dequantize.h"
#include "checkpoint/memory.h"
#include "checkpoint/shards.h"
#include "checkpoint/tensor_bytes.h"
#include "dist/rank_bodies.h"
#include "ropewalk/checkpoint/import.h"
#include "ropewalk/checkpoint/initial_weights.h"

namespace ropewalk {
namespace {

TensorInfo info_of(const std::string& name, DType dtype, const torch::Tensor& tensor) {
  TensorInfo info;
  info.name = name;
  info.dtype = dtype;
  info.shape = tensor.sizes().vec();
  return info;
}

// A file of "values" and "scales"; the first byte of its data is another tensor's, so that nothing
// in it is aligned, or it is not.
class StoredFile {
 public:
  struct Part {
    torch::Tensor tensor;
    DType dtype = DType::kF32;
  };
  StoredFile(const Part& values, const Part& scales, bool aligned) {
    const torch::Tensor first = torch::zeros({aligned ? 8 : 1}, torch::kByte);
    const std::vector<std::pair<std::string, Part>> parts = {
        {"first", {first, DType::kU8}}, {"values", values}, {"scales", scales}};
    std::vector<TensorInfo> infos;
    for (const auto& [name, part] : parts) infos.push_back(info_of(name, part.dtype, part.tensor));
    SafetensorsWriter writer(folder_ / "stored.safetensors", infos);
    for (const auto& [name, part] : parts) writer.write(name, tensor_bytes_of(part.tensor));
    writer.close();
    file_ = std::make_unique<SafetensorsFile>(folder_ / "stored.safetensors");
  }

  StoredTensor tensor(std::optional<Quantization> quantization = {}) const {
    StoredTensor stored;
    stored.values = {file_.get(), file_->find("values")};
    stored.quantization = quantization;
    if (quantization) stored.scales = {file_.get(), file_->find("scales")};
    return stored;
  }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<SafetensorsFile> file_;
};

// Rows 2 to 13 of ours [15, 5].
WeightSlice twelve_rows(const std::vector<int64_t>& shape) {
  WeightSlice slice;
  slice.row_begin = 2;
  slice.row_end = 14;
  slice.shape = shape;
  return slice;
}

const std::vector<int64_t> kOrder = {3, 0, 7, 11, 1, 2, 10, 4, 9, 5, 8, 6};

using ValueAt = std::function<float(int64_t row, int64_t column)>;

// Every range of ours against values taken one by one: `value_at` a foreign row, -1 elsewhere.
void expect_every_range(const StoredTensor& stored,
                        const WeightSlice& slice,
                        const std::vector<int64_t>& shape,
                        const ValueAt& value_at) {
  torch::Tensor expected = torch::full(shape, -1.0);
  for (int64_t row = 0; row < slice.row_end - slice.row_begin; ++row) {
    const int64_t foreign = slice.rows.empty() ? row : slice.rows[static_cast<size_t>(row)];
    for (int64_t column = 0; column < shape[1]; ++column) {
      expected[slice.row_begin + row][column] = value_at(foreign, column);
    }
  }
  const int64_t numel = expected.numel();
  const int64_t step = std::max<int64_t>(1, numel / 75);
  for (int64_t begin = 0; begin <= numel; begin += step) {
    for (int64_t end = begin; end <= numel; end += step) {
      const torch::Tensor local = torch::full({end - begin}, -1.0);
      copy_stored(stored, slice, only_range(local, shape, begin));
      const torch::Tensor part = expected.flatten().slice(0, begin, end);
      ASSERT_TRUE(torch::equal(local, part)) << begin << " to " << end;
    }
  }
  const torch::Tensor whole = torch::full(shape, -1.0);
  copy_stored(stored, slice, dist::ShardedTensor(whole));
  EXPECT_TRUE(torch::equal(whole, expected));
}

TEST(StoredTensor, EveryRangeOfPlainRowsInEveryOrderAndType) {
  for (const bool aligned : {true, false}) {
    for (const auto& [type, dtype] : {std::pair{torch::kFloat, DType::kF32},
                                      std::pair{torch::kBFloat16, DType::kBF16},
                                      std::pair{torch::kDouble, DType::kF64}}) {
      const torch::Tensor values = torch::arange(60, torch::kFloat).reshape({12, 5}).to(type);
      const StoredFile file({values, dtype}, {torch::ones({1})}, aligned);
      const ValueAt value_at = [&](int64_t row, int64_t column) {
        return static_cast<float>(5 * row + column);
      };
      WeightSlice slice = twelve_rows({12, 5});
      expect_every_range(file.tensor(), slice, {15, 5}, value_at);
      slice.rows = kOrder;
      expect_every_range(file.tensor(), slice, {15, 5}, value_at);
    }
  }
}

TEST(StoredTensor, EveryRangeOfTransposedExperts) {
  for (const bool aligned : {true, false}) {
    const torch::Tensor values = torch::arange(60, torch::kFloat).reshape({3, 5, 4});
    const StoredFile file({values}, {torch::ones({1})}, aligned);
    const ValueAt value_at = [&](int64_t row, int64_t column) {
      return static_cast<float>(row / 4 * 20 + column * 4 + row % 4);
    };
    WeightSlice slice = twelve_rows({3, 5, 4});
    slice.transposed = true;
    expect_every_range(file.tensor(), slice, {15, 5}, value_at);
    slice.rows = kOrder;
    expect_every_range(file.tensor(), slice, {15, 5}, value_at);
  }
}

TEST(StoredTensor, EveryRangeOfFp8Blocks) {
  const torch::Tensor codes = torch::linspace(-400, 400, 60).reshape({12, 5});
  const torch::Tensor values = codes.to(at::kFloat8_e4m3fn);
  const torch::Tensor scales = torch::arange(1, 7, torch::kFloat).reshape({3, 2}) / 96;
  const StoredFile file({values, DType::kF8E4M3}, {scales}, false);
  const torch::Tensor plain = values.to(torch::kFloat);
  const ValueAt value_at = [&](int64_t row, int64_t column) {
    return plain[row][column].item<float>() * scales[row / 5][column / 3].item<float>();
  };
  const Quantization blocks{
      .method = QuantizationMethod::kFp8, .block_rows = 5, .block_columns = 3};
  WeightSlice slice = twelve_rows({12, 5});
  expect_every_range(file.tensor(blocks), slice, {15, 5}, value_at);
  slice.rows = kOrder;
  expect_every_range(file.tensor(blocks), slice, {15, 5}, value_at);
}

TEST(StoredTensor, EveryRangeOfMxfp4Experts) {
  torch::manual_seed(1);
  const torch::Tensor blocks = torch::randint(0, 256, {3, 4, 2, 16}).to(torch::kByte);
  const torch::Tensor scales = torch::randint(120, 134, {3, 4, 2}).to(torch::kByte);
  const StoredFile file({blocks, DType::kU8}, {scales, DType::kU8}, false);
  const torch::Tensor plain = dequantize_mxfp4(blocks.view({12, 2, 16}), scales.view({12, 2}));
  const ValueAt value_at = [&](int64_t row, int64_t column) {
    return plain[row][column].item<float>();
  };
  WeightSlice slice = twelve_rows({3, 64, 4});
  slice.transposed = true;
  expect_every_range(file.tensor(Quantization{}), slice, {15, 64}, value_at);
  slice.rows = kOrder;
  expect_every_range(file.tensor(Quantization{}), slice, {15, 64}, value_at);
  const torch::Tensor foreign = read_stored(file.tensor(Quantization{}), slice, DType::kF32);
  EXPECT_TRUE(torch::equal(foreign, plain.view({3, 4, 64}).transpose(1, 2)));
}

TEST(InitialWeights, AnyRangeHasTheBitsOfTheWholeModel) {
  const auto decoder = build_decoder(tiny_spec());
  decoder->initialize(9);
  for (const int64_t cut : {1, 2, 5, 16, 33}) {
    dist::NamedShardedTensors parts[2];
    for (const auto& [name, weight] : decoder->named_weights()) {
      const int64_t border = std::min(cut, weight.numel());
      const std::vector<int64_t> shape = weight.sizes().vec();
      parts[0].emplace_back(name, only_range(torch::zeros({border}), shape, 0));
      parts[1].emplace_back(name,
                            only_range(torch::zeros({weight.numel() - border}), shape, border));
    }
    for (const auto& part : parts) fill_initial_weights(part, decoder->spec(), 9);
    size_t i = 0;
    for (const auto& [name, weight] : decoder->named_weights()) {
      const torch::Tensor joined =
          torch::cat({parts[0][i].second.local(), parts[1][i].second.local()});
      EXPECT_TRUE(torch::equal(joined, weight.detach().flatten())) << name << " at " << cut;
      ++i;
    }
  }
}

void write_large_model(const std::filesystem::path& folder) {
  // 60 million numbers
  const Json config = large_config(40000, 10);
  const DecoderSpec spec = spec_of(config);
  std::vector<TensorInfo> infos;
  for (const WeightEntry& entry : weight_map(spec)) {
    for (const WeightSlice& slice : entry.slices) {
      TensorInfo info;
      info.name = slice.foreign_name;
      info.shape = slice.shape;
      infos.push_back(info);
    }
  }
  SafetensorsWriter writer(folder / "model.safetensors", infos);
  for (const TensorInfo& info : infos) {
    const torch::Tensor values = torch::full(info.shape, 0.5);
    writer.write(info.name, tensor_bytes_of(values));
  }
  writer.close();
  write_file_atomic(folder / "config.json", config.dump());
}

// The second of four shards of each parameter.
dist::NamedShardedTensors second_quarters(const DecoderSpec& spec) {
  dist::NamedShardedTensors weights;
  for (const WeightEntry& entry : weight_map(spec)) {
    const int64_t quarter = (c10::multiply_integers(entry.shape) + 3) / 4;
    weights.emplace_back(entry.name, only_range(torch::zeros({quarter}), entry.shape, quarter));
  }
  return weights;
}

RANK_BODY(load_one_quarter) {
  const HfModel model = load_hf_model(dist::test_variable("ROPEWALK_TEST_FOLDER"));
  const dist::NamedShardedTensors weights = second_quarters(model.spec);
  int64_t shard_kib = 0, largest_kib = 0;
  for (const auto& [name, tensor] : weights) {
    const auto kib = static_cast<int64_t>(tensor.local().nbytes()) / 1024;
    shard_kib += kib;
    largest_kib = std::max(largest_kib, kib);
    tensor.local().fill_(1);  // now it is resident
  }
  ASSERT_GT(shard_kib, 50'000);
  ASSERT_TRUE(forget_highest_memory());
  const int64_t before_kib = memory_kib("VmRSS");
  import_weights(weights, model.spec, model);
  const int64_t growth_kib = memory_kib("VmHWM") - before_kib;
  // Stricter than one whole tensor: the quarter of it that is read.
  EXPECT_LT(growth_kib, shard_kib / 10 + largest_kib);
  for (const auto& [name, tensor] : weights) EXPECT_TRUE(tensor.local().eq(0.5).all().item<bool>());
}

TEST(StoredTensor, LoadingAQuarterTakesItsMemoryATenthAndOneTensor) {
  const TemporaryFolder folder;
  write_large_model(folder.path());
  dist::expect_ranks_pass(
      "load_one_quarter", 1, {"ROPEWALK_TEST_FOLDER=" + folder.path().string()});
}

}  // namespace
}  // namespace ropewalk
