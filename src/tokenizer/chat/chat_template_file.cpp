#include <algorithm>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/base/text.h"
#include "ropewalk/tokenizer/chat_form.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> form_names() {
  std::vector<std::string> names;
  for (const ChatForm& form : chat_forms()) names.emplace_back(form.name);
  return names;
}

// `chat_template` is a text, or a list of named ones of which "default" is for plain conversations.
std::string template_of(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) {
    throw DataError(where + ": is a JSON " + value.type_name() +
                    "; expected text or a list of {\"name\", \"template\"}");
  }
  std::vector<std::string> names;
  for (const Json& entry : value) {
    const auto field = [&](const char* key) {
      const bool there = entry.is_object() && entry.contains(key) && entry[key].is_string();
      return there ? entry[key].get<std::string>() : std::string();
    };
    if (field("name") == "default" && !field("template").empty()) return field("template");
    names.push_back(quoted_text(field("name"), 40));
  }
  throw DataError(where + ": lists the templates [" + join(names, ", ") +
                  "], none of them 'default'; name the form with --chat-form");
}

struct FoundTemplate {
  std::string where;
  std::string text;
};

// As transformers: the file of its own wins over the configuration.
FoundTemplate find_template(const fs::path& folder) {
  const fs::path own = folder / "chat_template.jinja";
  if (fs::is_regular_file(own)) return {own.string(), read_file(own)};
  const fs::path config = folder / "tokenizer_config.json";
  if (fs::is_regular_file(config)) {
    const Json root = read_json_file(config);
    const std::string where = config.string() + ": chat_template";
    if (root.is_object() && root.contains("chat_template") && !root["chat_template"].is_null()) {
      return {where, template_of(root["chat_template"], where)};
    }
  }
  throw DataError(folder.string() +
                  ": has no chat template (neither chat_template.jinja nor `chat_template` in "
                  "tokenizer_config.json); name the form that the model is to learn with "
                  "--chat-form, one of: " +
                  join(form_names(), ", "));
}

}  // namespace

const ChatForm& choose_chat_form(const fs::path& checkpoint, std::string_view name) {
  if (!name.empty()) {
    if (const ChatForm* form = find_chat_form(name)) return *form;
    const std::vector<std::string> names = form_names();
    const auto nearest = nearest_name(name, names);
    throw DataError("--chat-form: " + quoted_text(name) + " is no known form" +
                    (nearest ? "; did you mean '" + *nearest + "'?" : "") +
                    " Known: " + join(names, ", "));
  }
  const fs::path folder = fs::is_directory(checkpoint) ? checkpoint : checkpoint.parent_path();
  const FoundTemplate found = find_template(folder);
  if (const ChatForm* form = recognise_chat_template(found.text)) return *form;
  const std::string first_line = found.text.substr(0, found.text.find('\n'));
  throw DataError(found.where + ": not one of the templates that are known (hash " +
                  chat_template_hash(found.text) + ", begins " + quoted_text(first_line) +
                  "). A template is not run, and a wrong guess would train the wrong text: see "
                  "docs/chat_data.md for what each form renders, and where one of them renders "
                  "what this template does, name it with --chat-form. Known: " +
                  join(form_names(), ", "));
}

}  // namespace ropewalk
