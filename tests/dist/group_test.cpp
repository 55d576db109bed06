#include "ropewalk/dist/group.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>
#include <fstream>

#include "dist/rank_bodies.h"

ROPEWALK_RANK_TEST_MAIN

namespace ropewalk::dist {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(Group, OneRankRunsTheSameCallsWithoutSockets) {
  const int before = static_cast<int>(std::distance(
      std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
  const auto group = make_group(RankEnvironment{}, GroupOptions{});
  at::Tensor value = at::full({3}, 2.5);
  group->all_reduce_sum(value);
  group->all_reduce_max(value);
  group->broadcast(value);
  group->barrier();
  EXPECT_TRUE(value.equal(at::full({3}, 2.5)));
  EXPECT_TRUE(group->any_rank(true));
  EXPECT_FALSE(group->any_rank(false));
  EXPECT_EQ(group->sum(0.1), 0.1);
  EXPECT_THAT(group->all_gather_text("a"), ElementsAre("a"));
  EXPECT_EQ(group->broadcast_text("a"), "a");
  EXPECT_EQ(group->backend(), "single");
  const int after = static_cast<int>(std::distance(
      std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
  EXPECT_EQ(before, after);
}

RANK_BODY(all_calls) {
  const int n = group.size();
  const double sum_of_ranks = n * (n - 1) / 2.0;
  EXPECT_EQ(group.backend(), "gloo");
  for (const auto type : {at::kFloat, at::kDouble, at::kLong, at::kBFloat16}) {
    at::Tensor total = at::full({1000}, group.rank(), at::TensorOptions(type));
    group.all_reduce_sum(total);
    EXPECT_TRUE(total.to(at::kDouble).equal(at::full({1000}, sum_of_ranks, at::kDouble)));
  }
  at::Tensor largest = at::full({2}, group.rank(), at::kFloat);
  group.all_reduce_max(largest);
  EXPECT_EQ(largest[0].item<float>(), n - 1);
  for (int root = 0; root < n; ++root) {
    at::Tensor value = at::full({2}, group.rank(), at::kFloat);
    group.broadcast(value, root);
    EXPECT_EQ(value[1].item<float>(), root);
  }
  EXPECT_TRUE(group.any_rank(group.rank() == n - 1));
  EXPECT_FALSE(group.any_rank(false));
  EXPECT_EQ(group.sum(group.rank()), sum_of_ranks);
  std::vector<std::string> expected;
  for (int i = 0; i < n; ++i) expected.push_back(std::string(static_cast<size_t>(i * 3), 'x'));
  const auto own = expected[static_cast<size_t>(group.rank())];
  EXPECT_EQ(group.all_gather_text(own), expected);
  EXPECT_EQ(group.broadcast_text(group.rank() == 0 ? "of rank 0" : "other"), "of rank 0");
  EXPECT_EQ(group.broadcast_text(""), "");
  group.barrier();
}

at::Tensor own_values(const Group& group, int64_t count, at::ScalarType type) {
  return at::arange(count, at::kFloat).add_(100 * group.rank()).to(type);
}

RANK_BODY(flat_calls) {
  constexpr int64_t kPart = 5;
  const int n = group.size();
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor part = own_values(group, kPart, type);
    at::Tensor whole = at::empty({n * kPart}, part.options());
    group.start_all_gather(whole, part).wait();
    for (int rank = 0; rank < n; ++rank) {
      const at::Tensor expected = at::arange(kPart, at::kFloat).add_(100 * rank).to(type);
      EXPECT_TRUE(whole.narrow(0, rank * kPart, kPart).equal(expected));
    }
    // The part may lie at its place in the whole.
    at::Tensor in_place = at::zeros({n * kPart}, part.options());
    const at::Tensor own = in_place.narrow(0, group.rank() * kPart, kPart);
    own.copy_(part);
    Pending gathering = group.start_all_gather(in_place, own);
    gathering.wait();
    gathering.wait();
    EXPECT_TRUE(in_place.equal(whole));

    at::Tensor piece = at::empty({kPart}, part.options());
    group.start_reduce_scatter_sum(piece, whole).wait();
    EXPECT_TRUE(piece.equal(part * n));
    at::Tensor total = at::ones({3}, part.options());
    group.start_all_reduce_sum(total).wait();
    EXPECT_TRUE(total.equal(at::full({3}, n, part.options())));
  }
}

TEST(Group, FlatCallsGatherAndScatterByRank) { expect_ranks_pass("flat_calls", 3); }

RANK_BODY(shifts) {
  const int n = group.size(), previous = (group.rank() + n - 1) % n;
  const at::Tensor a = at::full({3, 2}, group.rank(), at::kFloat), b = a.to(at::kBFloat16) + 10;
  const at::Tensor from_a = at::zeros_like(a), from_b = at::zeros_like(b);
  const int64_t before = group.sent_bytes();
  Pending first = group.start_shift(a, from_a, 0), second = group.start_shift(b, from_b, 1);
  second.wait();
  first.wait();
  EXPECT_TRUE(from_a.equal(at::full({3, 2}, previous, at::kFloat)));
  EXPECT_TRUE(from_b.equal(at::full({3, 2}, previous + 10, at::kBFloat16)));
  EXPECT_EQ(group.sent_bytes() - before, 6 * 4 + 6 * 2);
}

TEST(Group, ShiftsGoToTheNextRankOnLanes) {
  expect_ranks_pass("shifts", 2);
  expect_ranks_pass("shifts", 3);
}

RANK_BODY(exchanges) {
  const int n = group.size();
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const at::Tensor rows =
        (at::arange(n).view({n, 1}) + 10 * group.rank()).expand({n, 3}).to(type);
    const at::Tensor want =
        (10 * at::arange(n).view({n, 1}) + group.rank()).expand({n, 3}).to(type);
    EXPECT_TRUE(group.all_to_all(rows).equal(want));
  }
}

TEST(Group, AllToAllTransposesRowsAndRanks) { expect_ranks_pass("exchanges", 3); }

RANK_BODY(parts) {
  // {0, 2} and {1, 3}, then {0, 1} and {2, 3}.
  const int column = group.rank() % 2, row = group.rank() / 2;
  const auto across = group.subgroup({column, column + 2});
  const auto along = group.subgroup({2 * row, 2 * row + 1});
  EXPECT_EQ(across->size(), 2);
  EXPECT_EQ(across->rank(), row);
  EXPECT_EQ(along->rank(), column);
  EXPECT_EQ(across->sum(group.rank()), 2 * column + 2);
  EXPECT_EQ(along->sum(group.rank()), 4 * row + 1);
  const auto alone = group.subgroup({group.rank()});
  EXPECT_EQ(alone->size(), 1);
  EXPECT_EQ(alone->sum(3), 3);
}

TEST(Group, PartsTalkAmongThemselves) { expect_ranks_pass("parts", 4); }

RANK_BODY(counts_sent_bytes) {
  at::Tensor whole = at::zeros({20}, at::kFloat), part = at::zeros({10}, at::kFloat);
  const int64_t before = group.sent_bytes();
  group.start_all_gather(whole, part).wait();
  EXPECT_EQ(group.sent_bytes() - before, 40);
  group.start_reduce_scatter_sum(part, whole).wait();
  EXPECT_EQ(group.sent_bytes() - before, 80);
  group.all_reduce_sum(whole);
  EXPECT_EQ(group.sent_bytes() - before, 160);
}

TEST(Group, CountsWhatARingSends) { expect_ranks_pass("counts_sent_bytes", 2); }

TEST(Group, AllCallsGiveTheSameOnEveryOfTwoRanks) { expect_ranks_pass("all_calls", 2); }
TEST(Group, AllCallsGiveTheSameOnEveryOfThreeRanks) { expect_ranks_pass("all_calls", 3); }

TEST(Group, SocketsAreOnLoopbackOnly) { expect_ranks_pass("loopback_only", 2); }

// Inodes of this process's sockets.
std::vector<std::string> own_sockets() {
  std::vector<std::string> inodes;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error);
    if (target.rfind("socket:[", 0) == 0) inodes.push_back(target.substr(8, target.size() - 9));
  }
  return inodes;
}

RANK_BODY(loopback_only) {
  group.barrier();
  const auto own = own_sockets();
  int num_seen = 0;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    std::string line;
    std::getline(lines, line);  // heading
    while (std::getline(lines, line)) {
      std::istringstream words(line);
      std::vector<std::string> columns(std::istream_iterator<std::string>{words}, {});
      if (columns.size() < 10 || std::find(own.begin(), own.end(), columns[9]) == own.end())
        continue;
      ++num_seen;
      const bool loopback = columns[1].rfind("0100007F:", 0) == 0 ||
                            columns[1].rfind("0000000000000000FFFF00000100007F:", 0) == 0;
      EXPECT_TRUE(loopback) << line;
    }
  }
  EXPECT_GT(num_seen, 0);
}

RANK_BODY(rank_1_dies) {
  group.barrier();
  if (group.rank() == 1) ::raise(SIGKILL);
  at::Tensor value = at::zeros({1 << 20});
  for (;;) group.all_reduce_sum(value);
}

TEST(Group, ADyingRankEndsTheRunInsteadOfHangingIt) {
  RankRun run{"rank_1_dies", 3, 3600, {}, ""};
  EXPECT_EQ(run_ranks(run), kExitFailure);
  EXPECT_THAT(run.output, HasSubstr("rank 1 (process "));
  EXPECT_THAT(run.output, HasSubstr("killed by signal 9"));
}

RANK_BODY(rank_1_never_comes) {
  if (group.rank() == 1) ::pause();
  at::Tensor value = at::zeros({4});
  group.all_reduce_sum(value);
}

RANK_BODY(neighbour_never_comes) {
  if (group.rank() == 1) ::pause();
  group.start_shift(at::zeros({1 << 20}), at::zeros({1 << 20})).wait();
}

TEST(Group, AShiftWaitsForItsNeighbourNoLongerThanTheTimeout) {
  RankRun run{"neighbour_never_comes", 2, 0.5, {}, ""};
  EXPECT_EQ(run_ranks(run), kExitFailure);
  EXPECT_THAT(run.output, HasSubstr("rank 0 of 2: shift failed"));
}

TEST(Group, ATimeoutNamesTheRankTheCallAndWhatToDo) {
  RankRun run{"rank_1_never_comes", 2, 0.5, {}, ""};
  EXPECT_EQ(run_ranks(run), kExitFailure);
  EXPECT_THAT(
      run.output,
      AllOf(HasSubstr("rank 0 of 2: all_reduce_sum failed"), HasSubstr("parallel.timeout_s")));
}

template <typename ErrorType>
std::string error_of(const RankEnvironment& environment, const GroupOptions& options) {
  try {
    make_group(environment, options);
  } catch (const ErrorType& error) {
    return error.what();
  }
  return "no error";
}

TEST(Group, NcclOnTheCpuIsRefused) {
  GroupOptions options;
  options.backend = GroupBackend::kNccl;
  EXPECT_THAT(error_of<ConfigError>({}, options),
              HasSubstr("parallel.backend nccl: found device cpu"));
}

RankEnvironment two_ranks_by_hand(int rank, const std::string& address, int port) {
  RankEnvironment environment;
  environment.rank = environment.local_rank = rank;
  environment.world_size = environment.local_world_size = 2;
  environment.master_address = address;
  environment.master_port = port;
  return environment;
}

GroupOptions short_timeout() {
  GroupOptions options;
  options.timeout_s = 0.3;
  return options;
}

TEST(Group, MissingRanksAreAnErrorThatNamesTheRendezvous) {
  RankEnvironment environment = two_ranks_by_hand(1, "127.0.0.1", 1);
  EXPECT_THAT(error_of<DistError>(environment, short_timeout()),
              AllOf(HasSubstr("rank 1 of 2"), HasSubstr("127.0.0.1:1"), HasSubstr("all ranks")));
}

TEST(Group, AnAddressOfAnotherMachineIsRefusedByRank0) {
  // 192.0.2.0/24 is reserved for documentation: no machine has it.
  EXPECT_THAT(error_of<DistError>(two_ranks_by_hand(0, "192.0.2.1", 29555), short_timeout()),
              HasSubstr("rank 0's own machine"));
}

TEST(Group, AnInheritedDescriptorThatDoesNotListenIsRefused) {
  RankEnvironment environment = two_ranks_by_hand(0, "127.0.0.1", 29555);
  environment.store_fd = 0;
  EXPECT_THAT(error_of<DistError>(environment, short_timeout()), HasSubstr("no listening socket"));
}

}  // namespace
}  // namespace ropewalk::dist
