#include "cli/options/export_options.h"

namespace ropewalk::cli {

void declare_export_options(CLI::App& app, ExportOptions& options) {
  app.add_option("checkpoint", options.checkpoint, "Checkpoint to export")
      ->required()
      ->type_name("CKPT");
  app.add_option("output", options.output, "Directory to make")->required()->type_name("DIR");
  app.add_option("--dtype", options.dtype, "Store weights as this type instead of their own")
      ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
}

}  // namespace ropewalk::cli
