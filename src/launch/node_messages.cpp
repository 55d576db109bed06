#include "launch/node_messages.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>

#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

constexpr size_t kLongestMessage = 16 << 10;

std::optional<NodeMessage> parse_message(const std::string& line) {
  const size_t first = line.find(' ');
  if (first == std::string::npos) return std::nullopt;
  const size_t second = line.find(' ', first + 1);
  if (second == std::string::npos) return std::nullopt;
  const auto code = parse_int(std::string_view(line).substr(first + 1, second - first - 1));
  if (!code) return std::nullopt;
  NodeMessage message{line.substr(0, first), *code, line.substr(second + 1)};
  for (char& c : message.text) {
    if (static_cast<unsigned char>(c) < ' ' && c != '\n') c = '?';
  }
  return message;
}

std::optional<JobProgress> parse_progress(const std::string& text) {
  const auto number = parse_int(text);
  if (!number || *number < 0 || *number > static_cast<int>(JobProgress::kSaved)) {
    return std::nullopt;
  }
  return static_cast<JobProgress>(*number);
}

std::string to_text(JobProgress progress) { return std::to_string(static_cast<int>(progress)); }

// A machine that lost power or its network is noticed within a minute although nothing is sent.
void watch_for_silence(const Socket& socket) {
  const int on = 1, idle_s = 20, interval_s = 5, probes = 4, unacknowledged_ms = 40'000;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
  ::setsockopt(
      socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof(unacknowledged_ms));
}

}  // namespace

Connection::Connection(Socket socket)
    : socket_(std::move(socket)), peer_(peer_address(socket_).text()) {
  watch_for_silence(socket_);
}

void Connection::send(const NodeMessage& message) {
  const std::string text = message.text.substr(0, kLongestMessage / 2);
  const std::string line =
      message.kind + " " + std::to_string(message.code) + " " + text + std::string(1, '\0');
  // Far below what a socket buffers: it goes out whole or the connection is lost.
  const ssize_t sent = ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(line.size())) ::shutdown(socket_.get(), SHUT_RDWR);
}

bool Connection::receive(std::vector<NodeMessage>& messages) {
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (count <= 0) return false;
    unread_.append(bytes.data(), static_cast<size_t>(count));
    for (size_t end; (end = unread_.find('\0')) != std::string::npos;) {
      const auto message = parse_message(unread_.substr(0, end));
      if (!message) return false;
      messages.push_back(*message);
      unread_.erase(0, end + 1);
    }
    if (unread_.size() > kLongestMessage) return false;
  }
}

NodeMessage to_message(const Registration& own) {
  const std::vector<std::string> words = {std::to_string(own.num_nodes),
                                          std::to_string(own.ranks_per_node),
                                          std::to_string(own.node_rank),
                                          own.command,
                                          "=" + own.job_id};
  return {"hello", kProtocolVersion, join(words, " ")};
}

std::optional<Registration> registration_of(const NodeMessage& message) {
  const std::vector<std::string> words = split(message.text, ' ');
  if (message.kind != "hello" || message.code != kProtocolVersion || words.size() != 5 ||
      words[4].rfind('=', 0) != 0) {
    return std::nullopt;
  }
  const auto nodes = parse_int(words[0]), ranks = parse_int(words[1]), node = parse_int(words[2]);
  if (!nodes || !ranks || !node) return std::nullopt;
  return Registration{*nodes, *ranks, *node, words[3], words[4].substr(1)};
}

NodeMessage to_message(const AttemptEnd& end) {
  return {
      "finished", end.exit_code, (end.may_restart ? "again " : "stay ") + to_text(end.progress)};
}

AttemptEnd attempt_end_of(const NodeMessage& message) {
  AttemptEnd end{message.code, /*may_restart=*/false, JobProgress::kNone};
  const std::vector<std::string> words = split(message.text, ' ');
  const auto progress = words.size() == 2 ? parse_progress(words[1]) : std::nullopt;
  if (!progress) return end;
  end.may_restart = words[0] == "again";
  end.progress = *progress;
  return end;
}

NodeMessage to_message(const Attempt& attempt) {
  return {"again", attempt.number, to_text(attempt.progress) + " " + attempt.nonce};
}

std::optional<Attempt> attempt_of(const NodeMessage& message) {
  const std::vector<std::string> words = split(message.text, ' ');
  const auto progress = words.size() == 2 ? parse_progress(words[0]) : std::nullopt;
  if (!progress) return std::nullopt;
  return Attempt{message.code, *progress, words[1]};
}

Diagnostics compare_registrations(const Registration& own, const Registration& other) {
  Diagnostics faults;
  const auto differ = [&](const char* option, int of_other, int of_own) {
    if (of_other == of_own) return;
    faults.error(option,
                 "found " + std::to_string(of_other) + ", node 0 was started with " +
                     std::to_string(of_own) + "; give every machine the same");
  };
  differ("--nnodes", other.num_nodes, own.num_nodes);
  differ("--nproc", other.ranks_per_node, own.ranks_per_node);
  if (other.node_rank < 1 || other.node_rank >= own.num_nodes) {
    faults.error("--node-rank",
                 "found " + std::to_string(other.node_rank) + ", expected 1 to " +
                     std::to_string(own.num_nodes - 1) + " beside node 0");
  }
  if (other.command != own.command) {
    faults.error("the words after --",
                 "differ from node 0's; start every machine with the same, or set another "
                 "--job-id if this is another run");
  }
  return faults;
}

}  // namespace ropewalk
