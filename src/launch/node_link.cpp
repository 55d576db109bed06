#include "launch/node_link.h"

#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

int common_code(const std::map<int, int>& codes) {
  int common = codes.begin()->second;
  for (const auto& [node, code] : codes) {
    if (code == kExitBadInput) return kExitBadInput;
    if (code != common) common = kExitFailure;
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
  if (is_hub()) end_if_all_finished();
  return failures;
}

void NodeLink::on_message(int from,
                          const NodeMessage& message,
                          std::vector<NodeMessage>& failures) {
  if (message.kind == "failed") {
    failures.push_back(message);
    pass_on(message, from);
  } else if (message.kind == "finished" && is_hub()) {
    finished_[from] = message.code;
  } else if (message.kind == "over" && !is_hub()) {
    result_ = message.code;
  }
}

void NodeLink::on_lost(int node, const std::string& address, std::vector<NodeMessage>& failures) {
  if (result_ || finished_.count(node) != 0) return;
  const NodeMessage failure{"failed",
                            kExitFailure,
                            "node " + std::to_string(node) + " (" + address +
                                "): its launch ended early or cannot be reached any more"};
  failures.push_back(failure);
  if (is_hub()) {
    finished_[node] = kExitFailure;
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

void NodeLink::end_if_all_finished() {
  if (result_ || finished_.count(0) == 0) return;
  for (const auto& [node, peer] : peers_) {
    if (finished_.count(node) == 0) return;
  }
  result_ = common_code(finished_);
  pass_on({"over", *result_, ""}, 0);
}

void NodeLink::tell_failed(int exit_code, const std::string& who) {
  for (auto& [node, peer] : peers_) peer.send({"failed", exit_code, who});
}

void NodeLink::tell_finished(int exit_code) {
  if (is_hub()) {
    finished_[0] = exit_code;
    end_if_all_finished();
  } else {
    for (auto& [node, peer] : peers_) peer.send({"finished", exit_code, ""});
  }
}

}  // namespace ropewalk
