// The loader alone, on a shard of a billion tokens that takes no room on disk: time to the first
// batch, tokens a second after it, and the memory held. One line for each way to make sequences.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "formats/token_shard_header.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/data/loader.h"

namespace ropewalk {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  int64_t tokens = 1'000'000'000, document_tokens = 1000, length = 2048, batches = 2000;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Resident memory that no file backs, in MiB.
double anonymous_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    if (key != "RssAnon:") continue;
    double kib = 0;
    status >> kib;
    return kib / 1024;
  }
  return 0;
}

// All ids are 0: the file is a hole but for its header and its document table.
void write_sparse_shard(const fs::path& path, const Options& o) {
  TokenShardInfo info{.vocab_size = 128'256,
                      .tokenizer_hash = std::string(32, 'a'),
                      .token_bytes = 4,
                      .num_tokens = o.tokens,
                      .num_documents = o.tokens / o.document_tokens,
                      .payload_hash = std::string(32, 'b')};
  const ShardHeader header = encode_shard_header(info);
  std::vector<uint64_t> table;
  for (int64_t i = 0; i < info.num_documents; ++i) table.push_back(i * o.document_tokens);
  table.push_back(o.tokens);
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  const auto put = [&](const void* bytes, size_t size, uint64_t at) {
    if (::pwrite(file, bytes, size, static_cast<off_t>(at)) != static_cast<ssize_t>(size)) {
      throw IoError(path.string() + ": cannot be written");
    }
  };
  put(header.data(), header.size(), 0);
  put(table.data(), table.size() * sizeof(uint64_t), shard_table_offset(info));
  ::close(file);
}

using Make = std::unique_ptr<SequenceDataset> (*)(const DocumentSelection&, const SequenceOptions&);

std::unique_ptr<SequenceDataset> make_concat(const DocumentSelection& documents,
                                             const SequenceOptions& options) {
  return make_concat_dataset(documents, options);
}

void bench(const std::string& name, Make make, const fs::path& folder, const Options& o) {
  const double memory_before = anonymous_mib();
  const auto begin = Clock::now();
  const DocumentSelection documents(TokenDataset::open({folder}));
  const SequenceOptions options{.sequence_length = o.length, .bos_id = 1, .eos_id = 2};
  Loader loader(
      std::make_shared<SampleSource>(SampleSource::in_turn({{name, make(documents, options)}}, 1)),
      {});
  loader.next();
  const double first_s = seconds_since(begin);
  const auto after = Clock::now();
  for (int64_t i = 0; i < o.batches; ++i) loader.next();
  const double rate = static_cast<double>(o.batches * o.length) / seconds_since(after);
  std::cout << name << ": first batch after " << first_s << " s, then " << rate / 1e6
            << " M tokens/s, " << anonymous_mib() - memory_before << " MiB\n";
}

}  // namespace
}  // namespace ropewalk

int main(int argc, char** argv) {
  ropewalk::Options o;
  std::string parent = std::filesystem::temp_directory_path();
  CLI::App app{"The loader on a large shard"};
  app.add_option("--tokens", o.tokens);
  app.add_option("--document-tokens", o.document_tokens);
  app.add_option("--length", o.length);
  app.add_option("--batches", o.batches);
  app.add_option("--folder", parent, "Where the shard is put for the time being");
  CLI11_PARSE(app, argc, argv);
  const auto folder =
      std::filesystem::path(parent) / ("ropewalk-loader-bench-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  ropewalk::write_sparse_shard(folder / "shard-00000.tokens", o);
  ropewalk::bench("concat", ropewalk::make_concat, folder, o);
  ropewalk::bench("packed", ropewalk::make_packed_dataset, folder, o);
  ropewalk::bench("document", ropewalk::make_document_dataset, folder, o);
  std::filesystem::remove_all(folder);
  return 0;
}
