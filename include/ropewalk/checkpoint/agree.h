// Work that may fail on one rank, with the outcome known to every rank: a rank that went on alone
// would wait for its peers for ever. A DistError of the work is thrown as it is, on its own rank:
// the ranks cannot agree any more.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ropewalk/dist/group.h"

namespace ropewalk {

// Runs `work` on rank 0 only and gives its text to all. If it throws, every rank throws an error of
// the same text and exit code. Collective.
std::string on_first_rank(dist::Group& group, const std::function<std::string()>& work);

// Runs `work` everywhere and gives every rank's text to all, by rank. If it throws anywhere, every
// rank throws, naming the ranks. Collective.
std::vector<std::string> from_every_rank(dist::Group& group,
                                         const std::function<std::string()>& work);
// The same without texts.
void on_every_rank(dist::Group& group, const std::function<void()>& work);

}  // namespace ropewalk
