#include "spec/family_reader.h"

#include <algorithm>

#include "ropewalk/base/text.h"
#include "spec/quantization_config.h"

namespace ropewalk {
namespace {

struct ActivationName {
  const char* name;
  Activation activation;
};

// transformers' names. The tanh forms of GELU differ in the order of operations only.
constexpr ActivationName kActivations[] = {
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_fast", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"gelu_python_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
    {"relu2", Activation::kRelu2},
    {"xielu", Activation::kXielu},
};

std::string activation_names() {
  std::vector<std::string> names;
  for (const ActivationName& known : kActivations) names.emplace_back(known.name);
  return join(names, ", ");
}

}  // namespace

FamilyReader::FamilyReader(const Json& config,
                           const std::string& model_type,
                           Diagnostics& diagnostics)
    : config_(config),
      diagnostics_(diagnostics),
      values_(config, "", diagnostics),
      keys_(common_config_keys()) {
  reading_.spec.model_type = model_type;
  reading_.spec.initializer_range = number("initializer_range", 0.02);
  if (!(spec().initializer_range >= 0.0 && spec().initializer_range <= 1.0)) {
    fault("initializer_range",
          "found " + format_number(spec().initializer_range) + "; expected 0 to 1");
  }
}

int64_t FamilyReader::size(const std::string& key, int64_t fallback) {
  const auto value = optional_size(key);
  if (!value && fallback == 0 && !has(key)) fault(key, "is missing; this model_type needs it");
  return value.value_or(fallback);
}

int64_t FamilyReader::count(const std::string& key, int64_t fallback) {
  keys_.read.push_back(key);
  const int64_t value = values_.integer(key).value_or(fallback);
  if (value < 0) fault(key, "found " + std::to_string(value) + "; expected a number >= 0");
  return std::max<int64_t>(value, 0);
}

double FamilyReader::number(const std::string& key, double fallback) {
  return optional_number(key).value_or(fallback);
}

double FamilyReader::positive(const std::string& key, double fallback) {
  keys_.read.push_back(key);
  return values_.number_above_zero(key).value_or(fallback);
}

bool FamilyReader::flag(const std::string& key, bool fallback) {
  keys_.read.push_back(key);
  return values_.boolean(key).value_or(fallback);
}

std::string FamilyReader::text(const std::string& key, const std::string& fallback) {
  keys_.read.push_back(key);
  return values_.text(key).value_or(fallback);
}

std::optional<int64_t> FamilyReader::optional_size(const std::string& key) {
  keys_.read.push_back(key);
  return values_.positive_integer(key);
}

std::optional<double> FamilyReader::optional_number(const std::string& key) {
  keys_.read.push_back(key);
  return values_.number(key);
}

std::optional<int64_t> FamilyReader::size_or_null(const std::string& key,
                                                  std::optional<int64_t> fallback) {
  return config_.contains(key) ? optional_size(key) : fallback;
}

std::optional<double> FamilyReader::number_or_null(const std::string& key,
                                                   std::optional<double> fallback) {
  return config_.contains(key) ? optional_number(key) : fallback;
}

std::vector<std::string> FamilyReader::texts(const std::string& key) {
  keys_.read.push_back(key);
  const Json* value = values_.find(key);
  if (!value) return {};
  const bool good =
      value->is_array() &&
      std::all_of(value->begin(), value->end(), [](const Json& one) { return one.is_string(); });
  if (good) return value->get<std::vector<std::string>>();
  fault(key, "found " + value->dump() + "; expected a list of texts");
  return {};
}

std::vector<int64_t> FamilyReader::counts(const std::string& key) {
  keys_.read.push_back(key);
  const Json* value = values_.find(key);
  if (!value) return {};
  const bool good =
      value->is_array() && std::all_of(value->begin(), value->end(), [](const Json& one) {
        return one.is_number_integer() && one.get<int64_t>() >= 0;
      });
  if (good) return value->get<std::vector<int64_t>>();
  fault(key, "found " + value->dump() + "; expected a list of whole numbers >= 0");
  return {};
}

bool FamilyReader::has(const std::string& key) const { return values_.find(key) != nullptr; }

void FamilyReader::ignore(const std::vector<std::string>& keys) {
  keys_.inert.insert(keys_.inert.end(), keys.begin(), keys.end());
}

void FamilyReader::expect(const std::string& key, const std::vector<Json>& values) {
  keys_.neutral.push_back({key, values});
}

void FamilyReader::sizes(const DefaultSizes& defaults, const SizeKeys& keys) {
  DecoderSpec& spec = reading_.spec;
  spec.vocab_size = size("vocab_size", defaults.vocab);
  spec.hidden_size = size(keys.hidden, defaults.hidden);
  if (!keys.inner.empty()) spec.intermediate_size = size(keys.inner, defaults.inner);
  spec.num_layers = size(keys.layers, defaults.layers);
  spec.num_heads = size(keys.heads, defaults.heads);
  spec.num_kv_heads =
      keys.kv_heads.empty()
          ? spec.num_heads
          : size(keys.kv_heads,
                 defaults.kv_heads > 0 ? defaults.kv_heads : std::max<int64_t>(1, spec.num_heads));
  const int64_t share = spec.hidden_size / std::max<int64_t>(1, spec.num_heads);
  spec.head_dim =
      size("head_dim", defaults.head_dim > 0 ? defaults.head_dim : std::max<int64_t>(1, share));
  window_ = size(keys.window, defaults.window);
  spec.layers.resize(static_cast<size_t>(spec.num_layers));
}

void FamilyReader::norm(NormKind kind, const std::string& eps_key, double eps) {
  NormSpec& norm = reading_.spec.norm;
  norm.kind = kind;
  norm.eps = positive(eps_key, eps);
  norm.bias = kind == NormKind::kLayer;
}

void FamilyReader::activation(const std::string& key, const std::string& fallback) {
  const std::string name = text(key, fallback);
  for (const ActivationName& known : kActivations) {
    if (name == known.name) {
      reading_.spec.activation = known.activation;
      return;
    }
  }
  fault(key, "found \"" + name + "\"; expected one of " + activation_names());
}

void FamilyReader::dropout(const std::string& key, double fallback) {
  const double value = number(key, fallback);
  if (!(value >= 0.0 && value < 1.0)) {
    fault(key, "found " + format_number(value) + "; expected 0 <= x < 1");
  } else if (value > 0.0) {
    reading_.spec.dropouts.emplace_back(key, value);
  }
}

void FamilyReader::ties(bool fallback) {
  reading_.spec.tied_embeddings = flag("tie_word_embeddings", fallback);
}

void FamilyReader::tokens(std::optional<int64_t> bos, std::optional<int64_t> eos) {
  keys_.read.insert(keys_.read.end(), {"bos_token_id", "eos_token_id"});
  DecoderSpec& spec = reading_.spec;
  constexpr int64_t kNone = -1;
  spec.bos_token_id =
      read_token_id(config_, "bos_token_id", bos.value_or(kNone), spec.vocab_size, diagnostics_);
  spec.eos_token_ids =
      read_token_ids(config_, "eos_token_id", eos.value_or(kNone), spec.vocab_size, diagnostics_);
}

std::vector<bool> FamilyReader::windows(std::optional<int64_t> window,
                                        const std::function<bool(int64_t)>& fallback) {
  DecoderSpec& spec = reading_.spec;
  std::vector<std::string> types = texts("layer_types");
  if (!types.empty() && types.size() != spec.layers.size()) {
    fault("layer_types",
          "has " + std::to_string(types.size()) + " entries; expected one for each of the " +
              std::to_string(spec.num_layers) + " layers");
    types.clear();
  }
  std::vector<bool> slides(spec.layers.size());
  for (size_t i = 0; i < slides.size(); ++i) {
    slides[i] = types.empty() ? fallback(static_cast<int64_t>(i)) : types[i] == "sliding_attention";
    if (!types.empty() && !slides[i] && types[i] != "full_attention") {
      fault("layer_types",
            "found \"" + types[i] + "\"; expected full_attention or sliding_attention");
    }
    if (slides[i] && window) spec.layers[i].window = *window;
  }
  return slides;
}

void FamilyReader::window_everywhere(std::optional<int64_t> window) {
  for (LayerSpec& layer : reading_.spec.layers) layer.window = window.value_or(0);
}

std::optional<int64_t> FamilyReader::switched_window(std::optional<int64_t> fallback) {
  ignore({"sliding_window"});
  return flag("use_sliding_window", false) ? size_or_null("sliding_window", fallback)
                                           : std::nullopt;
}

void FamilyReader::rope(RopeContext context) {
  prepare(context);
  reading_.rope = read_hf_rope(config_, context, diagnostics_);
  reading_.spec.rope = reading_.rope.now;
  reading_.contexts = {std::move(context)};
}

void FamilyReader::local_rope(RopeContext context) {
  prepare(context);
  context.main = false;
  reading_.spec.local_rope = read_hf_rope(config_, context, diagnostics_).now;
  reading_.contexts.push_back(std::move(context));
}

void FamilyReader::prepare(RopeContext& context) {
  if (context.head_dim == 0) context.head_dim = reading_.spec.head_dim;
  context.max_position_embeddings = window_;
  for (const std::string& key : {context.theta_key, context.partial_key}) {
    if (!key.empty()) keys_.read.push_back(key);
  }
}

void FamilyReader::choose_sparse_layers() {
  const int64_t step = size("decoder_sparse_step", 1);
  const std::vector<int64_t> dense = counts("mlp_only_layers");
  for (int64_t i = 0; i < reading_.spec.num_layers; ++i) {
    const bool listed = std::find(dense.begin(), dense.end(), i) != dense.end();
    reading_.spec.layers[static_cast<size_t>(i)].experts = !listed && (i + 1) % step == 0;
  }
}

ExpertsSpec& FamilyReader::experts(const ExpertKeys& keys) {
  DecoderSpec& spec = reading_.spec;
  ExpertsSpec& experts = spec.experts.emplace();
  experts.num_experts = size(keys.count, keys.default_count);
  experts.experts_per_token = size("num_experts_per_tok", keys.default_per_token);
  experts.intermediate_size = size(keys.inner, keys.default_inner);
  const double loss = number("router_aux_loss_coef", keys.default_loss);
  if (flag("output_router_logits", false)) experts.auxiliary_loss = loss;
  if (experts.experts_per_token > experts.num_experts) {
    fault("num_experts_per_tok",
          "found " + std::to_string(experts.experts_per_token) + "; there are only " +
              std::to_string(experts.num_experts) + " experts");
  }
  for (LayerSpec& layer : spec.layers) layer.experts = true;
  return experts;
}

void FamilyReader::check_heads() {
  const DecoderSpec& spec = reading_.spec;
  if (spec.num_kv_heads < 1 || spec.num_heads % spec.num_kv_heads != 0) {
    fault("num_key_value_heads",
          "found " + std::to_string(spec.num_kv_heads) +
              "; expected a divisor of num_attention_heads (" + std::to_string(spec.num_heads) +
              ")");
  }
  if (spec.rope.rotary_dims % 2 != 0) {
    fault("head_dim",
          "gives " + std::to_string(spec.rope.rotary_dims) +
              " rotary dimensions; expected an even number: rotary positions turn pairs");
  }
}

void FamilyReader::check_groups() {
  if (!reading_.spec.experts) return;
  const ExpertsSpec& experts = *reading_.spec.experts;
  if (experts.num_experts % experts.num_groups != 0) {
    fault("n_group",
          "found " + std::to_string(experts.num_groups) + "; expected a divisor of the " +
              std::to_string(experts.num_experts) + " experts");
  }
  if (experts.groups_per_token > experts.num_groups) {
    fault("topk_group",
          "found " + std::to_string(experts.groups_per_token) + "; there are only " +
              std::to_string(experts.num_groups) + " groups");
  }
}

SpecReading FamilyReader::finish() {
  keys_.read.push_back("quantization_config");
  reading_.quantization = read_quantization(config_, has_mxfp4_, diagnostics_);
  check_config_keys(config_, keys_, diagnostics_);
  check_heads();
  check_groups();
  return std::move(reading_);
}

}  // namespace ropewalk
