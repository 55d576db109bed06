// Whether documents of one row stay apart: one token of the first is changed, and what that does to
// the others is looked at, and what each gives alone.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "ropewalk/model/decoder.h"

namespace ropewalk::testing {

struct Leak {
  double own_logits = 0;  // largest change of the first document's own logits: must not be 0
  double logits = 0;      // largest change of the other documents' logits
  double gradients = 0;   // norm of the change of their loss's gradients, over the gradients' norm
  double alone = 0;       // largest difference to each document run alone, over the largest logit
};

struct DocumentOutputs {
  at::Tensor logits_TV;  // of the documents behind the first
  at::Tensor first_TV;
  std::vector<at::Tensor> gradients;  // of the former's loss, by every parameter
};

inline DocumentOutputs document_outputs(Decoder& decoder,
                                        const at::Tensor& tokens_T,
                                        const std::shared_ptr<const ops::Documents>& documents) {
  decoder.zero_grad();
  const int64_t first = documents->lengths.front();
  const at::Tensor logits_TV =
      decoder.logits(decoder.hidden(tokens_T.unsqueeze(0), documents)).squeeze(0);
  const at::Tensor others_TV = logits_TV.slice(0, first);
  // Every token of theirs is also a target, its own: any function of them alone will do.
  at::cross_entropy_loss(others_TV, tokens_T.slice(0, first)).backward();
  DocumentOutputs out{others_TV.detach(), logits_TV.slice(0, 0, first).detach(), {}};
  for (const at::Tensor& parameter : decoder.parameters()) {
    out.gradients.push_back(parameter.grad().defined() ? parameter.grad().clone() : at::Tensor());
  }
  return out;
}

inline double gradient_change(const DocumentOutputs& before, const DocumentOutputs& after) {
  double change = 0, total = 0;  // squares
  for (size_t n = 0; n < before.gradients.size(); ++n) {
    const at::Tensor &a = before.gradients[n], &b = after.gradients[n];
    if (a.defined()) total += a.square().sum().item<double>();
    if (a.defined() && b.defined()) {
      change += (a - b).square().sum().item<double>();
    } else if (a.defined() || b.defined()) {
      change += (a.defined() ? a : b).square().sum().item<double>();
    }
  }
  return std::sqrt(change / total);
}

inline double difference_alone(Decoder& decoder,
                               const at::Tensor& tokens_T,
                               const std::vector<int64_t>& lengths) {
  const at::NoGradGuard no_grad;
  const auto documents =
      std::make_shared<ops::Documents>(ops::make_documents(lengths, tokens_T.device()));
  const at::Tensor together_TV =
      decoder.logits(decoder.hidden(tokens_T.unsqueeze(0), documents)).squeeze(0);
  double largest = 0;
  int64_t begin = 0;
  for (const int64_t length : lengths) {
    const at::Tensor tokens_1T = tokens_T.slice(0, begin, begin + length).unsqueeze(0);
    const at::Tensor alone_TV = decoder.logits(decoder.hidden(tokens_1T)).squeeze(0);
    const at::Tensor difference = alone_TV - together_TV.slice(0, begin, begin + length);
    largest = std::max(largest, difference.abs().max().item<double>());
    begin += length;
  }
  return largest / together_TV.abs().max().item<double>();
}

// `tokens_T`: as many as `lengths` sum to; the middle one of the first document is changed.
inline Leak probe_leak(Decoder& decoder,
                       const at::Tensor& tokens_T,
                       const std::vector<int64_t>& lengths) {
  const auto documents =
      std::make_shared<ops::Documents>(ops::make_documents(lengths, tokens_T.device()));
  at::Tensor changed_T = tokens_T.clone();
  at::Tensor one = changed_T[lengths.front() / 2];
  one.fill_((one + 1).remainder(decoder.spec().vocab_size));
  const DocumentOutputs before = document_outputs(decoder, tokens_T, documents);
  const DocumentOutputs after = document_outputs(decoder, changed_T, documents);
  const auto largest = [](const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
  };
  return {largest(before.first_TV, after.first_TV),
          largest(before.logits_TV, after.logits_TV),
          gradient_change(before, after),
          difference_alone(decoder, tokens_T, lengths)};
}

}  // namespace ropewalk::testing
