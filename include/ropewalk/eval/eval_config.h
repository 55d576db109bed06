// Section `eval` of a run config: what is measured while training, before the first step and at
// step borders.
#pragma once

#include "ropewalk/config/fields.h"
#include "ropewalk/spec/scaling_config.h"

namespace ropewalk {

struct PasskeyConfig {
  std::vector<int64_t> windows;
  int64_t trials = 10;
  int64_t digits = 5;

  static constexpr auto fields() {
    using namespace rules;
    using P = PasskeyConfig;
    return std::tuple{
        field("windows",
              &P::windows,
              "Contexts in tokens; at each, 32 distances of the key are tried. None = off.",
              at_least(2)),
        field("trials", &P::trials, "Keys at each distance.", positive),
        field("digits", &P::digits, "Digits of a key.", positive, at_most(15)),
    };
  }
};

struct NeedleConfig {
  std::vector<int64_t> lengths;
  std::vector<double> depths{0, 0.25, 0.5, 0.75, 1};
  int64_t trials = 5;
  int64_t digits = 5;

  static constexpr auto fields() {
    using namespace rules;
    using N = NeedleConfig;
    return std::tuple{
        field("lengths", &N::lengths, "Lengths of prompts in tokens; none = off.", at_least(2)),
        field("depths",
              &N::depths,
              "Where in the text the key stands: 0 = at its begin, 1 = at its end.",
              non_negative,
              at_most(1)),
        field("trials", &N::trials, "Keys at each length and depth.", positive),
        field("digits", &N::digits, "Digits of a key.", positive, at_most(15)),
    };
  }
};

struct RecallConfig {
  std::vector<int64_t> lengths;
  int64_t keys = 4;
  int64_t hops = 2;
  int64_t trials = 10;
  int64_t digits = 5;

  static constexpr auto fields() {
    using namespace rules;
    using R = RecallConfig;
    return std::tuple{
        field("lengths", &R::lengths, "Lengths of prompts in tokens; none = off.", at_least(2)),
        field("keys", &R::keys, "Numbers in each text, of which one is asked for.", positive),
        field("hops", &R::hops, "Variables after the first of each chain.", positive),
        field("trials", &R::trials, "Texts of each task at each length.", positive),
        field("digits", &R::digits, "Digits of a number.", positive, at_most(15)),
    };
  }
};

struct EvalConfig {
  int64_t every_steps = 200;
  bool at_start = true;
  std::vector<int64_t> windows;
  std::optional<int64_t> stride;
  std::vector<double> factors;
  std::string scaling = "linear";
  int64_t max_documents = 0;
  PasskeyConfig passkey;
  NeedleConfig needle;
  RecallConfig recall;
  std::vector<std::string> choices;

  static constexpr auto fields() {
    using namespace rules;
    using E = EvalConfig;
    return std::tuple{
        field("every_steps",
              &E::every_steps,
              "Steps between two evaluations; 0 = off.",
              non_negative),
        field("at_start",
              &E::at_start,
              "Whether a run is also evaluated before its first step, with a warning where the "
              "numbers look like a wrong factor, layout or kind of scaling."),
        field("windows",
              &E::windows,
              "Window lengths in tokens for perplexity on `data.validation`; none = "
              "`data.sequence_length`.",
              at_least(2)),
        field("stride",
              &E::stride,
              "Tokens by which the window moves on; at most the smallest window.",
              positive,
              unset_means("256, or the window where that is smaller")),
        field("factors",
              &E::factors,
              "Total factors to evaluate under, of the kind `scaling`; none = the model's own "
              "scaling.",
              at_least(1),
              advice("Positions are DIVIDED by the factor: write 16, not 0.0625.")),
        field("scaling",
              &E::scaling,
              "Kind of position scaling that `factors` apply.",
              one_of(kRopeKindChoices)),
        field("max_documents",
              &E::max_documents,
              "Documents to evaluate, from the first; 0 = all.",
              non_negative),
        field("passkey", &E::passkey, "Passkey retrieval, as `ropewalk eval passkey`."),
        field("needle", &E::needle, "Needles at depths, as `ropewalk eval needle`."),
        field("recall", &E::recall, "Several keys and variables, as `ropewalk eval recall`."),
        field("choices",
              &E::choices,
              "Files of multiple-choice questions, as `ropewalk eval short --choices`.",
              path),
    };
  }
  void check(Diagnostics& d) const {
    for (int64_t window : windows) {
      if (stride && *stride > window) {
        d.error("stride",
                "found " + std::to_string(*stride) +
                    ", expected at most every window; the window of " + std::to_string(window) +
                    " would skip tokens. Lower the stride or drop the window");
      }
    }
  }
};

}  // namespace ropewalk
