#include "cli/launch_nodes.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "cli/launch_train.h"
#include "cli/program.h"
#include "ropewalk/base/diagnostics.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk::cli {
namespace {

constexpr int kMostNodes = 65536;
constexpr int kMostRanksPerNode = 1024;
constexpr double kLongestWait_s = 7 * 86400.0;

int read_count(const std::string& text,
               const std::string& option,
               std::pair<int, int> range,
               Diagnostics& faults) {
  const std::optional<int> value = parse_int(text);
  if (value && *value >= range.first && *value <= range.second) return *value;
  faults.error(option,
               "found \"" + text + "\", expected a whole number of " + std::to_string(range.first) +
                   " to " + std::to_string(range.second));
  return range.first;
}

std::optional<double> parse_seconds(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const bool fits = error == std::errc() && rest == end && value >= 0 && value <= kLongestWait_s;
  return fits ? std::optional(value) : std::nullopt;
}

double read_seconds(const std::string& text, const std::string& option, Diagnostics& faults) {
  const auto value = parse_seconds(text);
  if (value && *value > 0) return *value;
  faults.error(option,
               "found \"" + text + "\", expected seconds: more than 0, at most " +
                   format_number(kLongestWait_s));
  return 1.0;
}

double read_hang_limit(const std::string& text, Diagnostics& faults) {
  if (const auto value = parse_seconds(text)) return *value;
  faults.error("--hang-limit",
               "found \"" + text + "\", expected seconds, at most " +
                   format_number(kLongestWait_s) + "; 0 waits forever");
  return 0.0;
}

bool is_job_id(const std::string& text) {
  constexpr size_t kLongest = 64;
  return text.size() <= kLongest && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return (c < 128 && std::isalnum(c)) || c == '.' || c == '_' || c == '-';
         });
}

NodeOptions read_nodes(const LaunchOptions& options, Diagnostics& faults) {
  NodeOptions nodes;
  nodes.num_nodes = read_count(options.nnodes, "--nnodes", {1, kMostNodes}, faults);
  const bool several = nodes.num_nodes > 1;
  if (several && options.node_rank.empty()) {
    faults.error("--node-rank",
                 "missing; give each machine its own number, 0 to " +
                     std::to_string(nodes.num_nodes - 1) + ", 0 on that of --rendezvous");
  } else if (!options.node_rank.empty()) {
    const int highest = several || options.nnodes == "1" ? nodes.num_nodes - 1 : kMostNodes - 1;
    nodes.node_rank = read_count(options.node_rank, "--node-rank", {0, highest}, faults);
  }
  const auto place = parse_endpoint(options.rendezvous);
  if (several && options.rendezvous.empty()) {
    faults.error("--rendezvous",
                 "missing; give an address of machine 0 and a free port there, such as "
                 "10.0.0.1:29500");
  } else if (!options.rendezvous.empty() && !place) {
    faults.error("--rendezvous",
                 "found \"" + options.rendezvous +
                     "\", expected HOST:PORT with a port of 1 to 65535, such as 10.0.0.1:29500 or "
                     "[fd00::1]:29500");
  }
  if (place) nodes.rendezvous = *place;
  if (!is_job_id(options.job_id)) {
    faults.error("--job-id",
                 "found \"" + options.job_id +
                     "\", expected at most 64 letters, digits, dots, dashes and underscores");
  }
  nodes.job_id = options.job_id;
  nodes.bind_address = options.bind;
  nodes.timeout_s = read_seconds(options.timeout, "--timeout", faults);
  return nodes;
}

// What follows `--`, read as the engine will read it. An exit code when it only asked for help.
std::optional<int> read_command(const LaunchOptions& options,
                                const std::string& program,
                                TrainOptions& train,
                                Diagnostics& faults) {
  const std::vector<std::string>& words = options.command;
  if (words.empty()) {
    faults.error("the command after --", "missing; write -- train RUN.json and its options last");
    return std::nullopt;
  }
  if (words.front() != "train") {
    const auto near = nearest_name(words.front(), {"train"});
    faults.error("the command after --",
                 "found \"" + words.front() + "\", expected train RUN.json and its options" +
                     (near ? "; did you mean `train`?" : ": only training uses several machines"));
    return std::nullopt;
  }
  Program reader({make_command(kTrainCommand, declare_train_options, [&](const TrainOptions& read) {
    train = read;
    return kExitDone;
  })});
  std::vector<const char*> arguments = {program.c_str()};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  try {
    reader.run(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::ParseError& error) {
    if (Program::asks_for_help(error)) return reader.report_exception();
    faults.error("the command after --", reader.usage_message(error));
  }
  const std::pair<const char*, bool> misplaced[] = {
      {"--nproc", train.nproc != 0},
      {"--max-restarts", train.max_restarts.has_value()},
      {"--hang-limit", train.hang_limit_s.has_value()}};
  for (const auto& [option, found] : misplaced) {
    if (found) {
      faults.error(option, "found after --; write it before, among the options of launch");
    }
  }
  return std::nullopt;
}

}  // namespace

int launch_nodes(const LaunchOptions& options, const std::string& program) {
  Diagnostics faults;
  AgentOptions agent;
  agent.nodes = read_nodes(options, faults);
  agent.num_ranks = read_count(options.nproc, "--nproc", {1, kMostRanksPerNode}, faults);
  agent.grace_s = read_seconds(options.grace, "--grace", faults);
  agent.hang.hang_s = read_hang_limit(options.hang_limit, faults);
  agent.restart.max_restarts =
      read_count(options.max_restarts, "--max-restarts", {0, kMostRestarts}, faults);
  TrainOptions train;
  if (const auto code = read_command(options, program, train, faults)) return *code;
  faults.throw_if_errors<ConfigError>("ropewalk launch");
  return start_ranks(train, options.command, std::move(agent));
}

}  // namespace ropewalk::cli
