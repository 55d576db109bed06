// Reads, writes and computes rope fields for the Python tests: a JSON list of
// {config, context, lengths, write} on standard input, one answer each on standard output.
#include <iostream>
#include <iterator>

#include "ropewalk/base/errors.h"
#include "ropewalk/rope/frequencies.h"
#include "ropewalk/rope/hf_rope.h"

namespace ropewalk {
namespace {

RopeContext context_of(const Json& json, const Json& config) {
  RopeContext context;
  context.head_dim = json.at("head_dim").get<int64_t>();
  context.window_key = json.value("window_key", context.window_key);
  context.max_position_embeddings = config.value(context.window_key, int64_t{2048});
  context.default_theta = json.value("default_theta", context.default_theta);
  context.partial_rotary_allowed = json.value("partial_rotary_allowed", false);
  context.default_partial_rotary_factor = json.value("default_partial_rotary_factor", 1.0);
  if (json.contains("rotary_dims")) context.rotary_dims = json["rotary_dims"].get<int64_t>();
  context.layer_type = json.value("layer_type", "");
  context.main = json.value("main", true);
  context.theta_key = json.value("theta_key", context.theta_key);
  context.partial_key = json.value("partial_key", context.partial_key);
  context.hears_alpha = json.value("hears_alpha", false);
  context.hears_mscales = json.value("hears_longrope_mscale", false);
  context.scaling_expressible = json.value("scaling_expressible", true);
  return context;
}

Json items(const std::vector<Diagnostics::Item>& list) {
  Json texts = Json::array();
  for (const Diagnostics::Item& item : list) texts.push_back(item.where + ": " + item.text);
  return texts;
}

Json tables(const RopeParameters& rope, const Json& lengths) {
  Json all = Json::array();
  for (const Json& length : lengths) {
    const RopeTable table = make_rope_table(rope, length.get<int64_t>());
    all.push_back({{"inverse_frequencies", table.inverse_frequencies},
                   {"attention_factor", table.attention_factor}});
  }
  return all;
}

// Contexts: one, or one per layer type with the main one first.
Json answer(const Json& question) {
  const Json& config = question.at("config");
  Json out = {{"ropes", Json::array()}};
  Diagnostics diagnostics;
  std::vector<LayerTypeRope> ropes;
  for (const Json& json : question.at("contexts")) {
    const RopeContext context = context_of(json, config);
    ropes.push_back({read_hf_rope(config, context, diagnostics).now, context});
  }
  out["errors"] = items(diagnostics.errors());
  out["warnings"] = items(diagnostics.warnings());
  if (!diagnostics.ok()) return out;
  Json written = config;
  if (ropes.size() > 1) {
    write_hf_rope(ropes, written);
  } else {
    write_hf_rope(ropes.front().rope, written, ropes.front().context);
  }
  out["written"] = written;
  out["foreign_reader_remarks"] = foreign_reader_remarks(written);
  out["same_again"] = true;
  Diagnostics again;
  for (const LayerTypeRope& one : ropes) {
    out["ropes"].push_back({{"original", one.rope.original_max_position_embeddings},
                            {"window", one.rope.max_position_embeddings},
                            {"tables", tables(one.rope, question.at("lengths"))}});
    RopeContext context = one.context;
    context.max_position_embeddings = written[context.window_key].get<int64_t>();
    const RopeReading reading = read_hf_rope(written, context, again);
    if (!(reading.now == one.rope) || reading.edited()) out["same_again"] = false;
  }
  out["warnings_again"] = items(again.warnings());
  out["errors_again"] = items(again.errors());
  return out;
}

}  // namespace
}  // namespace ropewalk

int main() {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  ropewalk::Json answers = ropewalk::Json::array();
  for (const ropewalk::Json& question : ropewalk::parse_json(text, "standard input")) {
    answers.push_back(ropewalk::answer(question));
  }
  std::cout << answers.dump() << "\n";
}
