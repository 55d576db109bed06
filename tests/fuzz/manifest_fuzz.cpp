// manifest.json as it is, and again with the hash of its own bytes put right.
#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/formats/manifest.h"

namespace ropewalk::fuzz {
namespace {

constexpr std::string_view kHashField = ",\n  \"manifest_hash\": \"";

std::string with_own_hash(std::string_view text) {
  const std::string body(text.substr(0, text.rfind(kHashField)));
  return body + std::string(kHashField) + hash_text(body) + "\"\n}\n";
}

void verify(std::string_view text) {
  const auto folder = put_file("checkpoint/manifest.json", text).parent_path();
  const Diagnostics faults = verify_manifest(folder);
  if (!faults.ok()) return;
  for (const ManifestEntry& entry : read_manifest(folder).files) {
    ROPEWALK_CHECK(entry.path == "a.txt", "a file that is not there was found sound");
  }
}

}  // namespace

void fuzz_manifest(std::string_view input) {
  put_file("checkpoint/a.txt", "a");
  verify(input);
  verify(with_own_hash(input));
}

}  // namespace ropewalk::fuzz
