#include "formats/parquet/parquet_column.h"

#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// Writers of old mark strings by no logical type at all.
bool is_text(const parquet::ColumnDescriptor& column) {
  if (column.physical_type() != parquet::Type::BYTE_ARRAY) return false;
  const auto& type = column.logical_type();
  return !type || type->is_none() || type->is_string() || type->is_JSON() || type->is_enum();
}

bool is_repeated(const parquet::ColumnDescriptor& column) {
  return column.max_repetition_level() > 0;
}

std::string type_of(const parquet::ColumnDescriptor& column) {
  const auto& logical = column.logical_type();
  return logical && !logical->is_none() ? logical->ToString()
                                        : parquet::TypeToString(column.physical_type());
}

int index_of(const parquet::SchemaDescriptor& schema, const std::string& field) {
  for (int i = 0; i < schema.num_columns(); ++i) {
    const auto parts = schema.Column(i)->path()->ToDotVector();
    if (parts.size() == 1 && parts[0] == field) return i;
  }
  for (int i = 0; i < schema.num_columns(); ++i) {
    if (schema.Column(i)->path()->ToDotString() == field) return i;
  }
  return -1;
}

bool is_group(const parquet::SchemaDescriptor& schema, const std::string& field) {
  for (int i = 0; i < schema.num_columns(); ++i) {
    if (schema.Column(i)->path()->ToDotString().starts_with(field + ".")) return true;
  }
  return false;
}

// What to do instead.
std::string other_columns(const parquet::SchemaDescriptor& schema) {
  constexpr size_t kMostNames = 20;
  std::vector<std::string> names;
  for (int i = 0; i < schema.num_columns() && names.size() <= kMostNames; ++i) {
    const parquet::ColumnDescriptor& column = *schema.Column(i);
    if (!is_text(column) || is_repeated(column)) continue;
    names.push_back(names.size() == kMostNames ? "..."
                                               : quoted_text(column.path()->ToDotString(), 60));
  }
  if (names.empty()) return "it has no text column, so leave the file out";
  return "name one of its text columns with --field: " + join(names, ", ");
}

}  // namespace

int find_text_column(const parquet::SchemaDescriptor& schema,
                     const std::string& field,
                     const std::string& path) {
  const int index = index_of(schema, field);
  if (index < 0 && is_group(schema, field)) {
    throw DataError(path + ": column '" + field +
                    "' is a struct or a list, expected one text a row; " + other_columns(schema));
  }
  if (index < 0) {
    throw DataError(path + ": has no column '" + field + "'; " + other_columns(schema));
  }
  const parquet::ColumnDescriptor& column = *schema.Column(index);
  if (is_repeated(column)) {
    throw DataError(path + ": column '" + field + "' lies in a list, expected one text a row; " +
                    other_columns(schema));
  }
  if (!is_text(column)) {
    throw DataError(path + ": column '" + field + "' is of type " + type_of(column) +
                    ", expected text; " + other_columns(schema));
  }
  return index;
}

}  // namespace ropewalk
