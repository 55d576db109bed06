#include "rope/rope_place.h"

#include <algorithm>

#include "rope/rope_keys.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// transformers' `rope_scaling or rope_parameters`: null and {} do not count.
const Json* find_filled(const Json& config, const std::string& key, Diagnostics& diagnostics) {
  const auto at = config.find(key);
  if (at == config.end() || at->is_null()) return nullptr;
  if (!at->is_object()) {
    diagnostics.error(key, "found " + at->dump() + "; expected an object or null");
    return nullptr;
  }
  return at->empty() ? nullptr : &*at;
}

std::string layer_types_of(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) names.push_back(name);
  }
  return join(names, ", ");
}

class PlaceFinder {
 public:
  PlaceFinder(const RopeContext& context, Diagnostics& diagnostics)
      : context_(context), diagnostics_(diagnostics) {}

  RopePlace find(const Json& config) const {
    if (!context_.scaling_expressible) return find_own(config);
    const Json* scaling = find_filled(config, "rope_scaling", diagnostics_);
    const Json* parameters = find_filled(config, "rope_parameters", diagnostics_);
    // Before there were layer types in it, rope_scaling was about the main one alone.
    if (scaling && !context_.main && !is_nested_rope(*scaling)) scaling = nullptr;
    const RopePlace in_parameters =
        parameters ? enter(*parameters, "rope_parameters") : RopePlace{};
    if (!scaling) return in_parameters;
    RopePlace place = enter(*scaling, "rope_scaling");
    place.other = in_parameters.object;
    return place;
  }

 private:
  // A config that cannot say it in HF's words: our own key holds the parameters.
  RopePlace find_own(const Json& config) const {
    for (const char* key : {"rope_scaling", "rope_parameters"}) {
      if (!find_filled(config, key, diagnostics_)) continue;
      diagnostics_.error(key,
                         "is not heard for this model_type: transformers has no rope fields for it "
                         "and would ignore this one; write pos_scaling_factor instead");
    }
    const auto own = config.find("ropewalk");
    if (own == config.end() || !own->is_object()) return {};
    const Json* object = find_filled(*own, "rope_parameters", diagnostics_);
    return object ? RopePlace{object, "ropewalk.rope_parameters"} : RopePlace{};
  }

  RopePlace enter(const Json& object, const std::string& path) const {
    const bool nested = is_nested_rope(object);
    if (!context_.layer_type.empty() && nested) return enter_layer_type(object, path);
    if (!context_.layer_type.empty() && path == "rope_parameters") {
      diagnostics_.error(path,
                         "is flat; layers of this family differ, and transformers hears entries "
                         "per layer type only: expected one for " +
                             context_.layer_type);
      return {};
    }
    return nested ? enter_any(object, path) : RopePlace{&object, path};
  }

  RopePlace enter_layer_type(const Json& object, const std::string& path) const {
    check_beside(object, path);
    const auto entry = object.find(context_.layer_type);
    if (entry == object.end()) {
      diagnostics_.error(path,
                         "has no entry for layer type " + context_.layer_type + "; found " +
                             layer_types_of(object));
      return {};
    }
    if (entry->is_null()) return {nullptr, "", nullptr, &object};
    return {&*entry, path + "." + context_.layer_type, nullptr, &object};
  }

  // Parameters nested per layer type for a family with one kind of layer: all must agree.
  RopePlace enter_any(const Json& object, const std::string& path) const {
    check_beside(object, path);
    const Json* first = nullptr;
    for (const auto& [name, value] : object.items()) {
      if (!value.is_object()) continue;
      if (first && *first != value) {
        diagnostics_.error(path,
                           "differs per layer type (" + name +
                               "); this family has one kind of layer: expected one flat object "
                               "or the same object for every layer type");
        return {};
      }
      first = &value;
    }
    return {first, path, nullptr, &object};
  }

  // Fields beside the layer types: transformers 5.23 hears `truncate` there, and nothing else.
  void check_beside(const Json& object, const std::string& path) const {
    const std::vector<std::string> known = known_rope_keys();
    for (const auto& [key, value] : object.items()) {
      if (value.is_object() || value.is_null() || key == "truncate") continue;
      const std::string where = path + "." + key;
      const std::string text = "stands beside the layer types (" + layer_types_of(object) + ")";
      if (std::find(known.begin(), known.end(), key) != known.end()) {
        diagnostics_.warning(where, text + "; it is ignored, as transformers does");
      } else {
        diagnostics_.error(where, text + "; expected an object for a layer type");
      }
    }
  }

  const RopeContext& context_;
  Diagnostics& diagnostics_;
};

}  // namespace

bool is_nested_rope(const Json& object) {
  return std::any_of(
      object.begin(), object.end(), [](const Json& value) { return value.is_object(); });
}

RopePlace find_rope_place(const Json& config,
                          const RopeContext& context,
                          Diagnostics& diagnostics) {
  return PlaceFinder(context, diagnostics).find(config);
}

}  // namespace ropewalk
