#include "ropewalk/eval/retrieval_report.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "eval/text_table.h"
#include "ropewalk/base/distinct.h"
#include "ropewalk/base/text.h"
#include "ropewalk/formats/svg_chart.h"
#include "ropewalk/formats/svg_heat_map.h"
#include "ropewalk/rope/scaling_name.h"

namespace ropewalk {
namespace {

constexpr double kPercent = 100;

std::string name_of(const ScaledRetrieval& result) {
  return scaling_name(result.kind, result.factor);
}

std::string percent(const RetrievalScore& score) {
  return format_number(std::round(kPercent * score.rate())) + " %";
}

Json score_json(Json place, const RetrievalScore& score) {
  place["trials"] = score.trials;
  place["successes"] = score.successes;
  place["prompt_tokens"] = score.prompt_tokens;
  return place;
}

template <typename PlaceOf>
Json results_json(const char* task, const std::vector<ScaledRetrieval>& results, PlaceOf place_of) {
  Json rows = Json::array();
  for (const ScaledRetrieval& result : results) {
    Json scores = Json::array();
    for (const RetrievalScore& score : result.outcome.scores) {
      scores.push_back(score_json(place_of(score), score));
    }
    rows.push_back({{"kind", result.kind}, {"factor", result.factor}, {"scores", scores}});
  }
  return {{"task", task}, {"results", rows}};
}

std::vector<int64_t> lengths_of(const std::vector<RetrievalScore>& scores) {
  return distinct(scores, [](const RetrievalScore& score) { return score.length; });
}

// Scores come in rows, each over all lengths.
std::vector<std::string> row_over_lengths(std::string name,
                                          const std::vector<RetrievalScore>& scores,
                                          const std::function<bool(const RetrievalScore&)>& is_in) {
  std::vector<std::string> row{std::move(name)};
  for (const RetrievalScore& score : scores) {
    if (is_in(score)) row.push_back(percent(score));
  }
  return row;
}

std::vector<std::string> header(const std::string& title, const std::vector<int64_t>& lengths) {
  std::vector<std::string> row{title};
  for (const int64_t length : lengths) row.push_back(std::to_string(length));
  return row;
}

}  // namespace

Json passkey_json(const std::vector<ScaledRetrieval>& results) {
  Json json = results_json("passkey", results, [](const RetrievalScore& score) {
    return Json{{"distance", score.length}};
  });
  for (size_t i = 0; i < results.size(); ++i) {
    json["results"][i]["k_max"] = passkey_k_max(results[i].outcome.scores);
  }
  return json;
}

Json needle_json(const std::vector<ScaledRetrieval>& results) {
  return results_json("needle", results, [](const RetrievalScore& score) {
    return Json{{"length", score.length}, {"depth", score.depth}};
  });
}

Json recall_json(const std::vector<ScaledRetrieval>& results) {
  return results_json("recall", results, [](const RetrievalScore& score) {
    return Json{{"task", score.task}, {"length", score.length}};
  });
}

std::string passkey_table(const std::vector<ScaledRetrieval>& results) {
  std::vector<std::vector<std::string>> rows{{"passkey at distance"}};
  for (const ScaledRetrieval& result : results) rows.front().push_back(name_of(result));
  const std::vector<RetrievalScore>& first = results.front().outcome.scores;
  for (size_t i = 0; i < first.size(); ++i) {
    rows.push_back({std::to_string(first[i].length)});
    for (const ScaledRetrieval& result : results) {
      rows.back().push_back(percent(result.outcome.scores[i]));
    }
  }
  rows.push_back({"k_max"});
  for (const ScaledRetrieval& result : results) {
    rows.back().push_back(std::to_string(passkey_k_max(result.outcome.scores)));
  }
  return text_table(rows);
}

std::string needle_table(const std::vector<ScaledRetrieval>& results) {
  std::string tables;
  for (const ScaledRetrieval& result : results) {
    const std::vector<RetrievalScore>& scores = result.outcome.scores;
    std::vector<std::vector<std::string>> rows{
        header("needle, " + name_of(result) + ", at length", lengths_of(scores))};
    for (const double depth :
         distinct(scores, [](const RetrievalScore& score) { return score.depth; })) {
      rows.push_back(row_over_lengths("  depth " + format_number(depth),
                                      scores,
                                      [&](const auto& s) { return s.depth == depth; }));
    }
    tables += text_table(rows);
  }
  return tables;
}

std::string recall_table(const std::vector<ScaledRetrieval>& results) {
  std::vector<std::vector<std::string>> rows{
      header("recall at length", lengths_of(results.front().outcome.scores))};
  for (const ScaledRetrieval& result : results) {
    const std::vector<RetrievalScore>& scores = result.outcome.scores;
    for (const std::string& task :
         distinct(scores, [](const RetrievalScore& score) { return score.task; })) {
      rows.push_back(row_over_lengths(
          name_of(result) + ", " + task, scores, [&](const auto& s) { return s.task == task; }));
    }
  }
  return text_table(rows);
}

std::string retrieval_chart(const std::vector<ScaledRetrieval>& results,
                            const std::string& subtitle) {
  ChartSpec chart;
  const bool is_passkey = results.front().outcome.scores.front().task == "passkey";
  chart.title = is_passkey ? "Passkey retrieval" : "Recall";
  chart.subtitle = subtitle;
  chart.x = {.label = is_passkey ? "distance of the key" : "length", .unit = "tokens"};
  chart.y = {.label = "found", .unit = "%", .minimum = 0, .maximum = kPercent};
  for (const ScaledRetrieval& result : results) {
    const std::vector<RetrievalScore>& scores = result.outcome.scores;
    for (const std::string& task :
         distinct(scores, [](const RetrievalScore& score) { return score.task; })) {
      ChartSeries series{.name = is_passkey ? name_of(result) : name_of(result) + ", " + task,
                         .points = {},
                         .dashed = result.factor == 1};
      for (const RetrievalScore& score : scores) {
        if (score.task != task) continue;
        series.points.push_back({static_cast<double>(score.length), kPercent * score.rate()});
      }
      chart.series.push_back(series);
    }
  }
  return svg_chart(chart);
}

std::string needle_heat_maps(const std::vector<ScaledRetrieval>& results,
                             const std::string& subtitle) {
  const std::vector<RetrievalScore>& first = results.front().outcome.scores;
  const auto lengths = lengths_of(first);
  const auto depths = distinct(first, [](const RetrievalScore& score) { return score.depth; });
  HeatMapSpec spec{.title = "Needle in a haystack, found in percent", .subtitle = subtitle};
  spec.x_label = "length [tokens]";
  spec.y_label = "depth [%]";
  for (const int64_t length : lengths) spec.x_values.push_back(std::to_string(length));
  for (const double depth : depths) spec.y_values.push_back(format_number(kPercent * depth));
  for (const ScaledRetrieval& result : results) {
    HeatMap map{.title = name_of(result), .rows = {}};
    for (const double depth : depths) {
      map.rows.emplace_back();
      for (const RetrievalScore& score : result.outcome.scores) {
        if (score.depth == depth) map.rows.back().push_back(score.rate());
      }
    }
    spec.maps.push_back(map);
  }
  return svg_heat_maps(spec);
}

std::string trials_jsonl(const std::vector<RetrievalCell>& cells,
                         const std::vector<ScaledRetrieval>& results) {
  std::string lines;
  for (const ScaledRetrieval& result : results) {
    for (size_t cell = 0; cell < cells.size(); ++cell) {
      for (size_t trial = 0; trial < cells[cell].trials.size(); ++trial) {
        const Json line = {{"kind", result.kind},
                           {"factor", result.factor},
                           {"task", cells[cell].task},
                           {"length", cells[cell].length},
                           {"depth", cells[cell].depth},
                           {"prompt", cells[cell].trials[trial].prompt},
                           {"answer", cells[cell].trials[trial].answer},
                           {"reply", result.outcome.replies[cell][trial]}};
        lines += line.dump() + "\n";
      }
    }
  }
  return lines;
}

}  // namespace ropewalk
