#include "ropewalk/launch/rank_environment.h"

#include <gmock/gmock.h>

#include <map>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Map = std::map<std::string, std::string>;

RankEnvironment read(const Map& variables) {
  return rank_environment_from([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  });
}

std::string error_of(const Map& variables) {
  try {
    read(variables);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

Map with(Map variables, const Map& changes) {
  for (const auto& [name, value] : changes) variables[name] = value;
  return variables;
}

const Map kTorchrun = {{"RANK", "5"},
                       {"WORLD_SIZE", "8"},
                       {"LOCAL_RANK", "1"},
                       {"LOCAL_WORLD_SIZE", "4"},
                       {"MASTER_ADDR", "node7"},
                       {"MASTER_PORT", "29501"}};

TEST(RankEnvironment, NothingSetIsOneRank) {
  const RankEnvironment found = read({{"MASTER_ADDR", "node7"}, {"SLURM_NTASKS", "4"}});
  EXPECT_TRUE(found.single());
  EXPECT_EQ(found.rank, 0);
  EXPECT_EQ(found.launcher, "none");
}

TEST(RankEnvironment, ReadsTorchrun) {
  const RankEnvironment found = read(kTorchrun);
  EXPECT_EQ(found.launcher, "torchrun");
  EXPECT_EQ(found.rank, 5);
  EXPECT_EQ(found.world_size, 8);
  EXPECT_EQ(found.local_rank, 1);
  EXPECT_EQ(found.local_world_size, 4);
  EXPECT_EQ(found.master_address, "node7");
  EXPECT_EQ(found.master_port, 29501);
  EXPECT_FALSE(found.store_is_served);
  EXPECT_TRUE(found.several_machines());
}

TEST(RankEnvironment, TorchrunsOwnStoreIsJoinedUnderItsAttempt) {
  const RankEnvironment found = read(with(
      kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}}));
  EXPECT_TRUE(found.store_is_served);
  EXPECT_EQ(found.store_prefix, "/worker/attempt_2");
}

TEST(RankEnvironment, PartialVariablesAreListedAllAtOnce) {
  EXPECT_THAT(error_of({{"WORLD_SIZE", "2"}}),
              AllOf(HasSubstr("RANK: missing"),
                    HasSubstr("MASTER_ADDR: missing"),
                    HasSubstr("MASTER_PORT: missing"),
                    HasSubstr("(torchrun)")));
}

TEST(RankEnvironment, MalformedNumbersAreErrors) {
  EXPECT_THAT(error_of(with(kTorchrun, {{"RANK", "-1"}})), HasSubstr("RANK: found \"-1\""));
  EXPECT_THAT(error_of(with(kTorchrun, {{"WORLD_SIZE", "8x"}})),
              HasSubstr("WORLD_SIZE: found \"8x\""));
  EXPECT_THAT(error_of(with(kTorchrun, {{"WORLD_SIZE", ""}})), HasSubstr("WORLD_SIZE: found \"\""));
  EXPECT_THAT(error_of(with(kTorchrun, {{"MASTER_PORT", "70000"}})), HasSubstr("1 to 65535"));
}

TEST(RankEnvironment, ContradictionsAreErrors) {
  EXPECT_THAT(error_of(with(kTorchrun, {{"RANK", "8"}})),
              HasSubstr("rank: found 8, expected less"));
  EXPECT_THAT(error_of(with(kTorchrun, {{"LOCAL_RANK", "4"}})), HasSubstr("local rank: found 4"));
  EXPECT_THAT(error_of(with(kTorchrun, {{"LOCAL_WORLD_SIZE", "9"}})),
              HasSubstr("local world size: found 9, expected at most"));
  EXPECT_THAT(error_of(with(kTorchrun, {{"MASTER_ADDR", "127.0.0.1"}})),
              HasSubstr("other machines cannot reach"));
}

TEST(RankEnvironment, LocalVariablesAreOptionalOnOneMachineOnly) {
  const Map by_hand = {
      {"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "29500"}};
  EXPECT_EQ(read(by_hand).local_rank, 1);
  EXPECT_EQ(read(by_hand).local_world_size, 2);
  EXPECT_THAT(error_of(with(by_hand, {{"MASTER_ADDR", "node7"}})), HasSubstr("LOCAL_RANK"));
}

TEST(RankEnvironment, AgentsVariablesWinOverThoseOfAnOuterLauncher) {
  const RankEnvironment found = read(with(kTorchrun,
                                          {{"ROPEWALK_RANK", "0"},
                                           {"ROPEWALK_WORLD_SIZE", "2"},
                                           {"ROPEWALK_STORE_PORT", "4000"},
                                           {"ROPEWALK_STORE_FD", "7"},
                                           {"ROPEWALK_JOB_BEGUN", "1234"}}));
  EXPECT_EQ(found.launcher, "ropewalk");
  EXPECT_EQ(found.world_size, 2);
  EXPECT_EQ(found.master_address, "127.0.0.1");
  EXPECT_EQ(found.master_port, 4000);
  EXPECT_EQ(found.store_fd, 7);
  EXPECT_EQ(found.job_begun_s, 1234);
}

TEST(RankEnvironment, AgentsOfSeveralMachinesSayWhereTheRankIs) {
  const Map second = {{"ROPEWALK_RANK", "5"},
                      {"ROPEWALK_WORLD_SIZE", "8"},
                      {"ROPEWALK_LOCAL_RANK", "1"},
                      {"ROPEWALK_LOCAL_WORLD_SIZE", "4"},
                      {"ROPEWALK_STORE_ADDRESS", "10.0.0.1"},
                      {"ROPEWALK_STORE_PORT", "29500"},
                      {"ROPEWALK_BIND_ADDRESS", "10.1.0.2"}};
  const RankEnvironment found = read(second);
  EXPECT_EQ(found.rank, 5);
  EXPECT_EQ(found.local_rank, 1);
  EXPECT_EQ(found.local_world_size, 4);
  EXPECT_EQ(found.master_address, "10.0.0.1");
  EXPECT_EQ(found.bind_address, "10.1.0.2");
  EXPECT_TRUE(found.several_machines());
  // Tried out on one machine.
  EXPECT_TRUE(read(with(second, {{"ROPEWALK_STORE_ADDRESS", "127.0.0.1"}})).several_machines());
  EXPECT_THAT(error_of(with(second, {{"ROPEWALK_LOCAL_RANK", "4"}})),
              HasSubstr("local rank: found 4"));
}

TEST(RankEnvironment, OpenMpiOnOneMachineNeedsNoMaster) {
  const Map variables = {{"OMPI_COMM_WORLD_RANK", "1"},
                         {"OMPI_COMM_WORLD_SIZE", "2"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                         {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                         {"PMIX_NAMESPACE", "12345"},
                         {"SLURM_PROCID", "0"},
                         {"SLURM_NTASKS", "2"}};
  const RankEnvironment found = read(variables);
  EXPECT_EQ(found.launcher, "Open MPI");
  EXPECT_EQ(found.rank, 1);
  EXPECT_EQ(found.master_address, "127.0.0.1");
  EXPECT_GE(found.master_port, 20000);
  EXPECT_LT(found.master_port, 32768);
  EXPECT_THAT(error_of(with(variables, {{"OMPI_COMM_WORLD_SIZE", "4"}})),
              HasSubstr("MASTER_ADDR: missing"));
}

TEST(RankEnvironment, ReadsMpich) {
  const RankEnvironment found = read({{"PMI_RANK", "1"},
                                      {"PMI_SIZE", "2"},
                                      {"MPI_LOCALRANKID", "1"},
                                      {"MPI_LOCALNRANKS", "2"},
                                      {"MASTER_PORT", "29500"}});
  EXPECT_EQ(found.launcher, "MPICH");
  EXPECT_EQ(found.rank, 1);
  EXPECT_EQ(found.master_port, 29500);
}

const Map kSlurm = {{"SLURM_PROCID", "5"},
                    {"SLURM_LOCALID", "1"},
                    {"SLURM_NODEID", "1"},
                    {"SLURM_NTASKS", "16"},
                    {"SLURM_STEP_NUM_TASKS", "7"},
                    {"SLURM_STEP_TASKS_PER_NODE", "4,3"},
                    {"SLURM_STEP_NODELIST", "gpu[003,007]"},
                    {"SLURM_JOB_ID", "42"},
                    {"SLURM_STEP_ID", "0"}};

TEST(RankEnvironment, ReadsASlurmStep) {
  const RankEnvironment found = read(kSlurm);
  EXPECT_EQ(found.launcher, "Slurm");
  EXPECT_EQ(found.rank, 5);
  EXPECT_EQ(found.world_size, 7);
  EXPECT_EQ(found.local_rank, 1);
  EXPECT_EQ(found.local_world_size, 3);
  EXPECT_EQ(found.master_address, "gpu003");
  EXPECT_GE(found.master_port, 20000);
  EXPECT_NE(found.master_port, read(with(kSlurm, {{"SLURM_JOB_ID", "43"}})).master_port);
  EXPECT_EQ(read(with(kSlurm, {{"MASTER_PORT", "5000"}})).master_port, 5000);
}

TEST(RankEnvironment, SlurmTasksPerNodeMayBeRunLengths) {
  EXPECT_EQ(read(with(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "2(x3),1"}})).local_world_size, 2);
  EXPECT_THAT(error_of(with(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "4"}})),
              HasSubstr("SLURM_STEP_TASKS_PER_NODE: found \"4\""));
}

TEST(RankEnvironment, SlurmOnOneMachineStaysOnLoopback) {
  const RankEnvironment found = read({{"SLURM_PROCID", "1"},
                                      {"SLURM_LOCALID", "1"},
                                      {"SLURM_NTASKS", "2"},
                                      {"SLURM_JOB_ID", "42"}});
  EXPECT_EQ(found.local_world_size, 2);
  EXPECT_EQ(found.master_address, "127.0.0.1");
}

TEST(RankEnvironment, ASlurmBatchShellIsOneRank) {
  EXPECT_TRUE(
      read({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"ENVIRONMENT", "BATCH"}}).single());
}

TEST(NodeList, FirstHost) {
  EXPECT_EQ(first_host_of_node_list("node7"), "node7");
  EXPECT_EQ(first_host_of_node_list("a,b[1-2]"), "a");
  EXPECT_EQ(first_host_of_node_list("gpu[003-005,9],login"), "gpu003");
  EXPECT_EQ(first_host_of_node_list("r[1-2]n[04,06]-ib"), "r1n04-ib");
  for (const char* broken : {"", ",a", "gpu[003", "gpu[]", "gpu[x]", "a]b"}) {
    EXPECT_THROW(first_host_of_node_list(broken), ConfigError) << broken;
  }
}

}  // namespace
}  // namespace ropewalk
