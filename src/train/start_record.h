// starts.json of a run directory: how often a run was started from a checkpoint and ended before a
// step was done. Restarts that nobody watches would otherwise fail in the same way for ever.
#pragma once

#include <filesystem>
#include <string>

namespace ropewalk {

// Rank 0 only.
class StartRecord {
 public:
  // `what`: the checkpoint and all that a start from it depends on; other settings count apart.
  StartRecord(std::filesystem::path file, std::string what);

  // Starts so far that did not come to a step. What cannot be read counts as none.
  int num_fruitless() const;
  // One more begins.
  void note_start() const;
  // A step is done: the count begins anew.
  void note_step() const;

 private:
  std::filesystem::path file_;
  std::string what_;
};

}  // namespace ropewalk
