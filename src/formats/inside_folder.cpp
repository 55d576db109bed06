#include "formats/inside_folder.h"

namespace ropewalk {
namespace fs = std::filesystem;

namespace {

bool is_inside(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

bool link_stays_inside(const fs::path& path, const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  const fs::path real_folder = fs::weakly_canonical(folder, error);
  if (is_inside(real, real_folder)) return true;
  return real_folder.parent_path().filename() == "snapshots" &&
         is_inside(real, real_folder.parent_path().parent_path() / "blobs");
}

}  // namespace ropewalk
