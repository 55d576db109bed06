#include "ropewalk/base/text.h"
#include "ropewalk/config/description.h"

namespace ropewalk {
namespace {

std::string table_cell(const std::string& text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string code(const std::string& text) { return "`" + text + "`"; }

std::string type_text(const ValueType& type, const Rules& rules) {
  std::vector<std::string> choices;
  for (const std::string& choice : choices_of(type, rules)) choices.push_back(code(choice));
  if (!choices.empty()) return join(choices, ", ");
  switch (type.kind) {
    case ValueType::Kind::kBool:
      return "true or false";
    case ValueType::Kind::kInteger:
      return "integer";
    case ValueType::Kind::kNumber:
      return "number";
    case ValueType::Kind::kString:
    case ValueType::Kind::kChoice:
      return "string";
    case ValueType::Kind::kList:
      return "list of " + (type.length ? std::to_string(type.length) + " " : "") +
             type_text(type.element[0], {}) + "s";
    case ValueType::Kind::kObject:
      return "section";
  }
  return "";
}

std::string default_text(const FieldDescription& field) {
  if (const Rule* rule = find_rule(field.rules, RuleKind::kUnsetMeans)) {
    return std::string(rule->text);
  }
  if (is_required(field)) return "none: must be given";
  if (!field.children.empty()) return "below";
  const Json& value = field.default_value;
  if (field.type.kind == ValueType::Kind::kChoice) return code(value.get<std::string>());
  return value.is_number_float() ? code(format_number(value.get<double>())) : code(value.dump());
}

std::string rule_text(const FieldDescription& field, bool section_may_change) {
  std::vector<std::string> parts;
  const std::string bounds = bounds_text(field.rules);
  if (!bounds.empty()) {
    parts.push_back(field.type.kind == ValueType::Kind::kList ? "each " + bounds : bounds);
  }
  if (find_rule(field.rules, RuleKind::kNotEmpty)) {
    parts.push_back(field.type.kind == ValueType::Kind::kList ? "none empty" : "not empty");
  }
  if (!section_may_change && find_rule(field.rules, RuleKind::kMayChangeOnResume)) {
    parts.push_back("may change on resume");
  }
  return join(parts, "; ");
}

struct Place {
  std::string heading;      // "##"
  std::string path;         // "train."
  bool may_change = false;  // on resume, every key
};

// A table, and one below it for each section inside.
std::string section_markdown(const FieldDescription& section, const Place& place) {
  const bool may_change =
      place.may_change || find_rule(section.rules, RuleKind::kMayChangeOnResume) != nullptr;
  const std::string path = place.path + section.name;
  std::string page = "\n" + place.heading + " " + code(path) + "\n\n" + section.help;
  if (may_change) page += " Every key here may change on resume.";
  page += "\n\n| key | type | default | rule | meaning |\n|---|---|---|---|---|\n";
  std::string inside;
  for (const FieldDescription& field : section.children) {
    page += "| " + code(field.name) + " | " + table_cell(type_text(field.type, field.rules)) +
            " | " + table_cell(default_text(field)) + " | " +
            table_cell(rule_text(field, may_change)) + " | " + table_cell(field.help) + " |\n";
    if (!field.children.empty()) {
      inside += section_markdown(field, {place.heading + "#", path + ".", may_change});
    }
  }
  return page + inside;
}

}  // namespace

std::string reference_markdown(const std::vector<FieldDescription>& fields,
                               const std::string& introduction) {
  std::string page = introduction;
  for (const FieldDescription& section : fields) {
    if (!section.children.empty()) page += section_markdown(section, {.heading = "##"});
  }
  return page;
}

}  // namespace ropewalk
