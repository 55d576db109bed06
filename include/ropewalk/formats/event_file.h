// TensorBoard event file: TFRecord framing with masked CRC-32C around Event messages. One new file
// per start, named so that a later start sorts after an earlier one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ropewalk/base/files.h"

namespace ropewalk {

class EventFileWriter {
 public:
  // Makes `directory` and a new file in it. `resumed_step`: on a resume, the step that was loaded;
  // readers then drop what earlier files hold after it, or all of it without a resume.
  explicit EventFileWriter(const std::filesystem::path& directory,
                           std::optional<int64_t> resumed_step = std::nullopt);

  // `wall_time_s`: seconds since the epoch. Written at once: a crash loses nothing.
  void scalar(std::string_view tag, int64_t step, double value, double wall_time_s);
  // A text panel, such as the resolved config (Markdown).
  void text(std::string_view tag, int64_t step, std::string_view markdown, double wall_time_s);
  void close();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  FileWriter file_;
};

double wall_time_now_s();
// CRC-32C (Castagnoli), and the masked form that the framing stores.
uint32_t crc32c(std::span<const std::byte> bytes);
uint32_t masked_crc32c(std::span<const std::byte> bytes);

}  // namespace ropewalk
