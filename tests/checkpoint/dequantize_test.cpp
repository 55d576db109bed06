#include "checkpoint/dequantize.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>
#include <vector>

namespace ropewalk {
namespace {

constexpr double kFp4Table[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};

// Sixteen bytes whose 32 codes are 0 to 15, twice.
torch::Tensor all_fp4_codes() {
  std::vector<int64_t> bytes;
  for (int64_t i = 0; i < 16; ++i) bytes.push_back(((2 * i) % 16) | (((2 * i + 1) % 16) << 4));
  return torch::tensor(bytes).to(torch::kByte).reshape({1, 1, 16});
}

torch::Tensor bytes_of(const std::vector<int64_t>& codes) {
  return torch::tensor(codes).to(torch::kByte);
}

// Sign, four bits of exponent with bias 7, three of mantissa.
double e4m3_value(int code) {
  const int exponent = (code >> 3) & 0xF, mantissa = code & 7;
  const double size =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
  return code & 0x80 ? -size : size;
}

TEST(Dequantize, EveryFp4CodeLowHalfFirst) {
  const torch::Tensor values = dequantize_mxfp4(all_fp4_codes(), bytes_of({127}).reshape({1, 1}));
  ASSERT_EQ(values.numel(), 32);
  for (int64_t i = 0; i < 32; ++i) {
    const auto value = values[0][i].item<float>();
    const bool negative = i % 16 >= 8;
    EXPECT_EQ(std::abs(value), kFp4Table[i % 8]) << i;
    EXPECT_EQ(std::signbit(value), negative) << i;
  }
}

TEST(Dequantize, ScalesArePowersOfTwoOverTheWholeRange) {
  const std::vector<int64_t> codes = {0, 1, 64, 126, 127, 128, 200, 252};
  const auto groups = static_cast<int64_t>(codes.size());
  const torch::Tensor values = dequantize_mxfp4(all_fp4_codes().repeat({1, groups, 1}),
                                                bytes_of(codes).reshape({1, groups}));
  for (int64_t g = 0; g < groups; ++g) {
    const int exponent = static_cast<int>(codes[static_cast<size_t>(g)]) - 127;
    for (int64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(values[0][32 * g + i].item<double>(), std::ldexp(kFp4Table[i], exponent));
    }
  }
  EXPECT_TRUE(torch::equal(values.to(torch::kBFloat16).to(torch::kFloat), values));
}

TEST(Dequantize, LargestScalesOverflowAndCode255IsNotANumber) {
  const torch::Tensor values =
      dequantize_mxfp4(all_fp4_codes().repeat({1, 2, 1}), bytes_of({254, 255}).reshape({1, 2}));
  EXPECT_EQ(values[0][0].item<float>(), 0.0f);
  EXPECT_EQ(values[0][3].item<float>(), std::ldexp(1.5f, 127));
  EXPECT_EQ(values[0][4].item<float>(), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(values.slice(1, 32, 64).isnan().all().item<bool>());
}

TEST(Dequantize, Mxfp4RowsKeepTheirOwnScales) {
  const torch::Tensor blocks = torch::full({3, 2, 16}, 0x22, torch::kByte);  // all 1.0
  const torch::Tensor scales = bytes_of({127, 128, 129, 130, 131, 132}).reshape({3, 2});
  const torch::Tensor values = dequantize_mxfp4(blocks, scales);
  for (int64_t row = 0; row < 3; ++row) {
    EXPECT_EQ(values[row][31].item<double>(), std::ldexp(1.0, static_cast<int>(2 * row)));
    EXPECT_EQ(values[row][32].item<double>(), std::ldexp(1.0, static_cast<int>(2 * row + 1)));
  }
}

TEST(Dequantize, EveryE4m3CodeAndItsTwoThatAreNotNumbers) {
  const torch::Tensor codes = torch::arange(256).to(torch::kByte).reshape({2, 128});
  const torch::Tensor values =
      dequantize_fp8(codes.view(at::kFloat8_e4m3fn), torch::full({1}, 0.75), 128);
  for (int code = 0; code < 256; ++code) {
    const auto value = values[code / 128][code % 128].item<double>();
    if ((code & 0x7F) == 0x7F) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_EQ(value, 0.75 * e4m3_value(code)) << code;
    }
  }
}

TEST(Dequantize, LastBlockOfARowIsCutAndBlocksMayBeWiderThanTheRow) {
  const torch::Tensor ones = torch::ones({2, 7}).to(at::kFloat8_e4m3fn);
  const torch::Tensor scales = torch::tensor({2.0, 3.0, 5.0});
  const torch::Tensor expected = torch::tensor({2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 5.0});
  EXPECT_TRUE(torch::equal(dequantize_fp8(ones, scales.to(torch::kFloat), 3),
                           expected.to(torch::kFloat).expand({2, 7})));
  const int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(
      torch::equal(dequantize_fp8(ones, torch::full({1}, 0.5), huge), torch::full({2, 7}, 0.5)));
}

TEST(Dequantize, Fp8ScalesMayHaveAnyFloatingType) {
  const torch::Tensor ones = torch::ones({1, 4}).to(at::kFloat8_e4m3fn);
  for (const auto type : {torch::kFloat, torch::kHalf, torch::kBFloat16}) {
    const torch::Tensor values = dequantize_fp8(ones, torch::full({1}, 0.375, type), 4);
    EXPECT_TRUE(torch::equal(values, torch::full({1, 4}, 0.375)));
  }
  const torch::Tensor powers = bytes_of({0, 125}).view(at::kFloat8_e8m0fnu);
  const torch::Tensor values = dequantize_fp8(ones, powers, 2);
  EXPECT_EQ(values[0][1].item<double>(), std::ldexp(1.0, -127));
  EXPECT_EQ(values[0][2].item<double>(), 0.25);
}

}  // namespace
}  // namespace ropewalk
