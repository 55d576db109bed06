// Which extras of a request belong to which kinds, as one table.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "ropewalk/rope/scaling.h"

namespace ropewalk {

// visit(name, request member, parameter member, kinds that have it)
template <typename Visit>
void for_each_extra(Visit&& visit) {
  using Q = ScalingRequest;
  using P = RopeParameters;
  using Kinds = std::vector<RopeKind>;
  const Kinds yarn = {RopeKind::kYarn};
  const Kinds llama3 = {RopeKind::kLlama3};
  const Kinds longrope = {RopeKind::kLongrope};
  visit("attention_factor",
        &Q::attention_factor,
        &P::attention_factor,
        Kinds{RopeKind::kYarn, RopeKind::kLongrope});
  visit("beta_fast", &Q::beta_fast, &P::beta_fast, yarn);
  visit("beta_slow", &Q::beta_slow, &P::beta_slow, yarn);
  visit("mscale", &Q::mscale, &P::mscale, yarn);
  visit("mscale_all_dim", &Q::mscale_all_dim, &P::mscale_all_dim, yarn);
  visit("truncate", &Q::truncate, &P::truncate, yarn);
  visit("low_freq_factor", &Q::low_freq_factor, &P::low_freq_factor, llama3);
  visit("high_freq_factor", &Q::high_freq_factor, &P::high_freq_factor, llama3);
  visit("short_factor", &Q::short_factor, &P::short_factor, longrope);
  visit("long_factor", &Q::long_factor, &P::long_factor, longrope);
}

// The request's extras into `rope`, whose kind is settled; what does not belong, is missing or
// impossible becomes an error under request.where.
void apply_extras(const ScalingRequest& request, RopeParameters& rope, Diagnostics& diagnostics);

}  // namespace ropewalk
