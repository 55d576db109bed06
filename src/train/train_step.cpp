#include "ropewalk/train/train_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/progress.h"
#include "ropewalk/optim/clip.h"

namespace ropewalk {
namespace {

// Of all ranks, by source. Ranks that share sequences have the same batches.
std::vector<int64_t> count_targets(const std::vector<Batch>& batches,
                                   const TrainStepContext& context) {
  const auto num_sources = static_cast<int64_t>(batches.front().source_tokens.size());
  at::Tensor counts = at::zeros({num_sources}, at::kDouble);
  for (const Batch& batch : batches) {
    counts += at::tensor(batch.source_tokens, at::kLong);
  }
  context.group.all_reduce_sum(counts);
  counts /= context.context_parallel.size();
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < num_sources; ++i)
    tokens.push_back(std::llround(counts[i].item<double>()));
  return tokens;
}

at::Tensor to_device(const std::vector<int64_t>& values,
                     const Batch& batch,
                     const TrainStepContext& context) {
  at::Tensor tensor = at::tensor(values, at::kLong).view({batch.rows, batch.length});
  const at::Device device = context.group.device();
  if (!device.is_cuda()) return tensor;
  if (context.pin_memory) tensor = tensor.pin_memory();
  return tensor.to(device, /*non_blocking=*/context.pin_memory);
}

// Forward and backward of every micro-batch; gradients are reduced while the last one's backward
// runs. Returns this rank's sum of cross-entropies in each micro-batch.
std::vector<at::Tensor> accumulate_gradients(const TrainStepContext& context,
                                             const std::vector<Batch>& micro_batches,
                                             double divisor) {
  std::vector<at::Tensor> loss_sums;
  for (const Batch& batch : micro_batches) {
    const bool last = &batch == &micro_batches.back();
    context.data_parallel.begin_micro_batch(last);
    const at::Tensor batch_sum =
        context.context_parallel.loss_sum(context.decoder,
                                          {to_device(batch.tokens, batch, context),
                                           to_device(batch.targets, batch, context),
                                           batch.document_lengths});
    const at::Tensor loss = batch_sum / divisor;
    context.data_parallel.prepare_backward(loss);
    loss.backward();
    context.data_parallel.end_micro_batch();
    loss_sums.push_back(batch_sum.detach());
  }
  context.data_parallel.finish_step();
  return loss_sums;
}

double sum_of(const std::vector<at::Tensor>& loss_sums) {
  at::Tensor sum = at::zeros_like(loss_sums.front(), at::kFloat);
  for (const at::Tensor& loss_sum : loss_sums) sum += loss_sum;
  return sum.item<double>();
}

std::vector<double> mean_losses(const std::vector<at::Tensor>& loss_sums,
                                const std::vector<Batch>& micro_batches) {
  std::vector<double> means;
  for (size_t i = 0; i < loss_sums.size(); ++i) {
    const std::vector<int64_t>& tokens = micro_batches[i].source_tokens;
    const int64_t count = std::reduce(tokens.begin(), tokens.end());
    means.push_back(loss_sums[i].item<double>() / static_cast<double>(std::max<int64_t>(count, 1)));
  }
  return means;
}

}  // namespace

TrainStepResult train_step(const TrainStepContext& context,
                           const std::vector<Batch>& micro_batches,
                           double learning_rate,
                           const StepQuestions& ask) {
  TrainStepResult result{.learning_rate = learning_rate};
  result.source_tokens = count_targets(micro_batches, context);
  result.tokens = std::reduce(result.source_tokens.begin(), result.source_tokens.end());

  // A step may hold no target at all, where only answers are trained: its gradient is zero.
  const auto divisor = static_cast<double>(std::max<int64_t>(result.tokens, 1));

  context.optimizer.zero_grad();
  const std::vector<at::Tensor> loss_sums = accumulate_gradients(context, micro_batches, divisor);

  const BorderWishes wishes = ask.read_wishes();
  at::Tensor shared = at::tensor({sum_of(loss_sums),
                                  wishes.stop ? 1.0 : 0.0,
                                  wishes.save ? 1.0 : 0.0,
                                  wishes.save_failed ? 1.0 : 0.0},
                                 at::kDouble);
  context.group.all_reduce_sum(shared);
  result.loss = shared[0].item<double>() / divisor;
  result.agreed = {.stop = shared[1].item<double>() > 0,
                   .save = shared[2].item<double>() > 0,
                   .save_failed = shared[3].item<double>() > 0};

  const ClipResult clip =
      clip_grad_norm(context.optimizer.parameters(), context.max_grad_norm, [&](double sum) {
        return context.data_parallel.sum_over_shards(sum);
      });
  result.grad_norm = clip.norm;
  result.fault = ask.fault_of(result.loss, result.grad_norm);
  if (result.fault.empty()) {
    ROPEWALK_CHECK(clip.finite, "a gradient that is not finite is found to be good");
    report_phase(Phase::kUpdating);
    context.optimizer.step(learning_rate);
  } else {
    result.micro_losses = mean_losses(loss_sums, micro_batches);
  }
  return result;
}

}  // namespace ropewalk
