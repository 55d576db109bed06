#include <sstream>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"
#include "ropewalk/base/text.h"
#include "ropewalk/parallel/data_parallel.h"

namespace ropewalk::parallel {
namespace {

// One line per parameter: what must agree between ranks.
std::string describe(const NamedParameters& parameters) {
  std::ostringstream text;
  for (const auto& [name, tensor] : parameters) {
    text << name << ' ' << tensor.sizes() << ' ' << tensor.scalar_type()
         << (tensor.requires_grad() ? "" : " frozen") << '\n';
  }
  return text.str();
}

// Whether every rank has this text: lists of a large model from a thousand ranks are not gathered.
bool is_same_everywhere(const std::string& text, dist::Group& group) {
  const auto hash = static_cast<int64_t>(std::stoull(hash_text(text).substr(0, 12), nullptr, 16));
  at::Tensor ends = at::tensor({hash, -hash}, at::kLong);
  group.all_reduce_max(ends);
  return ends[0].item<int64_t>() == hash && ends[1].item<int64_t>() == -hash;
}

}  // namespace

void check_same_parameters(const NamedParameters& parameters, dist::Group& group) {
  const std::string own = describe(parameters);
  if (is_same_everywhere(own, group)) return;
  const std::vector<std::string> texts = group.all_gather_text(own);
  for (size_t rank = 1; rank < texts.size(); ++rank) {
    if (texts[rank] == texts[0]) continue;
    const std::vector<std::string> first = split(texts[0], '\n'), other = split(texts[rank], '\n');
    size_t i = 0;
    while (i + 1 < first.size() && i + 1 < other.size() && first[i] == other[i]) ++i;
    const auto shown = [](const std::string& line) { return line.empty() ? "nothing" : line; };
    throw DistError("parameter " + std::to_string(i) + " differs between ranks: rank 0 has " +
                    shown(first[i]) + ", rank " + std::to_string(rank) + " has " + shown(other[i]) +
                    "; start all ranks with the same config, files and program");
  }
}

void broadcast_parameters(const NamedParameters& parameters, dist::Group& group) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : parameters) {
    at::Tensor values = tensor.detach().contiguous();
    group.broadcast(values);
    if (!values.is_alias_of(tensor)) tensor.detach().copy_(values);
  }
}

}  // namespace ropewalk::parallel
