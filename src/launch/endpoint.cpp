#include "ropewalk/base/text.h"
#include "ropewalk/launch/nodes.h"

namespace ropewalk {

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::optional<int> port = parse_int(text.substr(colon + 1));
  if (!port || *port < 1 || *port > 65535) return std::nullopt;
  const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (in_brackets) host = host.substr(1, host.size() - 2);
  // An IPv6 address without brackets cannot be told from one with a port.
  const bool has_colon = host.find(':') != std::string_view::npos;
  const bool has_bracket = host.find_first_of("[]") != std::string_view::npos;
  if (host.empty() || has_bracket || has_colon != in_brackets) return std::nullopt;
  return Endpoint{std::string(host), *port};
}

std::string describe(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

}  // namespace ropewalk
