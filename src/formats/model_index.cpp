#include "formats/model_index.h"

#include <unordered_set>

#include "formats/printable.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

constexpr int kMaxDepth = 64;
constexpr size_t kMaxListedFaults = 20;

class IndexReader : public nlohmann::json_sax<Json> {
 public:
  explicit IndexReader(Diagnostics& faults) : faults_(faults) {}

  std::vector<std::pair<std::string, std::string>> take() { return std::move(entries_); }
  bool has_weight_map() const { return has_weight_map_; }

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }

  bool string(string_t& value) override {
    if (!in_map()) return other();
    entries_.emplace_back(key_, value);
    return true;
  }
  bool start_object(size_t) override {
    if (depth_ == 1 && top_key_ == "weight_map") {
      has_weight_map_ = true;
    } else if (!other()) {
      return false;
    }
    return deeper();
  }
  bool start_array(size_t) override { return other() && deeper(); }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }

  bool key(string_t& name) override {
    if (depth_ == 1) {
      top_key_ = name;
      if (!top_keys_.insert(name).second) return fault("duplicate key '" + printable(name) + "'");
    } else if (in_map()) {
      key_ = name;
      if (!names_.insert(name).second) {
        return fault("weight_map names '" + printable(name) + "' twice");
      }
    }
    return true;
  }
  bool parse_error(size_t position,
                   const std::string&,
                   const nlohmann::detail::exception& error) override {
    fault("not valid JSON at byte " + std::to_string(position) + ": " +
          printable(error.what(), 300));
    return false;
  }

 private:
  bool in_map() const { return depth_ == 2 && top_key_ == "weight_map"; }

  bool deeper() {
    if (++depth_ <= kMaxDepth) return true;
    fault("nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return false;
  }

  // A value that is no file name: fine outside weight_map.
  bool other() {
    if (depth_ == 0 && faults_.ok() && top_keys_.empty()) return true;  // the document's own object
    if (in_map()) return fault("weight_map: '" + printable(key_) + "': expected a file name");
    if (depth_ == 1 && top_key_ == "weight_map") return fault("weight_map: expected an object");
    return true;
  }

  bool fault(const std::string& text) {
    faults_.error("", text);
    return faults_.errors().size() < kMaxListedFaults;
  }

  Diagnostics& faults_;
  std::vector<std::pair<std::string, std::string>> entries_;
  std::unordered_set<std::string> names_, top_keys_;
  std::string top_key_, key_;
  int depth_ = 0;
  bool has_weight_map_ = false;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> read_model_index(const std::filesystem::path& path,
                                                                  Diagnostics& faults) {
  const std::string text = read_file(path);
  if (text.find('\0') != std::string::npos) {
    faults.error("", "not valid JSON: it contains a NUL byte");
    return {};
  }
  IndexReader reader(faults);
  const bool parsed = Json::sax_parse(text, &reader);
  ROPEWALK_CHECK(parsed || !faults.ok(), "the index's scan stopped without a reason");
  if (faults.ok() && !reader.has_weight_map()) {
    faults.error("", "has no object weight_map; expected {\"weight_map\": {TENSOR: FILE, ...}}");
  }
  return reader.take();
}

}  // namespace ropewalk
