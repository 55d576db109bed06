#include "ropewalk/config/description.h"

#include <algorithm>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

std::string quoted_choices(const std::vector<std::string>& choices) {
  std::vector<std::string> quoted;
  for (const std::string& choice : choices) quoted.push_back('"' + choice + '"');
  return join(quoted, ", ");
}

std::string noun(ValueType::Kind kind, bool plural) {
  switch (kind) {
    case ValueType::Kind::kBool:
      return plural ? "values true or false" : "true or false";
    case ValueType::Kind::kInteger:
      return plural ? "integers" : "an integer";
    case ValueType::Kind::kNumber:
      return plural ? "numbers" : "a number";
    case ValueType::Kind::kString:
    case ValueType::Kind::kChoice:
      return plural ? "strings" : "a string";
    case ValueType::Kind::kList:
      return plural ? "lists" : "a list";
    case ValueType::Kind::kObject:
      return plural ? "objects" : "an object";
  }
  return "a value";
}

}  // namespace

const Rule* find_rule(const Rules& rules, RuleKind kind) {
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) { return rule.kind == kind; });
  return found == rules.end() ? nullptr : &*found;
}

bool is_required(const FieldDescription& field) {
  return find_rule(field.rules, RuleKind::kRequired) != nullptr ||
         std::any_of(field.children.begin(), field.children.end(), is_required);
}

std::vector<std::string> choices_of(const ValueType& type, const Rules& rules) {
  if (type.kind == ValueType::Kind::kChoice) return type.choices;
  const Rule* rule = find_rule(rules, RuleKind::kOneOf);
  return rule ? split(rule->text, '|') : std::vector<std::string>{};
}

std::string bounds_text(const Rules& rules) {
  std::vector<std::string> bounds;
  for (const Rule& rule : rules) {
    const std::string bound = format_number(rule.bound);
    if (rule.kind == RuleKind::kGreaterThan) bounds.push_back("> " + bound);
    if (rule.kind == RuleKind::kAtLeast) bounds.push_back(">= " + bound);
    if (rule.kind == RuleKind::kLessThan) bounds.push_back("< " + bound);
    if (rule.kind == RuleKind::kAtMost) bounds.push_back("<= " + bound);
  }
  return join(bounds, ", ");
}

std::string expectation_text(const ValueType& type, const Rules& rules) {
  const bool list = type.kind == ValueType::Kind::kList;
  const ValueType& value = list ? type.element[0] : type;
  std::string text = noun(value.kind, list);
  if (list) {
    text = "a list of " + (type.length ? std::to_string(type.length) + " " : "") + text;
  }
  const std::vector<std::string> choices = choices_of(value, rules);
  if (!choices.empty()) {
    text = (list                 ? text + " out of "
            : choices.size() > 1 ? "one of "
                                 : "") +
           quoted_choices(choices);
  }
  const std::string bounds = bounds_text(rules);
  if (!bounds.empty()) text += (list ? ", each " : " ") + bounds;
  if (find_rule(rules, RuleKind::kNotEmpty)) text += list ? ", none empty" : " that is not empty";
  return text;
}

std::vector<std::string> value_paths(const std::vector<FieldDescription>& fields,
                                     const std::string& prefix) {
  std::vector<std::string> paths;
  for (const FieldDescription& field : fields) {
    const std::string path = prefix.empty() ? field.name : prefix + "." + field.name;
    if (field.children.empty()) {
      paths.push_back(path);
      continue;
    }
    for (std::string& child : value_paths(field.children, path)) paths.push_back(std::move(child));
  }
  return paths;
}

const FieldDescription* find_field(const std::vector<FieldDescription>& fields,
                                   const std::string& path) {
  const size_t dot = path.find('.');
  const std::string name = path.substr(0, dot);
  for (const FieldDescription& field : fields) {
    if (field.name != name) continue;
    return dot == std::string::npos ? &field : find_field(field.children, path.substr(dot + 1));
  }
  return nullptr;
}

}  // namespace ropewalk
