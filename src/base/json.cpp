#include "ropewalk/base/json.h"

#include <cctype>
#include <unordered_set>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kMaxListedFaults = 20;

struct Place {
  size_t line = 1;
  size_t column = 1;
};

Place place_of(std::string_view text, size_t offset) {
  Place place;
  for (size_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

std::string describe(const std::string& source, std::string_view text, size_t offset) {
  const Place place = place_of(text, offset);
  return source + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

// nlohmann's texts read "[json.exception.parse_error.101] parse error at line 1, column 3: WHAT".
std::string bare_reason(const std::string& what) {
  const size_t colon = what.find(": ");
  const size_t from =
      what.rfind("syntax error", 0) == 0 || colon == std::string::npos ? 0 : colon + 2;
  return what.substr(from);
}

// Builds the document, checking what nlohmann's own builder lets pass. That one also searches all
// earlier keys of an object for each new one: minutes for a vocabulary of 128,000 words.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(std::string_view text, std::string source, int max_depth)
      : text_(text), source_(std::move(source)), max_depth_(max_depth) {}

  Json take() { return std::move(document_); }

  const std::vector<std::string>& duplicates() const { return duplicates_; }
  const std::string& fault() const { return fault_; }

  bool null() override { return value(nullptr); }
  bool boolean(bool found) override { return value(found); }
  bool number_integer(number_integer_t found) override { return value(found); }
  bool number_unsigned(number_unsigned_t found) override { return value(found); }
  bool number_float(number_float_t found, const string_t&) override { return value(found); }
  bool string(string_t& found) override { return value(std::move(found)); }
  bool binary(binary_t&) override { return value(nullptr); }  // not in JSON text

  bool start_object(size_t) override { return open(false); }
  bool start_array(size_t) override { return open(true); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    Level& level = levels_.back();
    level.key = name;
    if (!level.keys.insert(name).second) duplicates_.push_back(path());
    return true;
  }

  bool parse_error(size_t position,
                   const std::string&,
                   const nlohmann::detail::exception& error) override {
    const size_t offset = position == 0 ? 0 : position - 1;
    std::string reason = bare_reason(error.what());
    if (error.id == 406) {
      // "[json.exception.out_of_range.406] number overflow parsing '1e400'"
      const size_t quote = reason.find('\'');
      reason = "number does not fit a 64-bit float: " +
               (quote == std::string::npos ? reason : reason.substr(quote));
    }
    const std::string at = levels_.empty() ? "" : " (at " + path() + ")";
    fault_ = describe(source_, text_, offset) + ": not valid JSON: " + reason + at;
    return false;
  }

 private:
  struct Level {
    bool is_array = false;
    size_t index = 0;
    std::string key;
    std::unordered_set<std::string> keys;
    Json container;
  };

  bool value(Json found) {
    if (levels_.empty()) {
      document_ = std::move(found);
      return true;
    }
    Level& level = levels_.back();
    ++level.index;
    if (level.is_array) {
      level.container.get_ref<Json::array_t&>().push_back(std::move(found));
    } else {
      level.container.get_ref<Json::object_t&>().emplace_back(level.key, std::move(found));
    }
    return true;
  }

  bool open(bool is_array) {
    if (static_cast<int>(levels_.size()) >= max_depth_) {
      fault_ = source_ + ": nested deeper than " + std::to_string(max_depth_) + " levels at " +
               path() + "; flatten it";
      return false;
    }
    levels_.push_back({is_array, 0, "", {}, is_array ? Json::array() : Json::object()});
    return true;
  }

  bool close() {
    Json container = std::move(levels_.back().container);
    levels_.pop_back();
    return value(std::move(container));
  }

  std::string path() const {
    std::string text;
    for (const Level& level : levels_) {
      if (level.is_array) {
        text += "[" + std::to_string(level.index) + "]";
      } else if (!level.key.empty()) {
        text += (text.empty() ? "" : ".") + level.key;
      }
    }
    return text.empty() ? "the top level" : text;
  }

  std::string_view text_;
  std::string source_;
  int max_depth_;
  std::vector<Level> levels_;
  Json document_;
  std::vector<std::string> duplicates_;
  std::string fault_;
};

void throw_duplicates(const std::string& source, std::vector<std::string> paths) {
  const size_t count = paths.size();
  if (count > kMaxListedFaults) {
    paths.resize(kMaxListedFaults);
    paths.push_back("and " + std::to_string(count - kMaxListedFaults) + " more");
  }
  throw ConfigError(source + ": " + (count == 1 ? "duplicate key " : "duplicate keys ") +
                    join(paths, ", ") + "; keep one of each");
}

}  // namespace

Json parse_json(std::string_view text, const std::string& source, JsonOptions options) {
  // nlohmann takes a NUL byte for the end of the text, which would hide what follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    throw ConfigError(describe(source, text, nul) + ": not valid JSON: a NUL byte");
  }
  StrictBuilder builder(text, source, options.max_depth);
  const bool built = Json::sax_parse(
      text, &builder, Json::input_format_t::json, /*strict=*/true, options.allow_comments);
  if (!builder.fault().empty()) throw ConfigError(builder.fault());
  ROPEWALK_CHECK(built, "JSON scan failed without a reason");
  if (!builder.duplicates().empty()) throw_duplicates(source, builder.duplicates());
  return builder.take();
}

Json read_json_file(const std::filesystem::path& path, JsonOptions options) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const IoError& error) {
    throw ConfigError(error.what());
  }
  return parse_json(text, path.string(), options);
}

std::string to_json_text(const Json& value) {
  return value.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::strict) + "\n";
}

std::string quoted_text(std::string_view text, size_t max_bytes) {
  const bool cut = text.size() > max_bytes;
  const Json value(std::string(text.substr(0, max_bytes)));
  return value.dump(-1, ' ', false, Json::error_handler_t::ignore) + (cut ? "..." : "");
}

}  // namespace ropewalk
