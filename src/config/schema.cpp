#include "ropewalk/config/description.h"

namespace ropewalk {
namespace {

const char* type_name(ValueType::Kind kind) {
  switch (kind) {
    case ValueType::Kind::kBool:
      return "boolean";
    case ValueType::Kind::kInteger:
      return "integer";
    case ValueType::Kind::kNumber:
      return "number";
    case ValueType::Kind::kString:
    case ValueType::Kind::kChoice:
      return "string";
    case ValueType::Kind::kList:
      return "array";
    case ValueType::Kind::kObject:
      return "object";
  }
  return "object";
}

// 1 rather than 1.0: easier to read, the same to a validator.
Json plain_number(double value) {
  const auto integer = static_cast<int64_t>(value);
  return static_cast<double>(integer) == value ? Json(integer) : Json(value);
}

Json value_schema(const ValueType& type, const Rules& rules) {
  Json schema = Json::object();
  const char* name = type_name(type.kind);
  schema["type"] = type.nullable ? Json::array({name, "null"}) : Json(name);
  if (type.kind == ValueType::Kind::kList) {
    schema["items"] = value_schema(type.element[0], rules);
    if (type.length > 0) schema["minItems"] = schema["maxItems"] = type.length;
    return schema;
  }
  Json choices = choices_of(type, rules);
  if (!choices.empty()) {
    if (type.nullable) choices.push_back(nullptr);
    schema["enum"] = std::move(choices);
  }
  for (const Rule& rule : rules) {
    const Json bound = plain_number(rule.bound);
    if (rule.kind == RuleKind::kGreaterThan) schema["exclusiveMinimum"] = bound;
    if (rule.kind == RuleKind::kAtLeast) schema["minimum"] = bound;
    if (rule.kind == RuleKind::kLessThan) schema["exclusiveMaximum"] = bound;
    if (rule.kind == RuleKind::kAtMost) schema["maximum"] = bound;
    if (rule.kind == RuleKind::kNotEmpty) schema["minLength"] = 1;
  }
  return schema;
}

Json object_schema(const std::vector<FieldDescription>& fields) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  Json properties = Json::object();
  Json required = Json::array();
  for (const FieldDescription& field : fields) {
    Json property = field.children.empty() ? value_schema(field.type, field.rules)
                                           : object_schema(field.children);
    property["description"] = field.help;
    const bool must = is_required(field);
    if (must) required.push_back(field.name);
    if (!must && field.children.empty() && !field.default_value.is_null()) {
      property["default"] = field.default_value;
    }
    properties[field.name] = std::move(property);
  }
  schema["properties"] = std::move(properties);
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace

Json json_schema(const std::vector<FieldDescription>& fields, const std::string& title) {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}};
  schema.update(object_schema(fields));
  return schema;
}

}  // namespace ropewalk
