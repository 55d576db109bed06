#include "launch/sockets.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace ropewalk {

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void Socket::close() {
  const int error = errno;
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  errno = error;
}

bool SocketAddress::is_loopback() const {
  if (storage.ss_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
  }
  const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(&storage);
  return ntohl(ipv4->sin_addr.s_addr) >> 24 == 127;
}

bool SocketAddress::is_wildcard() const {
  if (storage.ss_family == AF_INET6) {
    return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr);
  }
  return reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr == INADDR_ANY;
}

std::string SocketAddress::text() const {
  std::array<char, NI_MAXHOST> name{};
  ::getnameinfo(generic(), length, name.data(), name.size(), nullptr, 0, NI_NUMERICHOST);
  return name.data();
}

int SocketAddress::port() const {
  // At the same place for both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

Resolution resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  Resolution result;
  if (status != 0) {
    result.fault = ::gai_strerror(status);
    result.may_pass = status == EAI_AGAIN;
    return result;
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    result.addresses.push_back(address);
  }
  return result;
}

Socket listen_on(const SocketAddress& address) {
  Socket made(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (!made || ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(made.get(), address.generic(), address.length) != 0 ||
      ::listen(made.get(), SOMAXCONN) != 0) {
    made.close();
  }
  return made;
}

SocketAddress own_address(const Socket& socket) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  ::getsockname(socket.get(), address.generic(), &address.length);
  return address;
}

SocketAddress peer_address(const Socket& socket) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  ::getpeername(socket.get(), address.generic(), &address.length);
  return address;
}

}  // namespace ropewalk
