#include <gtest/gtest.h>

#include "model/fixture.h"

namespace ropewalk {
namespace {

using testing::Fixture;
using testing::largest_difference;

class ParityTest : public testing::DeviceTest<std::string> {
 protected:
  Fixture fixture_{GetParam()};
};

TEST_P(ParityTest, ParametersAreThoseOfTheWeightMap) {
  const auto decoder = fixture_.decoder();
  const auto entries = weight_map(fixture_.spec());
  const auto parameters = decoder->named_parameters();
  ASSERT_EQ(parameters.size(), entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(parameters[i].key(), entries[i].name);
    EXPECT_EQ(parameters[i].value().sizes().vec(), entries[i].shape) << entries[i].name;
    EXPECT_EQ(parameters[i].value().scalar_type(), at::kFloat);
  }
}

TEST_P(ParityTest, LogitsEqualTransformers) {
  at::NoGradGuard no_grad;
  const auto decoder = fixture_.decoder();
  const at::Tensor logits = decoder->logits(decoder->hidden(fixture_.tensor("tokens")));
  EXPECT_LT(largest_difference(logits, fixture_.tensor("logits")), 1e-4);
}

TEST_P(ParityTest, LossAndGradientsEqualTransformers) {
  for (const int64_t chunk : {0, 7}) {
    DecoderOptions options;
    options.loss_chunk_tokens = chunk;
    const auto decoder = fixture_.decoder(options);
    const at::Tensor loss =
        decoder->loss_sum(fixture_.tensor("tokens"), fixture_.tensor("targets"));
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), fixture_.tensor("loss_sum").item<double>(), 1e-3);
    const auto parameters = decoder->named_parameters();
    for (const WeightEntry& entry : weight_map(fixture_.spec())) {
      const at::Tensor want = fixture_.joined("grad/", entry);
      const double scale = want.abs().max().item<double>() + 1.0;
      EXPECT_LT(largest_difference(parameters[entry.name].grad(), want), 1e-4 * scale)
          << entry.name;
    }
  }
}

TEST_P(ParityTest, BFloat16StaysNearFloat) {
  at::NoGradGuard no_grad;
  DecoderOptions options;
  options.compute_dtype = at::kBFloat16;
  const auto decoder = fixture_.decoder(options);
  const at::Tensor nll = decoder->token_nll(fixture_.tensor("tokens"), fixture_.tensor("targets"));
  EXPECT_EQ(nll.scalar_type(), at::kFloat);
  const double want = fixture_.tensor("loss_sum").item<double>();
  EXPECT_NEAR(nll.sum().item<double>(), want, 0.03 * want);
}

const auto kModels = ::testing::Values("model_biased_scaled", "model_tied");
INSTANTIATE_TEST_SUITE_P(Models, ParityTest, kModels);
INSTANTIATE_TEST_SUITE_P(OnGpu, ParityTest, kModels);

}  // namespace
}  // namespace ropewalk
