#include "ropewalk/settings/evaluation_tags.h"

#include <algorithm>
#include <fstream>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

std::string at(const std::string& name, int64_t length) {
  return name + "@" + std::to_string(length);
}

bool is_evaluation_at(int64_t step, const Json& line) {
  if (!line.is_object() || line.value("step", Json()) != step) return false;
  const auto items = line.items();
  return std::any_of(items.begin(), items.end(), [](const auto& item) {
    return item.key().starts_with(kEvaluationPrefix);
  });
}

}  // namespace

std::string perplexity_tag(int64_t window) { return at("perplexity", window); }
std::string perplexity_tag(int64_t window, double factor) {
  return perplexity_tag(window) + "/factor_" + format_number(factor);
}
std::string passkey_tag(int64_t window) { return at("passkey", window); }
std::string passkey_found_tag(int64_t window) { return at("passkey_found", window); }
std::string needle_tag(int64_t length) { return at("needle", length); }
std::string recall_tag(const std::string& task, int64_t length) {
  return at("recall_" + task, length);
}
std::string choices_tag(const std::string& file) { return "choices/" + file; }
std::string choices_by_length_tag(const std::string& file) { return "choices_by_length/" + file; }

std::vector<std::string> evaluation_tags(const EvalConfig& config,
                                         bool has_validation,
                                         const EvaluationTasks& tasks) {
  std::vector<std::string> tags;
  for (const int64_t window : has_validation ? config.windows : std::vector<int64_t>{}) {
    if (config.factors.empty()) tags.push_back(perplexity_tag(window));
    for (const double factor : config.factors) tags.push_back(perplexity_tag(window, factor));
  }
  for (const PasskeyOptions& passkey : tasks.passkey) {
    tags.push_back(passkey_tag(passkey.window));
    tags.push_back(passkey_found_tag(passkey.window));
  }
  for (const int64_t length : tasks.needle.lengths) tags.push_back(needle_tag(length));
  for (const char* task : kRecallTasks) {
    for (const int64_t length : tasks.recall.lengths) tags.push_back(recall_tag(task, length));
  }
  for (const QuestionFile& file : tasks.choices) {
    tags.push_back(choices_tag(file.name));
    tags.push_back(choices_by_length_tag(file.name));
  }
  return tags;
}

std::optional<Json> find_evaluation(const std::filesystem::path& metrics_file, int64_t step) {
  std::ifstream file(metrics_file);
  std::optional<Json> found;
  for (std::string text; std::getline(file, text);) {
    Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (is_evaluation_at(step, line)) found = std::move(line);
  }
  return found;
}

}  // namespace ropewalk
