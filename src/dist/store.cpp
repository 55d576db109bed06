#include "dist/store.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "dist/register_rank.h"
#include "ropewalk/base/errors.h"

namespace ropewalk::dist {
namespace {

// `localhost` may resolve to IPv6 for one rank and IPv4 for another.
std::string numeric_loopback(const std::string& host) {
  return host == "localhost" ? "127.0.0.1" : host;
}

// First descriptor that `use` makes (not -1) of one of the host's addresses; -1 with errno if none.
int with_addresses(const std::string& host,
                   int port,
                   int socket_type,
                   const std::function<int(const addrinfo&)>& use) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = socket_type;
  addrinfo* list = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (status != 0) {
    throw DistError("MASTER_ADDR " + host + ": " + ::gai_strerror(status) +
                    "; set it to a name or address that this machine can resolve");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  int result = -1;
  for (const addrinfo* entry = list; entry != nullptr && result < 0; entry = entry->ai_next) {
    result = use(*entry);
  }
  return result;
}

int open_and(const addrinfo& address, const std::function<bool(int)>& prepare) {
  const int made = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, 0);
  if (made < 0) return -1;
  if (prepare(made)) return made;
  const int error = errno;
  ::close(made);
  errno = error;
  return -1;
}

int listen_on(const std::string& host, int port) {
  const int listening = with_addresses(host, port, SOCK_STREAM, [](const addrinfo& address) {
    return open_and(address, [&](int made) {
      const int yes = 1;
      return ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
             ::bind(made, address.ai_addr, address.ai_addrlen) == 0 &&
             ::listen(made, SOMAXCONN) == 0;
    });
  });
  if (listening >= 0) return listening;
  const int error = errno;
  std::string advice;
  if (error == EADDRINUSE) advice = "; another run uses the port: set MASTER_PORT to another one";
  if (error == EADDRNOTAVAIL) advice = "; MASTER_ADDR must be an address of rank 0's own machine";
  throw DistError("rank 0: listening on " + host + ":" + std::to_string(port) + ": " +
                  std::strerror(error) + advice);
}

void check_inherited(int descriptor) {
  int listening = 0;
  socklen_t length = sizeof(listening);
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening) {
    throw DistError(
        "rank 0: ROPEWALK_STORE_FD is " + std::to_string(descriptor) +
        ", which is no listening socket; the variables of ropewalk's agent are its own, "
        "do not set them by hand");
  }
}

}  // namespace

c10::intrusive_ptr<c10d::Store> join_store(const RankEnvironment& environment,
                                           std::chrono::milliseconds timeout) {
  const std::string host = numeric_loopback(environment.master_address);
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(environment.master_port);
  options.timeout = timeout;
  // register_rank does, and says who is missing.
  options.waitWorkers = false;
  options.isServer = environment.rank == 0 && !environment.store_is_served;
  if (options.isServer) {
    if (environment.store_fd >= 0) check_inherited(environment.store_fd);
    options.masterListenFd =
        environment.store_fd >= 0 ? environment.store_fd : listen_on(host, environment.master_port);
  }
  try {
    c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::TCPStore>(host, options);
    if (!environment.store_prefix.empty()) {
      store = c10::make_intrusive<c10d::PrefixStore>(environment.store_prefix, store);
    }
    return register_rank(store, environment, timeout);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw DistError(name_of(environment) + ": no rendezvous at " + host + ":" +
                    std::to_string(environment.master_port) + " (" + first_line(error.what()) +
                    "); see that all ranks are started and can reach rank 0's machine");
  }
}

std::string address_towards(const std::string& host, int port) {
  std::array<char, NI_MAXHOST> text{};
  // Connecting a datagram socket only chooses a route; nothing is sent.
  const int made =
      with_addresses(numeric_loopback(host), port, SOCK_DGRAM, [](const addrinfo& address) {
        return open_and(address, [&](int probe) {
          return ::connect(probe, address.ai_addr, address.ai_addrlen) == 0;
        });
      });
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  auto* generic = reinterpret_cast<sockaddr*>(&own);
  const bool known =
      made >= 0 && ::getsockname(made, generic, &length) == 0 &&
      ::getnameinfo(generic, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0;
  const int error = errno;
  if (made >= 0) ::close(made);
  if (!known) {
    throw DistError("no route to MASTER_ADDR " + host + ": " + std::strerror(error) +
                    "; see to the network, or set MASTER_ADDR to a reachable address");
  }
  return text.data();
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace ropewalk::dist
