// What the Python tests need of chat data. Lines come from standard input. Commands:
//   forms                  one line per form: name, then the tokens it needs
//   render FORM BOS EOS    JSON lines of messages -> one JSON string per line
//   encode FOLDER FORM     JSON lines -> {"ids", "trained"} or {"error"} per line; FORM "" is by
//   the
//                          checkpoint's template, "none" is prompt and completion only
//   hash FILE...           one line per chat template: its hash and the form it is known to render
#include <iostream>
#include <string>
#include <vector>

#include "data/chat/chat_line.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/files.h"
#include "ropewalk/base/json.h"
#include "ropewalk/data/chat_encoder.h"
#include "ropewalk/tokenizer/chat_text.h"

namespace ropewalk {
namespace {

int forms() {
  for (const ChatForm& form : chat_forms()) {
    std::cout << form.name;
    for (const std::string_view token : form.tokens) std::cout << ' ' << token;
    std::cout << '\n';
  }
  return 0;
}

int render(const std::string& name, const ChatTokens& tokens) {
  const ChatForm& form = choose_chat_form("", name);
  for (std::string text; std::getline(std::cin, text);) {
    Diagnostics diagnostics;
    const ChatLine line = read_chat_line(text, diagnostics);
    check_chat(form, line.messages, line.list, diagnostics);
    std::cout << (diagnostics.ok() ? Json(render_chat(form, tokens, line.messages).text)
                                   : Json{{"error", diagnostics.report("line")}})
              << '\n';
  }
  return 0;
}

int encode(const std::string& folder, const std::string& name) {
  const ChatForm* form = name == "none" ? nullptr : &choose_chat_form(folder, name);
  const auto encoder = make_chat_encoder(Tokenizer::load(folder), form);
  Document document;
  EncodedDocument encoded;
  while (std::getline(std::cin, document.text)) {
    try {
      encoder->encode(document, encoded);
      std::cout << Json{{"ids", encoded.ids}, {"trained", encoded.trained}} << '\n';
    } catch (const DataError& error) {
      std::cout << Json{{"error", error.what()}} << '\n';
    }
  }
  return 0;
}

int hashes(std::span<const std::string> paths) {
  for (const std::string& path : paths) {
    const std::string text = read_file(path);
    const ChatForm* form = recognise_chat_template(text);
    std::cout << chat_template_hash(text) << ' ' << (form != nullptr ? form->name : "-") << '\n';
  }
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "forms") return forms();
  if (words.size() == 4 && words[0] == "render") return render(words[1], {words[2], words[3]});
  if (words.size() == 3 && words[0] == "encode") return encode(words[1], words[2]);
  if (words.size() > 1 && words[0] == "hash") return hashes(std::span(words).subspan(1));
  std::cerr << "usage: see the head of chat_tool.cpp\n";
  return 2;
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  try {
    return ropewalk::run({argv + 1, argv + argc});
  } catch (const ropewalk::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  }
}
