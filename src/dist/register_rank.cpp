#include "dist/register_rank.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <vector>

#include "dist/store.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/nonce.h"
#include "ropewalk/base/text.h"

namespace ropewalk::dist {
namespace {

constexpr const char* kJobKey = "ropewalk/job";
constexpr const char* kCompleteKey = "ropewalk/complete";
// Of the missing ranks, in a message.
constexpr size_t kMostNamed = 8;

// What rank 0 tells: "given" or "drawn" (by whom the nonce is), the nonce, the world size.
struct Job {
  std::string source, nonce, world_size;

  std::string text() const { return source + " " + nonce + " " + world_size; }
  bool is_given() const { return source == "given"; }
};

Job own_job(const RankEnvironment& environment) {
  const bool given = !environment.nonce.empty();
  return {given ? "given" : "drawn",
          given ? environment.nonce : make_nonce(),
          std::to_string(environment.world_size)};
}

Job parse_job(const std::string& text, const RankEnvironment& environment) {
  const std::vector<std::string> words = split(text, ' ');
  if (words.size() != 3) {
    throw DistError(name_of(environment) +
                    ": what rank 0 tells of the job is of another version of ropewalk; run the "
                    "same one everywhere");
  }
  return {words[0], words[1], words[2]};
}

std::string place_of(const RankEnvironment& environment) {
  return environment.master_address + ":" + std::to_string(environment.master_port);
}

void compare_jobs(const Job& job, const RankEnvironment& environment) {
  const bool given = !environment.nonce.empty();
  if (job.is_given() != given || (given && job.nonce != environment.nonce)) {
    throw DistError(name_of(environment) + ": the ranks that meet at " + place_of(environment) +
                    " are another job's, or of another start of this one; this rank takes no part. "
                    "Give each job a port of its own");
  }
  if (job.world_size != std::to_string(environment.world_size)) {
    throw DistError(name_of(environment) + ": rank 0 at " + place_of(environment) +
                    " was started as one of " + job.world_size +
                    "; start all ranks with the same number of ranks");
  }
}

std::string rank_key(int rank) { return "ropewalk/rank/" + std::to_string(rank); }

void take_number(c10d::Store& store, const RankEnvironment& environment) {
  if (store.add(rank_key(environment.rank), 1) == 1) return;
  throw DistError(name_of(environment) + ": another rank at " + place_of(environment) +
                  " has this number already; give each rank its own, and each job a port of its "
                  "own");
}

[[noreturn]] void fail_missing(c10d::Store& store, const RankEnvironment& environment) {
  std::vector<std::string> missing;
  for (int rank = 0; rank < environment.world_size && missing.size() < kMostNamed; ++rank) {
    if (!store.check({rank_key(rank)})) missing.push_back(std::to_string(rank));
  }
  throw DistError(name_of(environment) + ": no rendezvous at " + place_of(environment) +
                  ": ranks are missing: " + join(missing, ", ") +
                  "; see that all ranks are started and can reach rank 0's machine");
}

}  // namespace

std::string name_of(const RankEnvironment& environment) {
  return "rank " + std::to_string(environment.rank) + " of " +
         std::to_string(environment.world_size);
}

c10::intrusive_ptr<c10d::Store> register_rank(const c10::intrusive_ptr<c10d::Store>& store,
                                              const RankEnvironment& environment,
                                              std::chrono::milliseconds timeout) {
  Job job = own_job(environment);
  if (environment.rank == 0) {
    take_number(*store, environment);
    store->set(kJobKey, job.text());
  } else {
    store->wait({kJobKey}, timeout);
    job = parse_job(store->get_to_str(kJobKey), environment);
    compare_jobs(job, environment);
    take_number(*store, environment);
  }
  // The last one says that all have come.
  if (store->add("ropewalk/arrived", 1) == environment.world_size) store->set(kCompleteKey, "yes");
  try {
    store->wait({kCompleteKey}, timeout);
  } catch (const std::exception&) {
    fail_missing(*store, environment);
  }
  return c10::make_intrusive<c10d::PrefixStore>(job.nonce, store);
}

}  // namespace ropewalk::dist
