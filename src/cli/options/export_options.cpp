#include "cli/options/export_options.h"

namespace ropewalk::cli {

void declare_export_options(CLI::App& app, ExportOptions& options) {
  app.add_option("checkpoint", options.checkpoint, "Checkpoint to export")
      ->required()
      ->type_name("CKPT");
  app.add_option("output", options.output, "Directory to make")->required()->type_name("DIR");
  CLI::Option* dtype =
      app.add_option("--dtype", options.dtype, "Store weights as this type instead of their own")
          ->check(CLI::IsMember({"fp32", "bf16", "fp16"}));
  CLI::Option* adapter = app.add_flag(
      "--adapter",
      options.adapter,
      "Write what a run with `lora` trained as a PEFT adapter, instead of the whole model");
  app.add_option("--merge-adapter", options.merge_adapter, "PEFT adapter to merge into the weights")
      ->type_name("FOLDER")
      ->excludes(adapter);
  adapter->excludes(dtype);
}

}  // namespace ropewalk::cli
