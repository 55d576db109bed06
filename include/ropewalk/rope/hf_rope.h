// The rope fields of a Hugging Face config.json, in all their generations, and our own two keys
// beside them (`pos_scaling_factor`, `ropewalk`).
#pragma once

#include <optional>

#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/json.h"
#include "ropewalk/rope/identity.h"
#include "ropewalk/rope/rope_parameters.h"

namespace ropewalk {

// What a family knows besides the config's rope fields. Most families set the first three.
struct RopeContext {
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;  // as in the file, after the family's default
  double default_theta = 10000.0;
  bool partial_rotary_allowed = false;
  double default_partial_rotary_factor = 1.0;
  RopeLayout layout = RopeLayout::kHalf;
  // Given by a key of the family's own, which it reads and writes itself (GPT-J: rotary_dim).
  std::optional<int64_t> rotary_dims;

  // Parameters nested per layer type: the entry that is meant ("full_attention"). Empty: the family
  // has one kind of layer, for which flat parameters, or nested ones that all agree, are taken.
  std::string layer_type;
  // The layer type that flat fields, `pos_scaling_factor` and the stored identity are about.
  bool main = true;

  // Top-level names; "" = the family has none.
  std::string window_key = "max_position_embeddings";  // GPT-J: n_positions
  std::string theta_key = "rope_theta";               // GPT-NeoX: rotary_emb_base, Gemma 3's local:
                                                      // rope_local_base_freq
  std::string partial_key = "partial_rotary_factor";  // GPT-NeoX: rotary_pct
  // Names inside the rope objects that the family reads itself; kept on writing.
  std::vector<std::string> family_keys;
  // The family's code in transformers hears `alpha` of kind dynamic; `short_mscale` and
  // `long_mscale`, which it demands with every kind but default (1 unless the kind is longrope).
  // Elsewhere they are errors.
  bool hears_alpha = false;
  bool hears_mscales = false;
  // False where HF's config cannot say any of it (GPT-J, CodeGen): only window,
  // `pos_scaling_factor` and `ropewalk` are written, and rope fields are errors, as transformers
  // would ignore them.
  bool scaling_expressible = true;
};

struct RopeReading {
  // As the weights were trained: what the config said before any edit by hand that can be told.
  RopeParameters trained;
  // As the config says now. Equal to `trained` unless somebody edited the file.
  RopeParameters now;
  std::optional<RopeIdentity> identity;  // as stored, when the file has one
  // pos_scaling_factor was written by hand, so that even a 1 counts as said.
  bool factor_edited = false;

  bool edited() const { return !(trained == now); }
};

// Reads by transformers' precedence: `rope_scaling` if given, else `rope_parameters`, then
// top-level values for what is missing. Faults and remarks go to `diagnostics`; with faults the
// result is only good for looking for more faults. Kind dynamic: the file's window is L there.
RopeReading read_hf_rope(const Json& config, const RopeContext& context, Diagnostics& diagnostics);

// Writes the window, rope_theta, rope_scaling, rope_parameters, pos_scaling_factor and the
// identity; removes older spellings, so that every reader sees one consistent statement. The file's
// own partial_rotary_factor stays where it says the same.
void write_hf_rope(const RopeParameters& rope, Json& config, const RopeContext& context = {});

struct LayerTypeRope {
  RopeParameters rope;
  RopeContext context;  // with its layer_type
};

// Nested per layer type: `rope_parameters` only. The first is the main one: its window and factor
// are the config's, its identity is stored, with those of the others inside.
void write_hf_rope(const std::vector<LayerTypeRope>& ropes, Json& config);

// What other programs would make of a written config.json that they should not: nobody else hears
// our own keys, older transformers compute yarn's ramp from another length, ... One line each.
std::vector<std::string> foreign_reader_remarks(const Json& config);

// The config keys that read_hf_rope consumes for every family; names set in the context are added
// by the family.
const std::vector<std::string>& hf_rope_keys();

}  // namespace ropewalk
