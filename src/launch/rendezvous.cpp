#include "launch/rendezvous.h"

#include <netinet/in.h>

#include <cerrno>
#include <cstring>

#include "launch/gathering.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/log.h"
#include "ropewalk/base/nonce.h"
#include "ropewalk/base/text.h"

namespace ropewalk {
namespace {

// Node 0 tells at once that it has heard, however many machines are still missing.
constexpr std::chrono::seconds kLongestAnswer{5};
constexpr std::chrono::milliseconds kBetweenTries{200};

[[noreturn]] void fail_listening(const Endpoint& place, int error) {
  std::string advice;
  if (error == EADDRINUSE) {
    advice = "; another run uses the port, or two machines were started with --node-rank 0";
  }
  if (error == EADDRNOTAVAIL) {
    advice =
        "; --rendezvous is an address of node 0's own machine: give one that this machine has, or "
        "another --node-rank";
  }
  throw DistError("node 0: listening on " + describe(place) + ": " + std::strerror(error) + advice);
}

Socket listen_at(const Endpoint& place) {
  const Resolution found = resolve(place.host, place.port);
  if (found.addresses.empty()) {
    throw ConfigError("--rendezvous: " + place.host + ": " + found.fault +
                      "; give a name or address that every machine can resolve");
  }
  // Debian's /etc/hosts gives a machine's own name an address that only itself can reach.
  const bool named = found.addresses.front().text() != place.host && place.host != "localhost";
  int error = 0;
  for (const SocketAddress& address : found.addresses) {
    if (address.is_wildcard()) {
      throw ConfigError("--rendezvous: found " + describe(place) +
                        ", which is every interface; give the one address that the other machines "
                        "reach");
    }
    if (named && address.is_loopback()) continue;
    Socket listening = listen_on(address);
    if (listening) return listening;
    error = errno;
  }
  if (error == 0) {
    throw ConfigError("--rendezvous: " + place.host + " is " + found.addresses.front().text() +
                      " on this machine, which others cannot reach; give the address itself");
  }
  fail_listening(place, error);
}

void check_bind_address(const std::string& host) {
  if (host.empty()) return;
  const Resolution found = resolve(host, 0);
  const bool is_own = !found.addresses.empty() && !found.addresses.front().is_wildcard() &&
                      listen_on(found.addresses.front());
  if (!is_own) {
    throw ConfigError("--bind: found " + host +
                      ", expected one address of this machine that the other machines reach");
  }
}

Registration own_registration(const AgentOptions& options) {
  // The program's own path may differ between machines.
  const std::vector<std::string> words(options.command.begin() + 1, options.command.end());
  return {options.nodes.num_nodes,
          options.num_ranks,
          options.nodes.node_rank,
          hash_text(join(words, "\n")),
          options.nodes.job_id};
}

// A machine other than node 0 on its way to be registered.
class Registering {
 public:
  Registering(const AgentOptions& options, AgentSignals& signals)
      : options_(options),
        place_(describe(options.nodes.rendezvous)),
        until_(deadline_in(options.nodes.timeout_s)),
        signals_(signals) {}

  Connection run() {
    Connection hub = connect();
    hub.send(to_message(own_registration(options_)));
    const auto answer = wait_for_message(hub, std::min(until_, Clock::now() + kLongestAnswer));
    if (!answer) fail_as_stranger();
    accept_or_throw(*answer, "welcome");
    log_info("registered at " + place_ + "; waiting for the other machines");
    // Node 0 keeps the time from here on.
    const auto last = wait_for_message(hub, std::nullopt);
    if (!last) throw DistError(place_ + ": node 0 ended before all machines had come");
    accept_or_throw(*last, "go");
    nonce_ = last->text;
    return hub;
  }

  // Of the run, once registered.
  const std::string& nonce() const { return nonce_; }

 private:
  Connection connect() {
    std::string told;
    for (;;) {
      std::string fault;
      if (Socket made = try_addresses(fault)) return Connection(std::move(made));
      if (fault != told) log_info("waiting for node 0 at " + place_ + " (" + fault + ")");
      told = fault;
      wait_for(signals_, {}, std::min(until_, Clock::now() + kBetweenTries));
      if (Clock::now() >= until_) {
        throw DistError("no rendezvous at " + place_ + " within " +
                        format_number(options_.nodes.timeout_s) + " s (" + fault +
                        "); see that node 0 is started with the same --rendezvous and that this "
                        "machine reaches it");
      }
    }
  }

  Socket try_addresses(std::string& fault) {
    const Endpoint& place = options_.nodes.rendezvous;
    const Resolution found = resolve(place.host, place.port);
    fault = found.fault;
    if (found.addresses.empty() && !found.may_pass) {
      throw ConfigError("--rendezvous: " + place.host + ": " + found.fault +
                        "; give a name or address that every machine can resolve");
    }
    for (const SocketAddress& address : found.addresses) {
      Socket made = try_address(address);
      if (made) return made;
      fault = std::strerror(errno);
    }
    return Socket();
  }

  Socket try_address(const SocketAddress& address) {
    Socket made(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!made) return made;
    int error = 0;
    if (::connect(made.get(), address.generic(), address.length) != 0) error = errno;
    if (error == EINPROGRESS) {
      error = ETIMEDOUT;
      if (wait_for(signals_,
                   {{made.get(), POLLOUT, 0}},
                   std::min(until_, Clock::now() + kLongestAnswer))) {
        socklen_t length = sizeof(error);
        ::getsockopt(made.get(), SOL_SOCKET, SO_ERROR, &error, &length);
      }
    }
    // Where nobody listens, a socket on the same machine may by chance connect to itself.
    if (error == 0 && own_address(made).port() == peer_address(made).port() &&
        own_address(made).text() == peer_address(made).text()) {
      error = ECONNREFUSED;
    }
    if (error != 0) made.close();
    errno = error;
    return made;
  }

  // Empty when the connection closed or the time passed.
  std::optional<NodeMessage> wait_for_message(Connection& hub,
                                              std::optional<Clock::time_point> until) {
    while (unread_.empty()) {
      if (!wait_for(signals_, {{hub.descriptor(), POLLIN, 0}}, until)) return std::nullopt;
      if (!hub.receive(unread_) && unread_.empty()) return std::nullopt;
    }
    const NodeMessage first = unread_.front();
    unread_.erase(unread_.begin());
    return first;
  }

  void accept_or_throw(const NodeMessage& message, const char* expected) const {
    if (message.kind == expected) return;
    if (message.kind != "refuse") fail_as_stranger();
    if (message.code == kExitBadInput) throw ConfigError(message.text);
    throw DistError(message.text);
  }

  [[noreturn]] void fail_as_stranger() const {
    throw DistError(place_ +
                    " takes no registrations: its run has started already (is --node-rank " +
                    std::to_string(options_.nodes.node_rank) +
                    " given twice?), or another program listens there");
  }

  const AgentOptions& options_;
  const std::string place_;
  const Clock::time_point until_;
  AgentSignals& signals_;
  std::vector<NodeMessage> unread_;
  std::string nonce_;
};

}  // namespace

StorePlace local_store() {
  SocketAddress loopback;
  auto* ipv4 = reinterpret_cast<sockaddr_in*>(&loopback.storage);
  ipv4->sin_family = AF_INET;
  ipv4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  loopback.length = sizeof(*ipv4);
  StorePlace place;
  place.listening = listen_on(loopback);
  if (!place.listening) {
    throw IoError(std::string("starting local ranks: binding the store's socket to 127.0.0.1: ") +
                  std::strerror(errno));
  }
  place.address = "127.0.0.1";
  place.port = own_address(place.listening).port();
  return place;
}

StorePlace store_at_rendezvous(const NodeOptions& nodes) {
  StorePlace place;
  place.listening = listen_at(nodes.rendezvous);
  place.address = own_address(place.listening).text();
  place.port = nodes.rendezvous.port;
  return place;
}

Meeting meet_other_nodes(const AgentOptions& options, AgentSignals& signals) {
  check_bind_address(options.nodes.bind_address);
  Meeting meeting;
  std::map<int, Connection> peers;
  if (options.nodes.node_rank == 0) {
    meeting.store = store_at_rendezvous(options.nodes);
    meeting.nonce = make_nonce();
    peers =
        Gathering(
            own_registration(options), options.nodes.timeout_s, meeting.store.listening, signals)
            .run(meeting.nonce);
  } else {
    Registering registering(options, signals);
    Connection hub = registering.run();
    meeting.store.address = hub.peer();
    meeting.store.port = options.nodes.rendezvous.port;
    meeting.nonce = registering.nonce();
    peers.emplace(0, std::move(hub));
  }
  meeting.link = std::make_unique<NodeLink>(options.nodes.node_rank, std::move(peers));
  return meeting;
}

}  // namespace ropewalk
