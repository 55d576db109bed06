#include "launch/variables.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// Entry `node` of Slurm's run-length list "4(x2),3": ranks on each node.
std::optional<int> tasks_of_node(const std::string& list, int node) {
  for (const std::string& part : split(list, ',')) {
    const size_t open = part.find("(x");
    const auto tasks = parse_int(std::string_view(part).substr(0, open));
    int times = 1;
    if (open != std::string::npos) {
      if (part.back() != ')') return std::nullopt;
      times =
          parse_int(std::string_view(part).substr(open + 2, part.size() - open - 3)).value_or(0);
    }
    if (!tasks || *tasks < 0 || times < 1) return std::nullopt;
    if (node < times) return tasks;
    node -= times;
  }
  return std::nullopt;
}

// The first of these variables that is set.
const char* first_set(const Variables& variables, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (variables.has(name)) return name;
  }
  return *names.begin();
}

int local_size(const Variables& variables, const RankEnvironment& found, Diagnostics& faults) {
  const char* list = first_set(variables, {"SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"});
  if (!variables.has(list)) {
    const char* nodes = first_set(variables, {"SLURM_STEP_NUM_NODES", "SLURM_NNODES"});
    const std::string count = variables.text(nodes).value_or("1");
    if (count == "1") return found.world_size;
    faults.error(
        list,
        "missing, while " + std::string(nodes) + " is " + count + "; start the ranks with srun");
    return found.world_size;
  }
  const int node = variables.has("SLURM_NODEID") ? variables.number("SLURM_NODEID", 0, faults) : 0;
  const std::string text = *variables.text(list);
  const auto tasks = tasks_of_node(text, node);
  if (!tasks || *tasks < 1) {
    faults.error(list,
                 "found \"" + text + "\", expected a list such as 4(x2),3 with an entry for node " +
                     std::to_string(node));
    return found.world_size;
  }
  return *tasks;
}

}  // namespace

bool is_slurm_step(const Variables& variables) {
  if (!variables.has("SLURM_PROCID")) return false;
  if (!variables.has("SLURM_STEP_NUM_TASKS") && !variables.has("SLURM_NTASKS")) return false;
  const bool batch_shell = variables.text("ENVIRONMENT").value_or("") == "BATCH";
  return variables.has("SLURM_STEP_ID") || !batch_shell;
}

RankEnvironment from_slurm(const Variables& variables, Diagnostics& faults) {
  RankEnvironment found;
  found.launcher = "Slurm";
  found.rank = variables.number("SLURM_PROCID", 0, faults);
  // A step may have fewer ranks than the allocation, whose number SLURM_NTASKS keeps.
  found.world_size =
      variables.number(first_set(variables, {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}), 1, faults);
  if (found.single()) return found;
  found.local_rank = variables.number("SLURM_LOCALID", 0, faults);
  found.local_world_size = local_size(variables, found, faults);
  MasterDefaults defaults;
  const char* nodes =
      first_set(variables, {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"});
  if (!found.several_machines()) {
    defaults.address = "127.0.0.1";
  } else if (const auto list = variables.text(nodes)) {
    try {
      defaults.address = first_host_of_node_list(*list);
    } catch (const ConfigError& error) {
      faults.error(nodes, error.what());
    }
  }
  const char* job = first_set(variables, {"SLURM_JOB_ID", "SLURM_JOBID"});
  if (const auto id = variables.text(job)) {
    defaults.port = port_of_job(*id + "." + variables.text("SLURM_STEP_ID").value_or("0"));
  }
  read_master(variables, found, faults, defaults);
  return found;
}

std::string first_host_of_node_list(const std::string& node_list) {
  const auto refuse = [&]() -> ConfigError {
    return ConfigError("found node list \"" + node_list +
                       "\", expected one such as gpu[003-005,9],login; set MASTER_ADDR instead");
  };
  std::string host;
  for (size_t i = 0; i < node_list.size() && node_list[i] != ','; ++i) {
    if (node_list[i] != '[') {
      host += node_list[i];
      continue;
    }
    const size_t close = node_list.find(']', i);
    if (close == std::string::npos) throw refuse();
    const size_t first_end = node_list.find_first_of(",-]", i + 1);
    const std::string first = node_list.substr(i + 1, first_end - i - 1);
    if (!parse_int(first)) throw refuse();
    host += first;
    i = close;
  }
  if (host.empty() || host.find(']') != std::string::npos) throw refuse();
  return host;
}

}  // namespace ropewalk
