#include "launch/node_link.h"

#include <algorithm>

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

int common_code(const std::map<int, AttemptEnd>& ends) {
  int common = ends.begin()->second.exit_code;
  for (const auto& [node, end] : ends) {
    if (end.exit_code == kExitBadInput) return kExitBadInput;
    if (end.exit_code != common) common = kExitFailure;
  }
  return common;
}

}  // namespace

void NodeLink::watch(std::vector<pollfd>& watched) const {
  for (const auto& [node, peer] : peers_) watched.push_back({peer.descriptor(), POLLIN, 0});
}

std::vector<NodeMessage> NodeLink::read_failures() {
  std::vector<NodeMessage> failures;
  for (auto entry = peers_.begin(); entry != peers_.end();) {
    auto& [node, peer] = *entry;
    std::vector<NodeMessage> messages;
    const bool open = peer.receive(messages);
    for (const NodeMessage& message : messages) on_message(node, message, failures);
    if (open) {
      ++entry;
      continue;
    }
    const int lost = node;
    const std::string address = peer.peer();
    entry = peers_.erase(entry);
    on_lost(lost, address, failures);
  }
  return failures;
}

void NodeLink::on_message(int from,
                          const NodeMessage& message,
                          std::vector<NodeMessage>& failures) {
  if (message.kind == "failed" || message.kind == "hung") {
    failures.push_back(message);
    pass_on(message, from);
  } else if (message.kind == "finished" && is_hub()) {
    finished_[from] = attempt_end_of(message);
  } else if (message.kind == "again" && !is_hub()) {
    start_ = attempt_of(message);
  } else if (message.kind == "over" && !is_hub()) {
    result_ = message.code;
  }
}

void NodeLink::on_lost(int node, const std::string& address, std::vector<NodeMessage>& failures) {
  if (result_) return;
  const auto finished = finished_.find(node);
  if (finished != finished_.end()) {
    // What it told still counts, but it cannot take part in another attempt.
    finished->second.may_restart = false;
    return;
  }
  const NodeMessage failure{"failed",
                            kExitFailure,
                            "node " + std::to_string(node) + " (" + address +
                                "): its launch ended early or cannot be reached any more"};
  failures.push_back(failure);
  if (is_hub()) {
    finished_[node] = {kExitFailure, /*may_restart=*/false, JobProgress::kNone};
    pass_on(failure, node);
  } else {
    result_ = kExitFailure;
  }
}

void NodeLink::pass_on(const NodeMessage& message, int not_to) {
  if (!is_hub()) return;
  for (auto& [node, peer] : peers_) {
    if (node != not_to) peer.send(message);
  }
}

void NodeLink::tell_failed(const std::string& kind, int exit_code, const std::string& who) {
  for (auto& [node, peer] : peers_) peer.send({kind, exit_code, who});
}

void NodeLink::tell_finished(const AttemptEnd& end) {
  if (is_hub()) {
    finished_[0] = end;
  } else {
    for (auto& [node, peer] : peers_) peer.send(to_message(end));
  }
}

std::optional<AttemptEnd> NodeLink::attempt_end() const {
  if (finished_.count(0) == 0) return std::nullopt;
  for (const auto& [node, peer] : peers_) {
    if (finished_.count(node) == 0) return std::nullopt;
  }
  AttemptEnd all{common_code(finished_), /*may_restart=*/true, JobProgress::kNone};
  for (const auto& [node, end] : finished_) {
    all.may_restart = all.may_restart && end.may_restart;
    all.progress = std::max(all.progress, end.progress);
  }
  return all;
}

void NodeLink::end_job(int exit_code) {
  result_ = exit_code;
  pass_on({"over", exit_code, ""}, 0);
}

void NodeLink::start_again(const Attempt& attempt) {
  finished_.clear();
  pass_on(to_message(attempt), 0);
}

}  // namespace ropewalk
