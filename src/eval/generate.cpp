#include "ropewalk/eval/generate.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/rng.h"

namespace ropewalk {
namespace {

constexpr uint64_t kSamplingStream = 0x67656e;  // keeps these draws apart from other uses of a seed

// Nucleus sampling (Holtzman et al., arXiv 1904.09751): `draw` in [0, 1).
int64_t sample_top_p(const at::Tensor& logits_V, const GenerateOptions& options, double draw) {
  const at::Tensor probabilities =
      at::softmax(logits_V.to(at::kCPU, at::kDouble) / options.temperature, -1);
  const auto [sorted, order] = at::sort(probabilities, /*dim=*/-1, /*descending=*/true);
  const double* p = sorted.data_ptr<double>();
  const int64_t* ids = order.data_ptr<int64_t>();
  int64_t kept = 0;
  double mass = 0;
  while (kept < sorted.numel() && (kept == 0 || mass < options.top_p)) mass += p[kept++];
  double remaining = draw * mass;
  for (int64_t i = 0; i + 1 < kept; ++i) {
    if (remaining < p[i]) return ids[i];
    remaining -= p[i];
  }
  return ids[kept - 1];
}

}  // namespace

std::vector<int32_t> generate(Decoder& decoder,
                              const std::vector<int32_t>& prompt,
                              const GenerateOptions& options,
                              const std::function<void(int32_t)>& on_token) {
  ROPEWALK_CHECK(!prompt.empty(), "a prompt has at least one token");
  const torch::autograd::AutoGradMode no_grad(false);
  const auto num_prompt = static_cast<int64_t>(prompt.size());
  KvCache cache(decoder.spec().num_layers, num_prompt + options.max_new_tokens);

  at::Tensor tokens_BT =
      at::tensor(prompt, at::kInt).to(decoder.options().device, at::kLong).unsqueeze(0);
  std::vector<int32_t> generated;
  while (static_cast<int64_t>(generated.size()) < options.max_new_tokens) {
    const at::Tensor hidden_BTD = decoder.hidden(tokens_BT, &cache);
    const at::Tensor logits_V = decoder.logits(hidden_BTD.select(1, -1)).view({-1});
    const int64_t token =
        options.greedy
            ? logits_V.argmax().item<int64_t>()
            : sample_top_p(logits_V,
                           options,
                           random_uniform(options.seed, kSamplingStream, generated.size()));
    generated.push_back(static_cast<int32_t>(token));
    if (on_token) on_token(generated.back());
    if (std::count(options.stop_ids.begin(), options.stop_ids.end(), token) != 0) break;
    tokens_BT = at::full({1, 1}, token, tokens_BT.options());
  }
  return generated;
}

}  // namespace ropewalk
