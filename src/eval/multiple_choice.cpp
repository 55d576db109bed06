// Tensors: B = choices of one question, T = tokens of the longest, less one.
#include "ropewalk/eval/multiple_choice.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

struct EncodedQuestion {
  std::vector<std::vector<int32_t>> texts;  // context and choice, by choice
  int64_t context_tokens = 0;
};

EncodedQuestion encode(const Tokenizer& tokenizer, const ChoiceQuestion& question) {
  // White space at the context's end belongs to the choice's first token.
  const size_t last = question.context.find_last_not_of(" \t\n\v\f\r");
  const std::string context = question.context.substr(0, last == std::string::npos ? 0 : last + 1);
  EncodedQuestion encoded;
  encoded.context_tokens =
      static_cast<int64_t>(tokenizer.encode(context, /*add_special=*/true).size());
  for (const std::string& choice : question.choices) {
    encoded.texts.push_back(
        tokenizer.encode(question.context + question.delimiter + choice, /*add_special=*/true));
  }
  return encoded;
}

int64_t longest_of(const EncodedQuestion& question) {
  size_t longest = 0;
  for (const auto& text : question.texts) longest = std::max(longest, text.size());
  return static_cast<int64_t>(longest);
}

// Sum of log-probabilities of each choice's tokens. Shorter ones are padded behind their end, where
// nothing that counts looks.
std::vector<double> log_likelihoods(Decoder& decoder, const EncodedQuestion& question) {
  const auto rows = static_cast<int64_t>(question.texts.size());
  const int64_t length = std::max<int64_t>(1, longest_of(question) - 1);
  at::Tensor tokens_BT = at::zeros({rows, length}, at::kLong);
  at::Tensor targets_BT = at::full({rows, length}, kIgnoredTarget, at::kLong);
  auto tokens = tokens_BT.accessor<int64_t, 2>();
  auto targets = targets_BT.accessor<int64_t, 2>();
  const int64_t first = std::max<int64_t>(1, question.context_tokens);
  for (int64_t row = 0; row < rows; ++row) {
    const std::vector<int32_t>& text = question.texts[row];
    const auto size = static_cast<int64_t>(text.size());
    for (int64_t t = 0; t + 1 < size; ++t) {
      tokens[row][t] = text[t];
      if (t + 1 >= first) targets[row][t] = text[t + 1];
    }
  }
  const auto device = decoder.options().device;
  const at::Tensor nll_B = decoder.token_nll(tokens_BT.to(device), targets_BT.to(device))
                               .sum(1, /*keepdim=*/false, at::kDouble)
                               .to(at::kCPU);
  std::vector<double> sums;
  for (int64_t row = 0; row < rows; ++row) sums.push_back(-nll_B[row].item<double>());
  return sums;
}

// Of UTF-8: what is no continuation byte.
double num_characters(const std::string& text) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<double>(std::max<int64_t>(1, std::count_if(text.begin(), text.end(), begins)));
}

bool is_largest(const std::vector<double>& scores, int64_t index) {
  return std::max_element(scores.begin(), scores.end()) - scores.begin() == index;
}

}  // namespace

ChoiceResult multiple_choice(Decoder& decoder,
                             const Tokenizer& tokenizer,
                             const std::vector<ChoiceQuestion>& questions,
                             dist::Group& group) {
  ROPEWALK_CHECK(!questions.empty(), "there is at least one question");
  const torch::autograd::AutoGradMode no_grad(false);
  const auto count = static_cast<int64_t>(questions.size());
  double correct = 0;
  double correct_normalized = 0;
  int64_t longest = 0;
  for (int64_t first = 0; first < count; first += group.size()) {
    const int64_t own = first + group.rank();
    // A rank without a question makes a pass for nothing.
    const ChoiceQuestion& question = questions[std::min(own, count - 1)];
    const EncodedQuestion encoded = encode(tokenizer, question);
    std::vector<double> scores = log_likelihoods(decoder, encoded);
    if (own >= count) continue;
    longest = std::max(longest, longest_of(encoded));
    if (is_largest(scores, question.answer)) ++correct;
    for (size_t i = 0; i < scores.size(); ++i) scores[i] /= num_characters(question.choices[i]);
    if (is_largest(scores, question.answer)) ++correct_normalized;
  }
  at::Tensor lengths = at::tensor({longest}, at::kLong);
  group.all_reduce_max(lengths);
  return {.questions = count,
          .correct = static_cast<int64_t>(group.sum(correct)),
          .correct_normalized = static_cast<int64_t>(group.sum(correct_normalized)),
          .longest_tokens = lengths.item<int64_t>()};
}

}  // namespace ropewalk
