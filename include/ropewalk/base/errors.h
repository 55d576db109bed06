// Errors that reach the user. Thrown anywhere, caught only in main, which prints the text and
// returns exit_code(). A text says where, what was found, what was expected and what to do.
// Broken invariants of our own code use ROPEWALK_CHECK instead.
#pragma once

#include <stdexcept>
#include <string>

namespace ropewalk {

// Process exit codes: a contract with scripts and schedulers.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailure = 1;   // failed while running, or `verify` found damage
inline constexpr int kExitBadInput = 2;  // usage, config or input file
inline constexpr int kExitStopped = 75;  // stopped on a signal after saving; --resume goes on

class Error : public std::runtime_error {
 public:
  Error(const std::string& text, int exit_code) : std::runtime_error(text), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

// A run config, a model's config.json, a command line: the user's words.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& text) : Error(text, kExitBadInput) {}
};

// Text, tokenizers, token shards.
class DataError : public Error {
 public:
  explicit DataError(const std::string& text) : Error(text, kExitBadInput) {}
};

// Weight files, manifests, trainer state.
class CheckpointError : public Error {
 public:
  explicit CheckpointError(const std::string& text) : Error(text, kExitBadInput) {}
};

// The operating system refused: disk full, permission, short write.
class IoError : public Error {
 public:
  explicit IoError(const std::string& text) : Error(text, kExitFailure) {}
};

// A rank died, a collective timed out, the rendezvous failed.
class DistError : public Error {
 public:
  explicit DistError(const std::string& text) : Error(text, kExitFailure) {}
};

[[noreturn]] void check_failed(const char* condition,
                               const char* file,
                               int line,
                               const std::string& text);

}  // namespace ropewalk

// An invariant of our own code; never for input.
#define ROPEWALK_CHECK(condition, text)                                               \
  do {                                                                                \
    if (!(condition)) ::ropewalk::check_failed(#condition, __FILE__, __LINE__, text); \
  } while (false)
