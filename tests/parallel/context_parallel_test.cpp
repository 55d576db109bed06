#include "ropewalk/parallel/context_parallel.h"

#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "dist/rank_bodies.h"
#include "model/leak_probe.h"
#include "parallel/context_cases.h"
#include "ropewalk/ops/attention.h"
#include "ropewalk/parallel/block_runner.h"

namespace ropewalk::parallel {
namespace {

at::Tensor random(at::IntArrayRef sizes, uint64_t seed, at::ScalarType type) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(sizes, generator).to(type);
}

// Largest difference over the largest value.
double relative_difference(const at::Tensor& got, const at::Tensor& want) {
  const at::Tensor a = got.to(at::kDouble), b = want.to(at::kDouble);
  return ((a - b).abs().max() / b.abs().max()).item<double>();
}

struct AttentionCase {
  const char* name;
  int64_t heads, kv_heads, head_dim, v_dim;
  int64_t window = 0;
  double softcap = 0.0;
  bool sinks = false;
  std::vector<int64_t> documents = {};  // of two rows of 48
};

const AttentionCase kAttentionCases[] = {
    {"every head its own keys", 12, 12, 8, 8},
    {"grouped heads", 12, 2, 16, 16},
    {"one key-value head", 12, 1, 8, 8},
    {"latent sizes", 12, 12, 12, 8},
    {"window shorter than a chunk", 12, 4, 8, 8, 3},
    {"window longer than a chunk", 12, 4, 8, 8, 19},
    {"softcap", 12, 4, 8, 8, 0, 1.0},
    {"sinks within a window", 12, 4, 8, 8, 13, 0.0, true},
    {"documents", 12, 4, 8, 8, 0, 0.0, false, {1, 30, 3, 14, 48}},
    {"documents, window, softcap and sinks", 12, 4, 8, 8, 11, 1.5, true, {5, 43, 20, 20, 7, 1}},
};

struct AttentionInputs {
  at::Tensor q, k, v, sinks;

  AttentionInputs(const AttentionCase& c, at::ScalarType type)
      : q(random({2, c.heads, 48, c.head_dim}, 1, type)),
        k(random({2, c.kv_heads, 48, c.head_dim}, 2, type)),
        v(random({2, c.kv_heads, 48, c.v_dim}, 3, type)) {
    if (c.sinks) sinks = random({c.heads}, 4, at::kFloat);
  }
  std::vector<at::Tensor> leaves() {
    std::vector<at::Tensor> all = {q, k, v};
    if (sinks.defined()) all.push_back(sinks);
    for (const at::Tensor& x : all) x.set_requires_grad(true);
    return all;
  }
  // Rows one behind the other, as the decoder gives documents.
  void join_rows() {
    for (at::Tensor* x : {&q, &k, &v}) *x = x->transpose(0, 1).flatten(1, 2).unsqueeze(0);
  }
};

ops::AttentionOptions options_of(const AttentionCase& c, const AttentionInputs& x) {
  return {.scale = 0.35, .window = c.window, .softcap = c.softcap, .sinks_H = x.sinks};
}

// [B, H, T, D] or [1, H, B * T, D] -> this rank's tokens of it.
at::Tensor piece_of_heads(const ContextParallel& context, const at::Tensor& x, bool joined) {
  if (!joined) return context.piece(x.transpose(1, 2)).transpose(1, 2);
  const at::Tensor rows = x[0].transpose(0, 1).unflatten(0, {2, 48});
  return context.piece(rows).flatten(0, 1).transpose(0, 1).unsqueeze(0);
}

void check_attention(const ContextParallel& context, const AttentionCase& c, at::ScalarType type) {
  const bool joined = !c.documents.empty();
  AttentionInputs whole(c, type), mine = whole;
  if (joined) whole.join_rows();
  const auto leaves = whole.leaves();
  ops::AttentionOptions options = options_of(c, whole);
  std::optional<ops::Documents> documents;
  if (joined) options.documents = &documents.emplace(ops::make_documents(c.documents, at::kCPU));
  const at::Tensor out = ops::causal_attention(whole.q, whole.k, whole.v, options);
  const at::Tensor dout = random(out.sizes(), 5, type);
  const auto want = torch::autograd::grad({out}, leaves, {dout});

  for (at::Tensor* x : {&mine.q, &mine.k, &mine.v}) {
    const at::Tensor& all = x == &mine.q ? whole.q : x == &mine.k ? whole.k : whole.v;
    *x = piece_of_heads(context, all.detach(), joined).contiguous();
  }
  if (c.sinks) mine.sinks = mine.sinks.detach().clone();
  const auto own_leaves = mine.leaves();
  const at::Tensor rows = at::zeros({2, 48}, at::kLong);
  const auto part = context.part({rows, rows, c.documents});
  ops::AttentionOptions own_options = options_of(c, mine);
  own_options.part = part.get();
  const auto by_head = [&](const at::Tensor& x) {
    return x.unflatten(2, {c.heads, -1}).transpose(1, 2);
  };
  const at::Tensor own_out = ops::causal_attention(mine.q, mine.k, mine.v, own_options);
  const at::Tensor own_dout =
      piece_of_heads(context, by_head(dout), joined).transpose(1, 2).flatten(2);
  auto got = torch::autograd::grad({own_out}, own_leaves, {own_dout});

  const double bound = type == at::kFloat ? 1e-5 : 3e-2;
  const auto expect_same = [&](const at::Tensor& a, const at::Tensor& b, const char* what) {
    EXPECT_LE(relative_difference(a, b), bound) << c.name << ": " << what;
  };
  expect_same(by_head(own_out), piece_of_heads(context, by_head(out), joined), "output");
  const char* names[] = {"dq", "dk", "dv"};
  for (size_t i = 0; i < 3; ++i) {
    expect_same(got[i], piece_of_heads(context, want[i], joined), names[i]);
  }
  if (c.sinks) {
    // A parameter: its gradient is summed over the ranks.
    dist::Group& group = *context.group();
    group.all_reduce_sum(got[3]);
    expect_same(got[3], want[3], "dsinks");
  }
}

ContextParallelMethod method_of_test() {
  return dist::test_variable("METHOD") == "ulysses" ? ContextParallelMethod::kUlysses
                                                    : ContextParallelMethod::kRing;
}

RANK_BODY(attention_over_ranks) {
  const ContextParallel context(dist::borrow(group), method_of_test());
  for (const AttentionCase& c : kAttentionCases) {
    check_attention(context, c, at::kFloat);
    check_attention(context, c, at::kBFloat16);
  }
}

struct MethodCase {
  const char* method;
  int ranks;
};

class ContextParallelTest : public ::testing::TestWithParam<MethodCase> {
 protected:
  void expect_pass(const std::string& body) const {
    dist::expect_ranks_pass(body, GetParam().ranks, {std::string("METHOD=") + GetParam().method});
  }
};

TEST_P(ContextParallelTest, AttentionAndItsGradientsAreThoseOfOneRank) {
  expect_pass("attention_over_ranks");
}

// One decoder's loss and gradients, summed over the ranks, against the plain decoder's.
void check_decoder(const ContextParallel& context, const DecoderCase& c, Recompute recompute) {
  const RowBatch batch = batch_of(c);
  const auto plain = decoder_of(c), shared = decoder_of(c);
  shared->set_block_runner(make_block_runner({.recompute = recompute}));
  const at::Tensor want = ContextParallel().loss_sum(*plain, batch);
  want.backward();
  at::Tensor got = context.loss_sum(*shared, batch);
  got.backward();
  got = got.detach().clone();
  dist::Group& group = *context.group();
  group.all_reduce_sum(got);
  EXPECT_LE(relative_difference(got, want.detach()), 1e-6) << c.name;
  const auto theirs = plain->named_parameters();
  for (const auto& item : shared->named_parameters()) {
    at::Tensor sum = item.value().grad().contiguous();
    group.all_reduce_sum(sum);
    const at::Tensor difference = sum - theirs[item.key()].grad();
    EXPECT_LE(difference.norm().item<double>(),
              1e-5 * theirs[item.key()].grad().norm().item<double>() + 1e-6)
        << c.name << ": " << item.key();
  }
}

RANK_BODY(decoders_over_ranks) {
  const ContextParallel context(dist::borrow(group), method_of_test());
  for (const DecoderCase& c : kDecoderCases) {
    for (const auto recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock}) {
      check_decoder(context, c, recompute);
    }
  }
}

TEST_P(ContextParallelTest, ADecodersLossAndGradientsAreThoseOfOneRank) {
  expect_pass("decoders_over_ranks");
}

// As testing::probe_leak, of this rank's tokens: `first` says which belong to the first document.
testing::DocumentOutputs outputs_of_piece(Decoder& decoder,
                                          const ContextParallel& context,
                                          const RowBatch& batch) {
  decoder.zero_grad();
  const at::Tensor tokens_T = context.piece(batch.tokens_BT)[0];
  const at::Tensor is_first_T = context.piece(at::arange(batch.tokens_BT.size(1)).unsqueeze(0))[0] <
                                batch.document_lengths.front();
  const at::Tensor logits_TV =
      decoder.logits(decoder.hidden(tokens_T.unsqueeze(0), context.part(batch))).squeeze(0);
  const at::Tensor others_TV = logits_TV.index({is_first_T.logical_not()});
  at::cross_entropy_loss(
      others_TV, tokens_T.index({is_first_T.logical_not()}), {}, at::Reduction::Sum)
      .backward();
  testing::DocumentOutputs out{others_TV.detach(), logits_TV.index({is_first_T}).detach(), {}};
  for (const at::Tensor& parameter : decoder.parameters()) {
    out.gradients.push_back(parameter.grad().defined() ? parameter.grad().clone() : at::Tensor());
  }
  return out;
}

RANK_BODY(leak_over_ranks) {
  const ContextParallel context(dist::borrow(group), method_of_test());
  for (const DecoderCase& c : kDecoderCases) {
    if (c.spec().experts) continue;  // a token's expert sums over tokens of other documents
    const auto decoder = decoder_of(c);
    RowBatch batch{at::arange(48).mul(7).remainder(50).unsqueeze(0), {}, {17, 1, 14, 16}};
    const auto before = outputs_of_piece(*decoder, context, batch);
    batch.tokens_BT = batch.tokens_BT.clone();
    batch.tokens_BT[0][2] = 49;
    const auto after = outputs_of_piece(*decoder, context, batch);
    const auto largest = [](const at::Tensor& a, const at::Tensor& b) {
      return a.numel() == 0 ? 0.0 : (a - b).abs().max().item<double>();
    };
    EXPECT_EQ(largest(before.logits_TV, after.logits_TV), 0.0) << c.name;
    EXPECT_EQ(testing::gradient_change(before, after), 0.0) << c.name;
    // It does go on to other ranks that hold tokens of its own document.
    const double reached = largest(before.first_TV, after.first_TV) > 0 ? 1 : 0;
    EXPECT_GE(group.sum(reached), 2) << c.name;
  }
}

TEST_P(ContextParallelTest, AChangedTokenStaysInItsDocument) { expect_pass("leak_over_ranks"); }

const MethodCase kMethodCases[] = {
    {"ring", 2}, {"ring", 3}, {"ring", 4}, {"ulysses", 2}, {"ulysses", 3}, {"ulysses", 4}};

INSTANTIATE_TEST_SUITE_P(Methods,
                         ContextParallelTest,
                         ::testing::ValuesIn(kMethodCases),
                         [](const auto& info) {
                           return info.param.method + std::to_string(info.param.ranks);
                         });

RANK_BODY(rank_1_leaves_before_backward) {
  const ContextParallel context(dist::borrow(group), ContextParallelMethod::kRing);
  const at::Tensor loss =
      context.loss_sum(*decoder_of(kDecoderCases[0]), batch_of(kDecoderCases[0]));
  if (group.rank() == 1) ::pause();
  loss.backward();
}

TEST(ContextParallel, ABackwardWithoutItsNeighbourFailsWithinTheTimeout) {
  dist::RankRun run{"rank_1_leaves_before_backward", 2, 2, {}, ""};
  EXPECT_EQ(dist::run_ranks(run), kExitFailure);
  EXPECT_THAT(run.output, ::testing::HasSubstr("rank 0 of 2: shift failed"));
}

TEST(ContextParallel, OneRankIsThePlainModel) {
  const ContextParallel alone;
  const RowBatch batch = batch_of(kDecoderCases[0]);
  EXPECT_EQ(alone.size(), 1);
  EXPECT_EQ(alone.part(batch), nullptr);
  EXPECT_TRUE(alone.piece(batch.tokens_BT).is_same(batch.tokens_BT));
}

}  // namespace
}  // namespace ropewalk::parallel
