// The folder of a run's checkpoints as the rank that publishes sees it: what a new one takes the
// place of, and what is deleted once it is durable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ropewalk {

class RunCheckpoints {
 public:
  // `keep`: newest complete ones that stay, at least 1.
  RunCheckpoints(std::filesystem::path folder, int64_t keep);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path target(int64_t step) const;
  // That this process knows of.
  const std::filesystem::path& newest() const { return newest_; }

  // What is later than `step` is computed anew: the next publish sets it aside. -1: all of them.
  void replace_after(int64_t step);
  // Was loaded, or published by the rank that publishes. On every rank.
  void set_newest(const std::filesystem::path& checkpoint) { newest_ = checkpoint; }

  // Renames `temporary` to `target`, durable on return (publish_directory's errors), then deletes
  // what it replaced and what is older than the newest ones; trouble with those is only told. On
  // failure what was to be replaced stands where it stood.
  void publish(const std::filesystem::path& temporary, const std::filesystem::path& target);

 private:
  struct Replaced {
    std::filesystem::path checkpoint;
    std::filesystem::path renamed;
  };

  void set_aside_replaced(std::vector<Replaced>& replaced);
  static void try_to_bring_back(const Replaced& folder);
  void delete_older(const std::filesystem::path& just_written);

  std::filesystem::path folder_;
  int64_t keep_;
  int64_t replaced_after_ = -1;
  bool replaces_ = false;  // at the next publish
  std::filesystem::path newest_;
};

}  // namespace ropewalk
