#include "ropewalk/tasks/retrieval_tasks.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/rng.h"
#include "ropewalk/base/text.h"
#include "tasks/retrieval_texts.h"

namespace ropewalk {
namespace {

constexpr int64_t kPaperDistances = 32;
// Keep draws apart from other uses of a seed, and from each other.
constexpr uint64_t kKeyStream = 0x6b6579;
constexpr uint64_t kAskedStream = 0x61736b;
constexpr uint64_t kWordStream = 0x776f7264;

using TextOf = std::function<RetrievalText(int64_t sentences)>;
// How long a text may be, and in which sense.
using LengthOf = std::function<int64_t(const RetrievalText& text)>;

// The first digit is not 0.
std::string draw_number(int64_t digits, uint64_t seed, uint64_t stream, uint64_t index) {
  uint64_t least = 1;
  for (int64_t i = 1; i < digits; ++i) least *= 10;
  return std::to_string(least + random_bits(seed, stream, index) % (9 * least));
}

// With a token for a space in front.
int64_t answer_tokens(const Tokenizer& tokenizer, const std::string& answer) {
  return static_cast<int64_t>(tokenizer.encode(answer).size()) + 1;
}

int64_t num_tokens(const Tokenizer& tokenizer, const std::string& text) {
  return static_cast<int64_t>(tokenizer.encode(text, /*add_special=*/true).size());
}

// The most sentences of filler with which the text's length stays within `most`; nothing where even
// none is too long.
std::optional<int64_t> most_sentences(const TextOf& text_of,
                                      const LengthOf& length_of,
                                      int64_t most) {
  constexpr int64_t kSample = 50;
  const auto length = [&](int64_t sentences) { return length_of(text_of(sentences)); };
  const int64_t shortest = length(0);
  if (shortest > most) return std::nullopt;
  const double each = static_cast<double>(length(kSample) - shortest) / kSample;
  auto sentences = static_cast<int64_t>(static_cast<double>(most - shortest) / std::max(each, 1.0));
  while (sentences > 0 && length(sentences) > most) --sentences;
  while (length(sentences + 1) <= most) ++sentences;
  return sentences;
}

RetrievalTrial make_trial(const Tokenizer& tokenizer,
                          const RetrievalText& text,
                          const std::string& answer) {
  return {.prompt = text.whole(),
          .answer = answer,
          .ids = tokenizer.encode(text.whole(), /*add_special=*/true),
          .answer_tokens = answer_tokens(tokenizer, answer)};
}

// As long as `length` allows with the answer behind it. Throws ConfigError where nothing is.
RetrievalTrial fill(const Tokenizer& tokenizer,
                    const TextOf& text_of,
                    const std::string& answer,
                    int64_t length) {
  const int64_t most = length - answer_tokens(tokenizer, answer);
  const LengthOf whole = [&](const RetrievalText& text) {
    return num_tokens(tokenizer, text.whole());
  };
  const auto sentences = most_sentences(text_of, whole, most);
  if (!sentences) {
    throw ConfigError("length " + std::to_string(length) +
                      ": the key does not fit: without any filler the prompt and its answer take " +
                      std::to_string(whole(text_of(0)) + length - most) +
                      " tokens of this tokenizer. Ask for greater lengths");
  }
  return make_trial(tokenizer, text_of(*sentences), answer);
}

// A line at a distance, in tokens.
class PasskeyMaker {
 public:
  PasskeyMaker(const Tokenizer& tokenizer, const PasskeyOptions& options)
      : tokenizer_(tokenizer),
        options_(options),
        sample_(static_cast<size_t>(options.digits), '1') {}

  int64_t shortest_distance() const { return distance(passkey_text(sample_, 0, 0)); }
  int64_t shortest_window() const {
    return num_tokens(tokenizer_, passkey_text(sample_, 0, 0).whole()) +
           answer_tokens(tokenizer_, sample_);
  }

  // Nothing where it does not fit.
  std::optional<RetrievalTrial> trial(int64_t distance, int64_t number) const {
    const std::string key = draw_number(options_.digits,
                                        options_.seed,
                                        kKeyStream + static_cast<uint64_t>(distance),
                                        static_cast<uint64_t>(number));
    const int64_t most = options_.window - answer_tokens(tokenizer_, key);
    const TextOf text_of = [&](int64_t sentences) { return passkey_text(key, 0, sentences); };
    // Too long in one sense or the other.
    const LengthOf length_of = [&](const RetrievalText& text) {
      const int64_t whole = num_tokens(tokenizer_, text.whole());
      const int64_t excess = std::max<int64_t>(0, whole - most);
      return this->distance(text) + (excess > 0 ? distance + excess : 0);
    };
    const auto sentences = most_sentences(text_of, length_of, distance);
    if (!sentences) return std::nullopt;
    return make_trial(tokenizer_, text_of(*sentences), key);
  }

 private:
  int64_t distance(const RetrievalText& text) const {
    return num_tokens(tokenizer_, text.whole()) - num_tokens(tokenizer_, text.head);
  }

  const Tokenizer& tokenizer_;
  const PasskeyOptions& options_;
  std::string sample_;  // a key
};

std::vector<int64_t> even_distances(int64_t window, int64_t shortest) {
  std::vector<int64_t> distances;
  for (int64_t i = 1; i <= kPaperDistances; ++i) {
    const int64_t distance = window * i / kPaperDistances;
    if (distance >= shortest) distances.push_back(distance);
  }
  return distances;
}

// They would be asked as the window's own length.
void refuse_distances_beyond(int64_t window, const std::vector<int64_t>& distances) {
  std::vector<std::string> beyond;
  for (const int64_t distance : distances) {
    if (distance > window) beyond.push_back(std::to_string(distance));
  }
  if (beyond.empty()) return;
  throw ConfigError("distance " + join(beyond, ", ") +
                    ": the key does not fit into the window of " + std::to_string(window) +
                    " tokens. Ask for distances up to the window, or for a greater window");
}

// `count` different words, others for each trial.
std::vector<std::string> draw_words(size_t count, uint64_t seed, uint64_t trial) {
  const IndexPermutation order(
      std::max<uint64_t>(count, kNumPlainWords), seed + trial, kWordStream);
  std::vector<std::string> words;
  for (uint64_t i = 0; i < count; ++i) words.push_back(plain_word(order(i)));
  return words;
}

// Numbers and what is asked of one recall trial.
struct RecallDraw {
  std::vector<std::string> numbers;
  size_t asked;
};

RecallDraw draw_numbers(const RecallOptions& options, uint64_t trial) {
  RecallDraw draw;
  for (int64_t i = 0; i < options.keys; ++i) {
    draw.numbers.push_back(
        draw_number(options.digits, options.seed, kKeyStream + static_cast<uint64_t>(i), trial));
  }
  draw.asked = random_bits(options.seed, kAskedStream, trial) % static_cast<uint64_t>(options.keys);
  return draw;
}

RetrievalTrial keys_trial(const Tokenizer& tokenizer,
                          const RecallOptions& options,
                          int64_t length,
                          uint64_t trial) {
  const RecallDraw draw = draw_numbers(options, trial);
  const KeysQuestion question{
      .words = draw_words(static_cast<size_t>(options.keys), options.seed, trial),
      .numbers = draw.numbers,
      .asked = draw.asked};
  const TextOf text_of = [&](int64_t sentences) { return keys_text(question, sentences); };
  return fill(tokenizer, text_of, draw.numbers[draw.asked], length);
}

RetrievalTrial variables_trial(const Tokenizer& tokenizer,
                               const RecallOptions& options,
                               int64_t length,
                               uint64_t trial) {
  const RecallDraw draw = draw_numbers(options, trial);
  const auto names = static_cast<size_t>(options.hops) + 1;
  const auto words = draw_words(names * static_cast<size_t>(options.keys), options.seed, trial);
  VariablesQuestion question{.chains = {}, .numbers = draw.numbers, .asked = draw.asked};
  for (auto word = words.begin(); word != words.end(); word += static_cast<int64_t>(names)) {
    question.chains.emplace_back(word, word + static_cast<int64_t>(names));
  }
  const TextOf text_of = [&](int64_t sentences) { return variables_text(question, sentences); };
  return fill(tokenizer, text_of, draw.numbers[draw.asked], length);
}

}  // namespace

std::vector<RetrievalCell> passkey_cells(const Tokenizer& tokenizer,
                                         const PasskeyOptions& options) {
  const PasskeyMaker maker(tokenizer, options);
  if (maker.shortest_window() > options.window) {
    throw ConfigError("window " + std::to_string(options.window) +
                      ": the key does not fit: the shortest prompt and its answer take " +
                      std::to_string(maker.shortest_window()) +
                      " tokens of this tokenizer. Ask for a greater window");
  }
  const std::vector<int64_t> distances =
      options.distances.empty() ? even_distances(options.window, maker.shortest_distance())
                                : options.distances;
  refuse_distances_beyond(options.window, distances);
  std::vector<RetrievalCell> cells;
  for (const int64_t distance : distances) {
    RetrievalCell cell{.task = "passkey", .length = distance, .trials = {}};
    for (int64_t i = 0; i < options.trials; ++i) {
      const auto trial = maker.trial(distance, i);
      if (!trial) {
        throw ConfigError("distance " + std::to_string(distance) +
                          ": the key does not fit: the shortest prompt has it about " +
                          std::to_string(maker.shortest_distance()) +
                          " tokens of this tokenizer before its end. Ask for greater distances");
      }
      cell.trials.push_back(*trial);
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

std::vector<RetrievalCell> needle_cells(const Tokenizer& tokenizer, const NeedleOptions& options) {
  std::vector<RetrievalCell> cells;
  for (const int64_t length : options.lengths) {
    for (size_t d = 0; d < options.depths.size(); ++d) {
      const double depth = options.depths[d];
      RetrievalCell cell{.task = "needle", .length = length, .depth = depth, .trials = {}};
      for (int64_t i = 0; i < options.trials; ++i) {
        const std::string key =
            draw_number(options.digits,
                        options.seed,
                        kKeyStream + static_cast<uint64_t>(length),
                        d * static_cast<uint64_t>(options.trials) + static_cast<uint64_t>(i));
        const TextOf text_of = [&](int64_t sentences) {
          const auto before = std::llround(depth * static_cast<double>(sentences));
          return passkey_text(key, before, sentences - before);
        };
        cell.trials.push_back(fill(tokenizer, text_of, key, length));
      }
      cells.push_back(std::move(cell));
    }
  }
  return cells;
}

std::vector<RetrievalCell> recall_cells(const Tokenizer& tokenizer, const RecallOptions& options) {
  constexpr std::array kMakers{keys_trial, variables_trial};
  std::vector<RetrievalCell> cells;
  for (size_t task = 0; task < kRecallTasks.size(); ++task) {
    for (const int64_t length : options.lengths) {
      RetrievalCell cell{.task = kRecallTasks[task], .length = length, .trials = {}};
      for (int64_t i = 0; i < options.trials; ++i) {
        const uint64_t trial = static_cast<uint64_t>(length) * 0x10000 + static_cast<uint64_t>(i);
        cell.trials.push_back(kMakers[task](tokenizer, options, length, trial));
      }
      cells.push_back(std::move(cell));
    }
  }
  return cells;
}

}  // namespace ropewalk
