// Which column of a Parquet file holds the texts.
#pragma once

#include <parquet/schema.h>

#include <string>

namespace ropewalk {

// Index of the leaf column. DataError with `path` in front, see ParquetReader.
int find_text_column(const parquet::SchemaDescriptor& schema,
                     const std::string& field,
                     const std::string& path);

}  // namespace ropewalk
