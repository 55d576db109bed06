// What `rope` says of one layer type's positions, as data; and its three forms.
#pragma once

#include <string>
#include <vector>

#include "ropewalk/base/json.h"
#include "ropewalk/rope/frequencies.h"

namespace ropewalk::cli {

struct PairMeaning {
  int64_t first = 0;  // the two dimensions of the head that turn together
  int64_t second = 0;
  double wavelength = 0.0;  // positions for one turn, without scaling; infinite: stands still
  double rotations = 0.0;   // turns within L, without scaling
  double scaled_wavelength = 0.0;  // as computed now
};

struct RopeMeaning {
  std::string layer_type;  // empty: all layers
  RopeParameters rope;
  int64_t sequence_length = 0;  // of the scaled wavelengths, where the kind depends on it
  double attention_factor = 1.0;
  std::vector<PairMeaning> pairs;
};

RopeMeaning explain_rope(const std::string& layer_type, const RopeParameters& rope);

// The parameters alone, with the frequencies: also `inspect`'s.
Json rope_json(const RopeParameters& rope);

Json meaning_json(const RopeMeaning& meaning);
std::vector<std::string> meaning_text(const RopeMeaning& meaning);
// All layer types in one picture.
std::string meaning_chart(const std::vector<RopeMeaning>& meanings, const std::string& title);

}  // namespace ropewalk::cli
