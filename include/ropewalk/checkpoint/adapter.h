// LoRA adapters in pip `peft`'s file format, into a run and out of a checkpoint.
#pragma once

#include <filesystem>

#include "ropewalk/dist/sharded_tensor.h"
#include "ropewalk/spec/decoder_spec.h"
#include "ropewalk/spec/peft_adapter.h"

namespace ropewalk {

// Fills what this rank holds of the updates, and of the weights that the adapter replaces, from an
// adapter that check_adapter_to_start_from found right. `weights`: all of the model's, `spec` with
// its updates.
void import_adapter(const dist::NamedShardedTensors& weights,
                    const DecoderSpec& spec,
                    const PeftAdapter& adapter);

// The low-rank updates in `source` (a checkpoint of a run that trains some, or the run directory:
// its newest checkpoint) as an adapter folder, in fp32, published at once. Norms and embeddings
// that were trained in full are in it as modules_to_save; the model's config.json and the
// tokenizer's files lie beside it, because the positions are the config's, and the hash of the
// weights that it belongs to. Throws ConfigError when
// `source` holds no updates or `target` exists.
void export_peft_adapter(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace ropewalk
