#include "checkpoint/agree.h"

#include <exception>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

// Outcome as text: {"ok": "..."} or {"error": "...", "exit_code": n}. Messages may hold bytes of
// foreign files, hence the lenient UTF-8 on output.
std::string outcome_of(const std::function<std::string()>& work) {
  Json outcome = Json::object();
  try {
    outcome["ok"] = work();
  } catch (const Error& error) {
    outcome["error"] = error.what();
    outcome["exit_code"] = error.exit_code();
  } catch (const std::exception& error) {
    outcome["error"] = error.what();
    outcome["exit_code"] = kExitFailure;
  }
  return outcome.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string on_first_rank(dist::Group& group, const std::function<std::string()>& work) {
  const std::string mine = group.rank() == 0 ? outcome_of(work) : std::string();
  const Json outcome = Json::parse(group.all_gather_text(mine).front());
  if (outcome.contains("error")) {
    throw Error(outcome.at("error").get<std::string>(), outcome.at("exit_code").get<int>());
  }
  return outcome.at("ok").get<std::string>();
}

void on_every_rank(dist::Group& group, const std::function<void()>& work) {
  const std::string mine = outcome_of([&] {
    work();
    return std::string();
  });
  const std::vector<std::string> outcomes = group.all_gather_text(mine);
  std::string text;
  int exit_code = 0;
  for (size_t rank = 0; rank < outcomes.size(); ++rank) {
    const Json outcome = Json::parse(outcomes[rank]);
    if (!outcome.contains("error")) continue;
    if (!text.empty()) text += "\n";
    if (outcomes.size() > 1) text += "rank " + std::to_string(rank) + ": ";
    text += outcome.at("error").get<std::string>();
    if (exit_code == 0) exit_code = outcome.at("exit_code").get<int>();
  }
  if (exit_code != 0) throw Error(text, exit_code);
}

}  // namespace ropewalk
