// Files as large as real ones, sparse: what opening and reading one sequence costs.
#include <gmock/gmock.h>

#include <chrono>
#include <fstream>

#include "data/shard_files.h"
#include "formats/token_shard_header.h"
#include "ropewalk/data/sequence_dataset.h"

namespace ropewalk {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// A line of /proc/self/status, such as VmRSS, in bytes.
int64_t memory_of(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    int64_t kib = 0;
    if (word == name + ":" && status >> kib) return 1024 * kib;
  }
  ADD_FAILURE() << name << " is not in /proc/self/status";
  return 0;
}

// Growth of the largest resident set since it was made, and the time, both reported.
class Cost {
 public:
  Cost() {
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
    resident_ = memory_of("VmRSS");
  }
  int64_t peak_growth() const {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
    const int64_t growth = memory_of("VmHWM") - resident_;
    testing::Test::RecordProperty("time_s", std::to_string(time.count()));
    testing::Test::RecordProperty("peak_growth_mib", std::to_string(growth / kMiB));
    return growth;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int64_t resident_;
};

// A billion tokens 0 in a million documents, without the bytes of the tokens.
void write_sparse_shard(const std::filesystem::path& path) {
  TokenShardInfo info{.vocab_size = 50000, .tokenizer_hash = kTestTokenizer, .token_bytes = 2};
  info.num_documents = 1'000'000;
  info.num_tokens = 1000 * info.num_documents;
  info.payload_hash = std::string(32, '0');
  const ShardHeader header = encode_shard_header(info);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(header.data()), header.size());
  std::vector<uint64_t> table(static_cast<size_t>(info.num_documents) + 1);
  for (size_t i = 0; i < table.size(); ++i) table[i] = 1000 * i;
  file.seekp(static_cast<std::streamoff>(shard_table_offset(info)));
  file.write(reinterpret_cast<const char*>(table.data()),
             static_cast<std::streamsize>(8 * table.size()));
}

TEST(LargeFiles, AShardOfABillionTokensIsOpenedWithoutBeingRead) {
  const TemporaryFolder folder;
  write_sparse_shard(folder / "x.tokens");
  const Cost cost;
  const auto tokens = TokenDataset::open({folder.path()}, {kTestTokenizer, 50000});
  const auto dataset =
      make_concat_dataset(DocumentSelection(tokens), {.sequence_length = 32768, .eos_id = 7});
  std::vector<int64_t> inputs(32768), targets(32768), lengths;
  dataset->read(dataset->size() / 2, {inputs, targets, lengths});
  EXPECT_THAT(inputs, testing::Contains(7).Times(testing::AllOf(testing::Ge(32), testing::Le(33))));
  EXPECT_LT(cost.peak_growth(), 100 * kMiB);
}

TEST(LargeFiles, SeparatorsOfALargeFileAreFoundWithFewPagesInMemory) {
  // Not in memory: reading the holes of such a file would fill them.
  const std::filesystem::path path =
      temporary_sibling(std::filesystem::temp_directory_path() / "ropewalk-large.bin");
  const std::filesystem::path bin = path.string() + ".bin";
  std::ofstream(bin) << "ab";
  std::filesystem::resize_file(bin, 256 * kMiB);
  {
    const Cost cost;
    const auto tokens =
        TokenDataset::open({bin}, {.tokenizer_hash = {}, .vocab_size = 0, .eos_id = 7});
    EXPECT_EQ(tokens->num_tokens(), 128 * kMiB);
    EXPECT_LT(cost.peak_growth(), 32 * kMiB);
  }
  std::filesystem::remove(bin);
}

}  // namespace
}  // namespace ropewalk
