#include "launch/gathering.h"

#include <algorithm>
#include <cmath>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr std::chrono::seconds kLongestHello{10};
// Strangers on the port can hold no more than this many descriptors.
constexpr size_t kMostCallers = 256;

}  // namespace

bool wait_for(AgentSignals& signals,
              std::vector<pollfd> watched,
              std::optional<Clock::time_point> until) {
  watched.push_back({signals.descriptor(), POLLIN, 0});
  for (;;) {
    int left_ms = -1;
    if (until) {
      const std::chrono::duration<double, std::milli> left = *until - Clock::now();
      if (left.count() <= 0) return false;
      left_ms = static_cast<int>(std::min(std::ceil(left.count()), 1e6));
    }
    const int count = ::poll(watched.data(), watched.size(), left_ms);
    if (count <= 0) continue;
    while (const auto number = signals.next()) {
      if (*number == SIGCHLD) continue;
      throw DistError(
          "stopped by a signal while waiting for the other machines; no rank was "
          "started");
    }
    const bool any_other = std::any_of(
        watched.begin(), watched.end() - 1, [](const pollfd& entry) { return entry.revents != 0; });
    if (any_other) return true;
  }
}

Gathering::Gathering(Registration own,
                     double timeout_s,
                     const Socket& listening,
                     AgentSignals& signals)
    : own_(std::move(own)),
      timeout_s_(timeout_s),
      until_(deadline_in(timeout_s)),
      listening_(listening),
      signals_(signals) {}

std::map<int, Connection> Gathering::run(const std::string& nonce) {
  const int others = own_.num_nodes - 1;
  log_info("waiting for " + std::to_string(others) +
           (others == 1 ? " other machine at " : " other machines at ") +
           describe({own_address(listening_).text(), own_address(listening_).port()}));
  while (nodes_.size() + 1 < static_cast<size_t>(own_.num_nodes)) {
    std::vector<pollfd> watched = {{listening_.get(), POLLIN, 0}};
    auto until = until_;
    for (const Caller& caller : callers_) {
      watched.push_back({caller.connection.descriptor(), POLLIN, 0});
      until = std::min(until, caller.until);
    }
    for (const auto& [node, peer] : nodes_) watched.push_back({peer.descriptor(), POLLIN, 0});
    wait_for(signals_, std::move(watched), until);
    if (Clock::now() >= until_) fail_incomplete();
    hear_nodes();
    hear_callers();
    take_callers();
  }
  for (auto& [node, peer] : nodes_) peer.send({"go", 0, nonce});
  return std::move(nodes_);
}

void Gathering::take_callers() {
  for (;;) {
    Socket caller(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!caller) return;
    if (callers_.size() >= kMostCallers) callers_.erase(callers_.begin());
    callers_.push_back({Connection(std::move(caller)), Clock::now() + kLongestHello});
  }
}

void Gathering::hear_callers() {
  std::vector<Caller> silent;
  std::vector<Caller> before = std::move(callers_);
  for (Caller& caller : before) {
    std::vector<NodeMessage> messages;
    const bool open = caller.connection.receive(messages);
    if (!messages.empty()) {
      on_hello(std::move(caller.connection), messages.front());
    } else if (open && Clock::now() < caller.until) {
      silent.push_back(std::move(caller));
    } else {
      log_warn("a connection from " + caller.connection.peer() +
               " that registered no machine: closed");
    }
  }
  callers_ = std::move(silent);
}

void Gathering::hear_nodes() {
  for (auto entry = nodes_.begin(); entry != nodes_.end();) {
    std::vector<NodeMessage> messages;
    if (entry->second.receive(messages)) {
      ++entry;
      continue;
    }
    log_warn("node " + std::to_string(entry->first) + " (" + entry->second.peer() +
             ") has gone; waiting for it to be started again");
    entry = nodes_.erase(entry);
  }
}

void Gathering::on_hello(Connection connection, const NodeMessage& message) {
  const auto other = registration_of(message);
  if (!other) {
    const std::string text =
        "no registration that this version understands; run the same version "
        "of ropewalk on every machine";
    log_warn("from " + connection.peer() + ": " + text);
    connection.send({"refuse", kExitBadInput, text});
    return;
  }
  const std::string who =
      "node " + std::to_string(other->node_rank) + " (" + connection.peer() + ")";
  if (other->job_id != own_.job_id) {
    const std::string text = who + ": --job-id: found \"" + other->job_id +
                             "\", while the run that waits at this rendezvous has \"" +
                             own_.job_id + "\"; use another port or the same job";
    log_warn(text + "; turned away, still waiting");
    connection.send({"refuse", kExitBadInput, text});
    return;
  }
  Diagnostics faults = compare_registrations(own_, *other);
  const auto same = nodes_.find(other->node_rank);
  if (same != nodes_.end()) {
    faults.error("--node-rank",
                 "found " + std::to_string(other->node_rank) + ", which the machine at " +
                     same->second.peer() + " has; give each machine its own");
  }
  if (!faults.ok()) {
    const std::string text = faults.report(who + " does not fit the run of node 0");
    connection.send({"refuse", kExitBadInput, text});
    refuse_all(kExitBadInput, text);
    throw ConfigError(text);
  }
  connection.send({"welcome", 0, ""});
  nodes_.emplace(other->node_rank, std::move(connection));
}

void Gathering::refuse_all(int exit_code, const std::string& text) {
  for (auto& [node, peer] : nodes_) peer.send({"refuse", exit_code, text});
}

void Gathering::fail_incomplete() {
  std::vector<std::string> missing;
  for (int node = 1; node < own_.num_nodes; ++node) {
    if (nodes_.count(node) == 0) missing.push_back(std::to_string(node));
  }
  const std::string text =
      "only " + std::to_string(nodes_.size() + 1) + " of " + std::to_string(own_.num_nodes) +
      " machines came within " + format_number(timeout_s_) + " s; missing: --node-rank " +
      join(missing, ", ") + "; see that they are started and reach " +
      describe({own_address(listening_).text(), own_address(listening_).port()});
  refuse_all(kExitFailure, text);
  throw DistError(text);
}

}  // namespace ropewalk
