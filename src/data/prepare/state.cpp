#include "data/prepare/state.h"

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

constexpr const char* kFormat = "ropewalk-prepare-progress";
constexpr int kVersion = 2;

bool goes_on_before(const PartState& a, const PartState& b) { return a.next < b.next; }

Json part_json(const PartState& part) {
  Json inputs = Json::array();
  for (const InputCounts& input : part.inputs) {
    inputs.push_back({{"documents", input.documents},
                      {"tokens", input.tokens},
                      {"text_bytes", input.text_bytes}});
  }
  return {{"name", part.name},
          {"next", {{"input", part.next.input}, {"document", part.next.document}}},
          {"shards", shard_entries(part.shards)},
          {"inputs", std::move(inputs)}};
}

ShardEntry read_shard(const Json& json) {
  return {json.at("file").get<std::string>(),
          json.at("tokens").get<int64_t>(),
          json.at("documents").get<int64_t>(),
          json.at("hash").get<std::string>()};
}

PartState read_part(const Json& json) {
  PartState part;
  part.name = json.at("name").get<std::string>();
  part.next = {json.at("next").at("input").get<int64_t>(),
               json.at("next").at("document").get<int64_t>()};
  for (const Json& shard : json.at("shards")) part.shards.push_back(read_shard(shard));
  for (const Json& input : json.at("inputs")) {
    part.inputs.push_back({input.at("documents").get<int64_t>(),
                           input.at("tokens").get<int64_t>(),
                           input.at("text_bytes").get<int64_t>()});
  }
  return part;
}

std::string input_difference(const Json& before, const Json& now) {
  for (size_t i = 0; i < now.size() && i < before.size(); ++i) {
    if (before[i] == now[i]) continue;
    const bool same_file = before[i].at("path") == now[i].at("path");
    return "input " + now[i].at("path").get<std::string>() +
           (same_file ? " was changed"
                      : " stands where " + before[i].at("path").get<std::string>() + " stood");
  }
  return "there were " + std::to_string(before.size()) + " inputs, now there are " +
         std::to_string(now.size());
}

}  // namespace

int64_t BadLines::total() const {
  int64_t sum = 0;
  for (const int64_t count : counts) sum += count;
  return sum;
}

InputCounts PartState::total() const {
  InputCounts sum;
  for (const InputCounts& input : inputs) {
    sum.documents += input.documents;
    sum.tokens += input.tokens;
    sum.text_bytes += input.text_bytes;
  }
  return sum;
}

InputPosition PrepareState::smallest_next() const {
  return std::min_element(parts.begin(), parts.end(), goes_on_before)->next;
}

InputPosition PrepareState::largest_next() const {
  return std::max_element(parts.begin(), parts.end(), goes_on_before)->next;
}

Json prepare_identity(const PrepareOptions& options,
                      const InputList& inputs,
                      const Tokenizer& tokenizer) {
  Json files = Json::array();
  for (const InputFile& file : inputs.files) {
    files.push_back({{"path", std::filesystem::absolute(file.path).lexically_normal().string()},
                     {"size", file.size_bytes},
                     {"modified_ns", file.modified_ns}});
  }
  const auto& format = options.text.kind_if_unknown;
  return {{"program", ROPEWALK_VERSION},
          {"tokenizer_hash", tokenizer.hash()},
          {"vocab_size", tokenizer.vocab_size()},
          {"options",
           {{"encoding", options.encoding},
            {"field", options.text.text_field},
            {"whole_line", options.text.whole_line},
            {"format", format ? static_cast<int>(*format) : -1},
            {"max_line_bytes", options.text.max_line_bytes},
            {"max_document_bytes", options.text.max_document_bytes},
            {"strict", options.strict},
            {"shard_tokens", options.shard_tokens},
            {"validation_fraction", options.validation_fraction},
            {"split_seed", options.split_seed}}},
          {"inputs", std::move(files)}};
}

std::string identity_difference(const Json& before, const Json& now) {
  for (const auto& [key, value] : now.items()) {
    if (before.contains(key) && before.at(key) == value) continue;
    if (!before.contains(key)) return "'" + key + "' is not recorded";
    if (key == "inputs") return input_difference(before.at(key), value);
    if (key == "tokenizer_hash" || key == "vocab_size") return "the tokenizer is another one";
    if (key == "options") {
      for (const auto& [name, option] : value.items()) {
        const Json& old = before.at(key).value(name, Json());
        if (old != option) return "'" + name + "' was " + old.dump() + ", now " + option.dump();
      }
    }
    return "'" + key + "' was " + before.at(key).dump() + ", now " + value.dump();
  }
  return "";
}

Json shard_entries(const std::vector<ShardEntry>& shards) {
  Json entries = Json::array();
  for (const ShardEntry& shard : shards) {
    entries.push_back({{"file", shard.file},
                       {"tokens", shard.tokens},
                       {"documents", shard.documents},
                       {"hash", shard.hash}});
  }
  return entries;
}

std::string to_progress_text(const PrepareState& state) {
  Json parts = Json::array();
  for (const PartState& part : state.parts) parts.push_back(part_json(part));
  return to_json_text({{"format", kFormat},
                       {"version", kVersion},
                       {"identity", state.identity},
                       {"publishing", state.publishing},
                       {"parts", std::move(parts)},
                       {"bad_lines", {{"inputs", state.bad.counts}, {"first", state.bad.first}}}});
}

PrepareState read_progress(const std::filesystem::path& file) {
  try {
    const Json json = read_json_file(file);
    if (json.at("format") != kFormat || json.at("version") != kVersion) {
      throw DataError(file.string() + ": was written by another version");
    }
    PrepareState state;
    state.identity = json.at("identity");
    state.publishing = json.at("publishing").get<bool>();
    for (const Json& part : json.at("parts")) state.parts.push_back(read_part(part));
    const Json& bad = json.at("bad_lines");
    state.bad.counts = bad.at("inputs").get<std::vector<int64_t>>();
    state.bad.first = bad.at("first").get<std::vector<std::string>>();
    return state;
  } catch (const Json::exception& error) {
    throw DataError(file.string() + ": not what `prepare` writes: " + error.what());
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
}

}  // namespace ropewalk
