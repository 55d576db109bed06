// Token files and folders of them, as `inspect` shows them.
#pragma once

#include <filesystem>
#include <string>

#include "ropewalk/base/json.h"
#include "ropewalk/formats/token_store.h"

namespace ropewalk::cli {

// Totals and the lengths of documents. Of a folder: of all its files together, and each one's
// totals. Tokens are not read, except to find the separators of files without an index.
Json inspect_token_file(const std::filesystem::path& path, const TokenFileOptions& options);
Json inspect_token_folder(const std::filesystem::path& folder, const TokenFileOptions& options);

// The table for people of what the key `document_lengths` holds.
void print_document_lengths(const Json& lengths, const std::string& indent);

}  // namespace ropewalk::cli
