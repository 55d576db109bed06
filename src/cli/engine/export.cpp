#include "ropewalk/checkpoint/export.h"

#include <cstdio>

#include "cli/engine/engine_commands.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/checkpoint/adapter.h"
#include "ropewalk/rope/hf_rope.h"

namespace ropewalk::cli {
namespace {

std::optional<DType> dtype_of(const std::string& name) {
  if (name.empty()) return std::nullopt;
  if (name == "fp32" || name == "float32") return DType::kF32;
  if (name == "fp16" || name == "float16") return DType::kF16;
  if (name == "bf16" || name == "bfloat16") return DType::kBF16;
  throw ConfigError("--dtype " + name + ": expected fp32, fp16 or bf16");
}

}  // namespace

int run_export(const ExportOptions& options) {
  configure_logging(LogLevel::kInfo);
  if (options.adapter) {
    export_peft_adapter(options.checkpoint, options.output);
  } else {
    ropewalk::ExportOptions how{.dtype = dtype_of(options.dtype), .adapter = {}};
    if (!options.merge_adapter.empty()) how.adapter = options.merge_adapter;
    export_hf_model(options.checkpoint, options.output, how);
  }
  const Json config = read_json_file(std::filesystem::path(options.output) / "config.json");
  for (const std::string& remark : foreign_reader_remarks(config)) log_warn(remark);
  std::printf("wrote %s\n", options.output.c_str());
  return kExitDone;
}

}  // namespace ropewalk::cli
