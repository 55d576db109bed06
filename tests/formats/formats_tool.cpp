// What the Python tests need of this layer. Commands:
//   check                 standard input: one path per line -> "ok" or "bad <reason>" per line
//   copy FROM TO          reads a safetensors file and writes its tensors to another
//   events DIR FROM TO [RESUMED]   an event file with scalars for steps FROM..TO
//   shard FILE            a token shard's header, document table and ids as JSON
//   write-shard FILE      standard input: [[ids], [targets, or none]] per line, a document each
//   tokens FILE [EOS]     the documents of any token file as JSON
#include <cmath>
#include <iostream>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"
#include "ropewalk/formats/event_file.h"
#include "ropewalk/formats/safetensors.h"
#include "ropewalk/formats/token_shard.h"

namespace ropewalk {
namespace {

int check() {
  std::string path;
  while (std::getline(std::cin, path)) {
    try {
      const SafetensorsFile file(path);
      std::cout << "ok " << file.tensors().size() << "\n";
    } catch (const CheckpointError& error) {
      std::string text = error.what();
      for (char& c : text) c = c == '\n' ? ' ' : c;
      std::cout << "bad " << text << "\n";
    }
  }
  return 0;
}

int copy(const std::string& from, const std::string& to) {
  const SafetensorsFile file(from);
  SafetensorsWriter writer(to, file.tensors(), file.metadata());
  for (const TensorInfo& info : file.tensors()) writer.write(info.name, file.bytes(info));
  writer.close();
  return 0;
}

int events(const std::vector<std::string>& words) {
  std::optional<int64_t> resumed;
  if (words.size() > 4) resumed = std::stoll(words[4]);
  EventFileWriter writer(words[1], resumed);
  if (!resumed) writer.text("config", 0, "# run\n`steps` 7", 999.5);
  for (int64_t step = std::stoll(words[2]); step <= std::stoll(words[3]); ++step) {
    writer.scalar("train/loss", step, 1.0 / static_cast<double>(step + 1), 1000.0 + step);
    writer.scalar("train/bad", step, std::nan(""), 1000.0 + step);
  }
  writer.close();
  std::cout << writer.path().string() << "\n";
  return 0;
}

int shard(const std::string& path) {
  const TokenShardReader reader(path);
  reader.verify();
  const TokenShardInfo& info = reader.info();
  std::vector<int64_t> ids(static_cast<size_t>(info.num_tokens));
  reader.copy_tokens(0, std::span(ids));
  const Json json = {
      {"vocab_size", info.vocab_size},
      {"tokenizer_hash", info.tokenizer_hash},
      {"token_bytes", info.token_bytes},
      {"document_offsets",
       std::vector<uint64_t>(reader.document_offsets().begin(), reader.document_offsets().end())},
      {"ids", ids}};
  std::cout << to_json_text(json);
  return 0;
}

int write_shard(const std::string& path) {
  TokenShardWriter writer(path, 1000, std::string(32, 'a'));
  for (std::string line; std::getline(std::cin, line);) {
    const Json document = Json::parse(line);
    writer.add_document(document.at(0).get<std::vector<int32_t>>(),
                        document.at(1).get<std::vector<uint8_t>>());
  }
  writer.close();
  return 0;
}

int tokens(const std::vector<std::string>& words) {
  TokenFileOptions options;
  if (words.size() > 2) options.eos_id = std::stoi(words[2]);
  const auto store = open_token_file(find_token_file(words[1]).value_or(words[1]), options);
  Json documents = Json::array();
  Json targets = Json::array();
  for (int64_t i = 0; i < store->num_documents(); ++i) {
    std::vector<int64_t> ids(static_cast<size_t>(store->document_length(i)));
    std::vector<uint8_t> trained(ids.size());
    store->copy_tokens(static_cast<int64_t>(store->document_offsets()[i]), ids);
    store->copy_targets(static_cast<int64_t>(store->document_offsets()[i]), trained);
    documents.push_back(ids);
    targets.push_back(trained);
  }
  std::cout << to_json_text(
      {{"format", store->format()}, {"documents", documents}, {"targets", targets}});
  return 0;
}

int run(const std::vector<std::string>& words) {
  const size_t count = words.size();
  if (count == 1 && words[0] == "check") return check();
  if (count == 3 && words[0] == "copy") return copy(words[1], words[2]);
  if (count >= 4 && words[0] == "events") return events(words);
  if (count == 2 && words[0] == "shard") return shard(words[1]);
  if (count == 2 && words[0] == "write-shard") return write_shard(words[1]);
  if (count >= 2 && words[0] == "tokens") return tokens(words);
  std::cerr << "formats_tool check | copy FROM TO | events DIR FROM TO [RESUMED] | shard FILE | "
               "write-shard FILE | tokens FILE [EOS]\n";
  return kExitBadInput;
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  try {
    return ropewalk::run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const ropewalk::Error& error) {
    std::cerr << error.what() << "\n";
    return error.exit_code();
  }
}
