#include "rope/scaling_extras.h"

#include <algorithm>
#include <cmath>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

template <typename T>
std::optional<T> stated(const std::optional<T>& value) {
  return value;
}
std::optional<std::vector<double>> stated(const std::vector<double>& list) {
  return list.empty() ? std::nullopt : std::optional(list);
}

class ExtrasApplier {
 public:
  ExtrasApplier(const ScalingRequest& request, RopeParameters& rope, Diagnostics& diagnostics)
      : request_(request), rope_(rope), diagnostics_(diagnostics) {}

  void apply() {
    for_each_extra([this](const char* key, auto asked, auto value, const auto& kinds) {
      take(key, request_.*asked, rope_.*value, kinds);
    });
    if (rope_.kind == RopeKind::kLlama3) settle_bands();
    if (rope_.kind == RopeKind::kLongrope) check_lists();
  }

 private:
  void error(const std::string& key, const std::string& text) {
    diagnostics_.error(request_.where.empty() ? key : request_.where + "." + key, text);
  }

  template <typename Asked, typename Value>
  void take(const char* key,
            const std::optional<Asked>& asked,
            Value& value,
            const std::vector<RopeKind>& kinds) {
    if (!asked) return;
    if (std::find(kinds.begin(), kinds.end(), rope_.kind) != kinds.end()) {
      value = *asked;
      return;
    }
    std::vector<std::string> names;
    for (const RopeKind kind : kinds) names.emplace_back(rope_kind_name(kind));
    error(key,
          "belongs to pos_scaling_type " + join(names, " or ") + ", found " +
              std::string(rope_kind_name(rope_.kind)));
  }

  // Absent: the published LLaMA 3.1 values.
  void settle_bands() {
    if (!rope_.low_freq_factor) rope_.low_freq_factor = 1.0;
    if (!rope_.high_freq_factor) rope_.high_freq_factor = 4.0;
    if (*rope_.low_freq_factor > 0.0 && *rope_.high_freq_factor > *rope_.low_freq_factor) return;
    error("high_freq_factor",
          "found " + format_number(*rope_.high_freq_factor) + " beside low_freq_factor " +
              format_number(*rope_.low_freq_factor) +
              "; expected 0 < low_freq_factor < high_freq_factor");
  }

  void check_lists() {
    const auto pairs = static_cast<size_t>(rope_.rotary_dims / 2);
    const std::string wanted = "; expected " + std::to_string(pairs) +
                               " numbers > 0, one for each pair of the " +
                               std::to_string(rope_.rotary_dims) + " rotary dimensions";
    for (const auto& [key, list] : {std::pair{"short_factor", &rope_.short_factor},
                                    std::pair{"long_factor", &rope_.long_factor}}) {
      if (list->empty()) {
        error(key, "is missing for longrope" + wanted);
      } else if (list->size() != pairs) {
        error(key, "found " + std::to_string(list->size()) + " numbers" + wanted);
      }
      for (const double number : *list) {
        if (std::isfinite(number) && number > 0.0) continue;
        error(key, "found " + format_number(number) + wanted);
        break;
      }
    }
  }

  const ScalingRequest& request_;
  RopeParameters& rope_;
  Diagnostics& diagnostics_;
};

}  // namespace

void apply_extras(const ScalingRequest& request, RopeParameters& rope, Diagnostics& diagnostics) {
  ExtrasApplier(request, rope, diagnostics).apply();
}

void ask_for_extras_of(const RopeParameters& rope, ScalingRequest& request) {
  for_each_extra([&](const char*, auto asked, auto value, const auto&) {
    if (!(request.*asked)) request.*asked = stated(rope.*value);
  });
}

}  // namespace ropewalk
