// What the file shim counts, lets fail and writes down. Chosen by the environment:
//
//   FILE_SHIM_FOLDER   operations on this path and below it are counted, from 1
//   FILE_SHIM_STATE    a file that the processes of one run share: the count
//   FILE_SHIM_DO       "die N"          the process ends with code 137 just before operation N
//                      "fail N ERRNO"   that operation fails, once
//                      "full N ERRNO"   that one and all later ones fail; a write is cut short
//                      first "short N"        if it is a write, half of it is written Operations
//                      that cannot fail in such a way are left alone.
//   FILE_SHIM_JOURNAL  a file that gets a line for each operation, and beside it ".data", what was
//                      written. power_loss.py reads them.
//   FILE_SHIM_NO_SYNC  fsync only counts: what is tested does not depend on the disk
#pragma once

#include <cstddef>
#include <cstdint>

namespace file_shim {

// What an operation does, and so how it can fail.
enum Does : unsigned {
  kTakesRoom = 1,
  kChangesNames = 2,
  kReachesDisk = 4,
  kCanBeInterrupted = 8,
};

struct Operation {
  const char* name;
  unsigned does;            // of Does
  const char* path;         // absolute
  const char* target = "";  // absolute; of a rename or link
};

// One operation from before it is made until it is written down. Operations of all processes follow
// one another: each holds a lock.
class Turn {
 public:
  explicit Turn(const Operation& operation);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  bool is_counted() const { return number_ > 0; }
  // Errno, or 0.
  int failure() const { return failure_; }
  bool is_cut_short() const { return is_cut_short_; }

  struct Result {
    uint64_t inode = 0;
    int64_t offset = 0;  // of data, or the new size
    const void* data = nullptr;
    size_t size = 0;
  };
  // It has succeeded.
  void write_down(const Result& result) const;

 private:
  void decide();

  Operation operation_;
  uint64_t number_ = 0;
  int failure_ = 0;
  bool is_cut_short_ = false;
};

bool syncs_are_skipped();
bool has_journal();
// A line that the program shows.
void write_down_text(const void* data, size_t size);

}  // namespace file_shim

// For a program that is run under the shim and looks for these by name: what FILE_SHIM_DO would
// say, or "none"; operations are counted anew.
extern "C" void file_shim_act(const char* what);
extern "C" uint64_t file_shim_count();
