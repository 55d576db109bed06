#include "ropewalk/checkpoint/agree.h"

#include <exception>
#include <string>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/json.h"

namespace ropewalk {
namespace {

// {"ok": "..."} or {"error": "...", "exit_code": n}, and the exception itself for its own rank.
struct Outcome {
  Json fields = Json::object();
  std::exception_ptr exception;

  // Messages may hold bytes of foreign files, hence the lenient UTF-8.
  std::string text() const { return fields.dump(-1, ' ', false, Json::error_handler_t::replace); }
};

Outcome outcome_of(const std::function<std::string()>& work) {
  Outcome outcome;
  try {
    outcome.fields["ok"] = work();
  } catch (const DistError&) {
    throw;  // no further collective may be tried
  } catch (const Error& error) {
    outcome.fields["error"] = error.what();
    outcome.fields["exit_code"] = error.exit_code();
    outcome.exception = std::current_exception();
  } catch (const std::exception& error) {
    outcome.fields["error"] = error.what();
    outcome.fields["exit_code"] = kExitFailure;
    outcome.exception = std::current_exception();
  }
  return outcome;
}

}  // namespace

std::string on_first_rank(dist::Group& group, const std::function<std::string()>& work) {
  Outcome mine;
  if (group.rank() == 0) mine = outcome_of(work);
  const Json outcome = Json::parse(group.broadcast_text(mine.text()));
  if (mine.exception) std::rethrow_exception(mine.exception);
  if (outcome.contains("error")) {
    throw Error(outcome.at("error").get<std::string>(), outcome.at("exit_code").get<int>());
  }
  return outcome.at("ok").get<std::string>();
}

std::vector<std::string> from_every_rank(dist::Group& group,
                                         const std::function<std::string()>& work) {
  const Outcome mine = outcome_of(work);
  const std::vector<std::string> outcomes = group.all_gather_text(mine.text());
  if (outcomes.size() == 1 && mine.exception) std::rethrow_exception(mine.exception);
  std::vector<std::string> texts;
  std::string text;
  int exit_code = 0;
  for (size_t rank = 0; rank < outcomes.size(); ++rank) {
    const Json outcome = Json::parse(outcomes[rank]);
    if (!outcome.contains("error")) {
      texts.push_back(outcome.at("ok").get<std::string>());
      continue;
    }
    if (!text.empty()) text += "\n";
    text += "rank " + std::to_string(rank) + ": " + outcome.at("error").get<std::string>();
    if (exit_code == 0) exit_code = outcome.at("exit_code").get<int>();
  }
  if (exit_code != 0) throw Error(text, exit_code);
  return texts;
}

void on_every_rank(dist::Group& group, const std::function<void()>& work) {
  from_every_rank(group, [&] {
    work();
    return std::string();
  });
}

}  // namespace ropewalk
