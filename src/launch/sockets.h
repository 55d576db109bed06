// TCP sockets of the agents; private to launch.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "ropewalk/launch/nodes.h"

namespace ropewalk {

// An owned descriptor.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  void close();

 private:
  int descriptor_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool is_loopback() const;
  bool is_wildcard() const;
  std::string text() const;  // "10.0.0.1"
  int port() const;
};

struct Resolution {
  std::vector<SocketAddress> addresses;
  std::string fault;      // why there are none
  bool may_pass = false;  // the name service did not answer
};
Resolution resolve(const std::string& host, int port);

// Listening on exactly this address, without waiting in accept; empty with errno when refused.
Socket listen_on(const SocketAddress& address);
// Where a socket is bound, and where its other end is.
SocketAddress own_address(const Socket& socket);
SocketAddress peer_address(const Socket& socket);

}  // namespace ropewalk
