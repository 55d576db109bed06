// How far a mean over documents may be from that over all documents of their kind.
#pragma once

#include <optional>
#include <vector>

namespace ropewalk {

struct Interval {
  double low = 0;
  double high = 0;
};

// One document's share of a weighted mean.
struct WeightedSum {
  double sum = 0;     // of what is averaged, times its weight
  double weight = 0;  // such as tokens
};

// 95 % confidence interval of sum of sums / sum of weights, with the documents as the sample: the
// ratio estimator's linearised variance (Cochran, "Sampling Techniques", section 6.3) and Student's
// t. Nothing for fewer than two documents of weight.
std::optional<Interval> confidence_interval(const std::vector<WeightedSum>& documents);

// The 97.5 % quantile of Student's t. Needs degrees_of_freedom >= 1.
double student_t_975(int degrees_of_freedom);

}  // namespace ropewalk
