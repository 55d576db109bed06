#include "ropewalk/eval/retrieval.h"

#include <algorithm>
#include <cctype>

#include "ropewalk/base/json.h"
#include "ropewalk/eval/generate.h"

namespace ropewalk {
namespace {

struct Place {
  size_t cell;
  size_t trial;
};

std::vector<Place> places_of(const std::vector<RetrievalCell>& cells) {
  std::vector<Place> places;
  for (size_t cell = 0; cell < cells.size(); ++cell) {
    for (size_t trial = 0; trial < cells[cell].trials.size(); ++trial)
      places.push_back({cell, trial});
  }
  return places;
}

int64_t longest_answer(const std::vector<RetrievalCell>& cells) {
  int64_t tokens = 0;
  for (const RetrievalCell& cell : cells) {
    for (const RetrievalTrial& trial : cell.trials) tokens = std::max(tokens, trial.answer_tokens);
  }
  return tokens;
}

// Rank r has answered trials r, r + size, ...
std::vector<std::string> all_replies(const std::vector<std::string>& own,
                                     size_t count,
                                     dist::Group& group) {
  std::vector<std::string> replies(count);
  const auto texts = group.all_gather_text(Json(own).dump());
  for (size_t rank = 0; rank < texts.size(); ++rank) {
    size_t place = rank;
    for (const Json& reply : parse_json(texts[rank], "replies")) {
      replies[place] = reply.get<std::string>();
      place += texts.size();
    }
  }
  return replies;
}

}  // namespace

RetrievalOutcome retrieve(Decoder& decoder,
                          const Tokenizer& tokenizer,
                          const std::vector<RetrievalCell>& cells,
                          dist::Group& group) {
  const std::vector<Place> places = places_of(cells);
  // As many for every trial: ranks make the same number of passes.
  const GenerateOptions options{.max_new_tokens = longest_answer(cells), .greedy = true};
  const auto size = static_cast<size_t>(group.size());
  std::vector<std::string> own;
  for (size_t first = 0; first < places.size(); first += size) {
    const size_t place = first + static_cast<size_t>(group.rank());
    const Place& at = places[std::min(place, places.size() - 1)];
    const std::vector<int32_t>& prompt = cells[at.cell].trials[at.trial].ids;
    const std::vector<int32_t> reply = generate(decoder, prompt, options);
    if (place < places.size()) own.push_back(tokenizer.decode_continuation(prompt, reply));
  }
  const std::vector<std::string> replies = all_replies(own, places.size(), group);

  RetrievalOutcome outcome;
  size_t place = 0;
  for (const RetrievalCell& cell : cells) {
    RetrievalScore score{.task = cell.task, .length = cell.length, .depth = cell.depth};
    outcome.replies.emplace_back();
    for (const RetrievalTrial& trial : cell.trials) {
      const std::string& reply = replies[place++];
      outcome.replies.back().push_back(reply);
      ++score.trials;
      if (is_answered(reply, trial.answer)) ++score.successes;
      score.prompt_tokens = std::max(score.prompt_tokens, static_cast<int64_t>(trial.ids.size()));
    }
    outcome.scores.push_back(score);
  }
  return outcome;
}

bool is_answered(const std::string& reply, const std::string& answer) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  const auto is_word = [](unsigned char c) { return std::isalnum(c) != 0; };
  const auto begin = std::find_if_not(reply.begin(), reply.end(), is_space);
  return std::string(begin, std::find_if_not(begin, reply.end(), is_word)) == answer;
}

int64_t passkey_k_max(const std::vector<RetrievalScore>& scores, double least_rate) {
  std::vector<RetrievalScore> ascending = scores;
  std::stable_sort(ascending.begin(), ascending.end(), [](const auto& a, const auto& b) {
    return a.length < b.length;
  });
  int64_t k_max = 0;
  for (const RetrievalScore& score : ascending) {
    if (score.rate() < least_rate) break;
    k_max = score.length;
  }
  return k_max;
}

}  // namespace ropewalk
