#include <algorithm>
#include <cstdio>

#include "cli/commands/extend_plan.h"
#include "ropewalk/base/text.h"
#include "ropewalk/rope/frequencies.h"
#include "ropewalk/spec/formulas.h"

namespace ropewalk::cli {
namespace {

std::string row(const std::string& name,
                const std::string& before,
                const std::string& after,
                const std::string& remark = "") {
  char line[256];
  std::snprintf(line,
                sizeof(line),
                "%-34s%12s%12s%s%s",
                name.c_str(),
                before.c_str(),
                after.c_str(),
                remark.empty() ? "" : "  ",
                remark.c_str());
  return line;
}

// At most `digits` after the point: for reading, not for reading back.
std::string short_number(double value, int digits = 6) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, value);
  std::string number = text;
  number.erase(number.find_last_not_of('0') + 1);
  if (number.back() == '.') number.pop_back();
  return number;
}

std::vector<std::string> composition(const ExtendPlan& plan) {
  const double before = plan.before.factor;
  const double after = plan.after.factor;
  if (plan.after.kind == RopeKind::kDefault) {
    return {
        "composed: nothing; factor 1 means that new positions are learnt as they are (direct "
        "tuning)"};
  }
  const std::string ratio = format_number(after / before);
  if (before == 1.0) {
    return {"composed: the checkpoint has no scaling yet, so the total factor is " +
            format_number(after)};
  }
  if (after == before) {
    return {"composed: the factor that the checkpoint has, " + format_number(before) +
            ", already covers this length"};
  }
  return {"composed: " + format_number(before) + " (in the checkpoint) x " + ratio +
          " (this extension) = " + format_number(after) + " in total"};
}

std::vector<std::string> meaning(const ExtendPlan& plan) {
  const RopeParameters& after = plan.after;
  const int64_t last = after.max_position_embeddings - 1;
  const double squeezed = static_cast<double>(last) / after.factor;
  if (after.kind == RopeKind::kDefault) {
    return {"positions: as they are; those from " +
            std::to_string(after.original_max_position_embeddings) + " on are new to the model"};
  }
  if (after.kind == RopeKind::kLinear || after.kind == RopeKind::kProportional) {
    return {"positions: position " + std::to_string(last) + " is computed as " +
                short_number(squeezed, 4) + ", within the " +
                std::to_string(after.original_max_position_embeddings) + " of pre-training;",
            "           neighbours are " + short_number(1.0 / after.factor) + " apart instead of " +
                short_number(1.0 / plan.before.factor)};
  }
  const RopeTable table = make_rope_table(after, after.max_position_embeddings);
  const RopeTable plain = make_rope_table(unscaled_rope(after));
  const double slowest = static_cast<double>(last) * table.inverse_frequencies.back() /
                         plain.inverse_frequencies.back();
  const double fastest = static_cast<double>(last) * table.inverse_frequencies.front() /
                         plain.inverse_frequencies.front();
  return {"positions: position " + std::to_string(last) + " is computed as " +
          short_number(fastest, 4) + " in the fastest pair of dimensions and as " +
          short_number(slowest, 4) + " in the slowest"};
}

}  // namespace

std::vector<std::string> extension_report(const ExtendPlan& plan) {
  const RopeParameters& before = plan.before;
  const RopeParameters& after = plan.after;
  std::vector<std::string> lines;
  lines.push_back("checkpoint: " + plan.model.path.string() + " (" + plan.model.spec.model_type +
                  ", " + format_count(parameter_count(plan.model.spec)) + " parameters)");
  lines.push_back("");
  lines.push_back(row("", "before", "after"));
  lines.push_back(row("max_position_embeddings",
                      std::to_string(before.max_position_embeddings),
                      std::to_string(after.max_position_embeddings)));
  lines.push_back(row("pos_scaling_factor",
                      format_number(before.factor),
                      format_number(after.factor),
                      "total, against the pre-training context"));
  lines.push_back(row("pos_scaling_type",
                      std::string(rope_kind_name(before.kind)),
                      std::string(rope_kind_name(after.kind))));
  lines.push_back(row("original_max_position_embeddings",
                      std::to_string(before.original_max_position_embeddings),
                      std::to_string(after.original_max_position_embeddings),
                      "pre-training context"));
  lines.push_back(row("rope_theta", format_number(before.theta), format_number(after.theta)));
  lines.push_back("");
  for (const std::string& line : composition(plan)) lines.push_back(line);
  for (const std::string& line : meaning(plan)) lines.push_back(line);
  for (const std::string& remark : plan.remarks) lines.push_back("remark: " + remark);
  return lines;
}

}  // namespace ropewalk::cli
