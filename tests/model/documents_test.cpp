// Several documents in one row: none sees another, whatever a layer computes attention with.
#include <gmock/gmock.h>

#include "model/fixture.h"
#include "model/leak_probe.h"

namespace ropewalk {
namespace {

using testing::largest_difference;
using testing::Leak;
using testing::probe_leak;

DecoderSpec base_spec(int64_t head_dim) {
  DecoderSpec spec;
  spec.model_type = "llama";
  spec.vocab_size = 50;
  spec.hidden_size = 24;
  spec.intermediate_size = 40;
  spec.num_layers = 3;
  spec.layers.resize(3);
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = head_dim;
  spec.initializer_range = 0.3;
  spec.rope.head_dim = spec.rope.rotary_dims = head_dim;
  spec.rope.max_position_embeddings = spec.rope.original_max_position_embeddings = 64;
  return spec;
}

struct PathCase {
  const char* name;
  int64_t head_dim;
  void (*change)(DecoderSpec&);
  double bound = 0.0;  // relative; 0 = bit for bit
};

void with_experts(DecoderSpec& spec) {
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  spec.experts = ExpertsSpec{.num_experts = 6, .experts_per_token = 2, .intermediate_size = 20};
}

const PathCase kPaths[] = {
    {"OwnKernel", 16, [](DecoderSpec&) {}},
    {"AtenKernel", 6, [](DecoderSpec&) {}},
    {"Window",
     16,
     [](DecoderSpec& spec) {
       for (LayerSpec& layer : spec.layers) layer.window = 5;
     }},
    {"Softcap", 16, [](DecoderSpec& spec) { spec.attention_softcap = 2.0; }},
    {"Sinks",
     16,
     [](DecoderSpec& spec) {
       spec.attention_sinks = true;
       spec.layers[1].window = 4;
     }},
    {"QueryAndKeyNorm",
     16,
     [](DecoderSpec& spec) {
       spec.qk_norm = QkNorm::kHead;
       spec.qk_norm_spec = spec.norm;
     }},
    {"LayersOfTheirOwnRotation",
     16,
     [](DecoderSpec& spec) {
       spec.local_rope = spec.rope;
       spec.local_rope->theta = 100;
       spec.layers[0].rope = LayerRope::kLocal;
       spec.layers[1].rope = LayerRope::kNone;
     }},
    {"Interleaved", 16, [](DecoderSpec& spec) { spec.rope.layout = RopeLayout::kInterleaved; }},
    {"ParallelResidual",
     16,
     [](DecoderSpec& spec) { spec.residual = ResidualKind::kParallelShared; }},
    {"Latent",
     12,
     [](DecoderSpec& spec) {
       spec.latent =
           LatentSpec{.q_rank = 10, .kv_rank = 8, .nope_dim = 8, .rope_dim = 4, .value_dim = 6};
       spec.num_kv_heads = spec.num_heads;
       spec.rope.head_dim = spec.rope.rotary_dims = 4;
       spec.qk_norm_spec = spec.norm;
     }},
    {"Experts", 16, with_experts, 1e-6},
};

class DocumentPathTest : public ::testing::TestWithParam<PathCase> {
 protected:
  DecoderSpec spec() const {
    DecoderSpec spec = base_spec(GetParam().head_dim);
    GetParam().change(spec);
    return spec;
  }
  std::shared_ptr<Decoder> decoder(at::ScalarType type) const {
    DecoderOptions options;
    options.compute_dtype = type;
    options.device = testing::test_device();
    auto decoder = build_decoder(spec(), options);
    decoder->initialize(3);
    return decoder;
  }
  static at::Tensor tokens() {
    return at::arange(37).mul(7).remainder(50).to(testing::test_device());
  }
};

TEST_P(DocumentPathTest, AChangedTokenStaysInItsDocument) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const auto decoder = this->decoder(type);
    const Leak leak = probe_leak(*decoder, tokens(), {9, 1, 14, 13});
    EXPECT_GT(leak.own_logits, 0);
    EXPECT_LE(leak.logits, GetParam().bound * 10);
    EXPECT_LE(leak.gradients, GetParam().bound);
    EXPECT_LE(leak.alone, type == at::kFloat ? 1e-5 : 0.1);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths,
                         DocumentPathTest,
                         ::testing::ValuesIn(kPaths),
                         [](const auto& info) { return std::string(info.param.name); });

std::shared_ptr<const ops::Documents> documents_of(std::vector<int64_t> lengths) {
  return std::make_shared<ops::Documents>(
      ops::make_documents(std::move(lengths), testing::test_device()));
}

std::shared_ptr<Decoder> plain_decoder() {
  DecoderOptions options;
  options.device = testing::test_device();
  auto decoder = build_decoder(base_spec(16), options);
  decoder->initialize(5);
  return decoder;
}

TEST(DocumentsTest, RowsFollowOneAnother) {
  const auto decoder = plain_decoder();
  const at::Tensor tokens_BT =
      at::arange(24).mul(11).remainder(50).view({2, 12}).to(testing::test_device());
  const at::Tensor targets_BT = (tokens_BT + 1).remainder(50);
  const auto documents = documents_of({5, 7, 12});
  const at::Tensor both = decoder->hidden(tokens_BT, documents);
  EXPECT_EQ(both.sizes(), (at::IntArrayRef{2, 12, 24}));
  EXPECT_LE(largest_difference(both[1], decoder->hidden(tokens_BT.slice(0, 1))[0]), 1e-5);
  EXPECT_LE(largest_difference(both[0].slice(0, 5),
                               decoder->hidden(tokens_BT.slice(0, 0, 1).slice(1, 5))[0]),
            1e-5);
  const auto part = [&](int64_t row, int64_t begin, int64_t end) {
    const auto cut = [&](const at::Tensor& x) {
      return x.slice(0, row, row + 1).slice(1, begin, end).contiguous();
    };
    return decoder->loss_sum(cut(tokens_BT), cut(targets_BT)).item<double>();
  };
  EXPECT_NEAR(decoder->loss_sum(tokens_BT, targets_BT, documents).item<double>(),
              part(0, 0, 5) + part(0, 5, 12) + part(1, 0, 12),
              1e-3);
}

TEST(DocumentsTest, MustCoverTheTokens) {
  const auto decoder = plain_decoder();
  const at::Tensor tokens_BT = at::zeros({1, 12}, at::kLong).to(testing::test_device());
  EXPECT_ANY_THROW(decoder->hidden(tokens_BT, documents_of({5, 6})));
  EXPECT_ANY_THROW(documents_of({5, 0, 7}));
}

}  // namespace
}  // namespace ropewalk
