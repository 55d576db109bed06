#include "ropewalk/base/files.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <utility>
#include <vector>

#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

// Takes the place of the C library's in this program: the folder named here cannot be synced, and
// what is synced is noted.
static std::filesystem::path unsyncable_folder;
static std::vector<std::filesystem::path> synced;

extern "C" int fsync(int descriptor) {
  std::error_code ignored;
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  synced.push_back(std::filesystem::read_symlink(link, ignored));
  if (!unsyncable_folder.empty() && synced.back() == unsyncable_folder) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

// Likewise: this many bytes can still be written to files, and the next call is interrupted.
static size_t room = SIZE_MAX;
static bool is_interrupted = false;

extern "C" ssize_t write(int descriptor, const void* data, size_t size) {
  if (std::exchange(is_interrupted, false)) {
    errno = EINTR;
    return -1;
  }
  if (size > room) size = room;
  if (size == 0 && room == 0) {
    errno = ENOSPC;
    return -1;
  }
  if (room != SIZE_MAX) room -= size;
  return ::syscall(SYS_write, descriptor, data, size);
}

// Likewise: this file is gone by the time its lock is taken, as when the holder before removed it.
static std::filesystem::path removed_before_locking;

extern "C" int flock(int descriptor, int operation) {
  std::filesystem::remove(std::exchange(removed_before_locking, {}));
  return static_cast<int>(::syscall(SYS_flock, descriptor, operation));
}

namespace ropewalk {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "ropewalk-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  int num_entries() const {
    return static_cast<int>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  template <typename ErrorType, typename Action>
  static std::string error_of(Action action) {
    try {
      action();
    } catch (const ErrorType& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path folder_;
};

TEST_F(Files, AtomicWriteReplacesTheContentAndLeavesNothingElse) {
  write_file_atomic(folder_ / "a", "one");
  write_file_atomic(folder_ / "a", "second");
  EXPECT_EQ(read_file(folder_ / "a"), "second");
  EXPECT_EQ(num_entries(), 1);
}

TEST_F(Files, FailedAtomicWriteKeepsTheOldContentAndLeavesNothingElse) {
  write_file_atomic(folder_ / "a", "one");
  // A child of its own: the size limit stands in for a full disk.
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string text =
        error_of<IoError>([&] { write_file_atomic(folder_ / "a", std::string(5000, 'x')); });
    const bool named = text.find("writing 5000 bytes") != std::string::npos;
    ::_exit(named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_file(folder_ / "a"), "one");
  EXPECT_EQ(num_entries(), 1);
}

TEST_F(Files, FullDiskSaysHowManyBytes) {
  const std::string text = error_of<IoError>([] { append_to_file("/dev/full", "12345"); });
  EXPECT_THAT(text, HasSubstr("/dev/full: writing 5 bytes: No space left"));
}

TEST_F(Files, MissingFileAndFolderInPlaceOfAFileAreIoErrors) {
  EXPECT_THAT(error_of<IoError>([&] { read_file(folder_ / "none"); }),
              HasSubstr("none: opening for reading: No such file"));
  EXPECT_THAT(error_of<IoError>([&] { read_file(folder_); }), HasSubstr("Is a directory"));
  EXPECT_THAT(error_of<IoError>([&] { MappedFile{folder_}; }), HasSubstr("Is a directory"));
}

TEST_F(Files, ReadsFilesThatAnnounceNoSize) {
  EXPECT_THAT(read_file("/proc/self/status"), HasSubstr("Pid:"));
}

TEST_F(Files, AppendsAddUp) {
  append_to_file(folder_ / "m", "a\n");
  append_to_file(folder_ / "m", "b\n");
  EXPECT_EQ(read_file(folder_ / "m"), "a\nb\n");
}

TEST_F(Files, AFailedWriteLeavesNoHalfThatTheNextWouldFollow) {
  append_to_file(folder_ / "m", "first\n");
  FileWriter writer(folder_ / "w");
  writer.write("first\n");
  for (const auto& write : std::initializer_list<std::function<void()>>{
           [&] { append_to_file(folder_ / "m", "second\n"); },
           [&] { writer.write("second\n"); },
       }) {
    room = 4;
    const std::string text = error_of<IoError>(write);
    room = SIZE_MAX;
    EXPECT_THAT(text, HasSubstr("writing 7 bytes: No space left on device; free space"));
  }
  is_interrupted = true;
  append_to_file(folder_ / "m", "third\n");
  writer.write("third\n");
  EXPECT_EQ(writer.size_bytes(), 12u);
  writer.overwrite_front(std::as_bytes(std::span("FI", 2)));
  writer.close();
  EXPECT_EQ(read_file(folder_ / "m"), "first\nthird\n");
  EXPECT_EQ(read_file(folder_ / "w"), "FIrst\nthird\n");
}

TEST_F(Files, FoldersAreMadeDurably) {
  synced.clear();
  make_directories(folder_ / "a" / "b" / "");
  EXPECT_TRUE(fs::is_directory(folder_ / "a" / "b"));
  EXPECT_THAT(synced, testing::IsSupersetOf({folder_, folder_ / "a"}));
  synced.clear();
  make_directories(folder_ / "a" / "b");
  EXPECT_THAT(synced, testing::ElementsAre(folder_ / "a"));
  write_file_atomic(folder_ / "file", "");
  EXPECT_THAT(error_of<IoError>([&] { make_directories(folder_ / "file"); }),
              HasSubstr("file: making the folder: Not a directory"));
}

TEST_F(Files, TemporarySiblingStandsBesideAFolderNamedWithASlash) {
  const fs::path sibling = temporary_sibling(folder_ / "step-1" / "");
  EXPECT_EQ(sibling.parent_path(), folder_);
  EXPECT_THAT(sibling.filename().string(), testing::StartsWith("step-1.tmp-"));
  EXPECT_NE(sibling, temporary_sibling(folder_ / "step-1"));
}

TEST_F(Files, PublishMovesTheWholeFolder) {
  const fs::path temporary = temporary_sibling(folder_ / "step");
  fs::create_directories(temporary / "trainer");
  write_file_atomic(temporary / "trainer" / "state.json", "{}");
  publish_directory(temporary, folder_ / "step");
  EXPECT_EQ(read_file(folder_ / "step/trainer/state.json"), "{}");
  EXPECT_EQ(num_entries(), 1);
}

TEST_F(Files, WhatIsPublishedButNotSyncedIsToldApartAndStays) {
  const fs::path temporary = temporary_sibling(folder_ / "step");
  fs::create_directories(temporary);
  write_file_atomic(temporary / "file", "content");
  unsyncable_folder = folder_;
  const std::string text =
      error_of<NotDurableError>([&] { publish_directory(temporary, folder_ / "step"); });
  unsyncable_folder.clear();
  EXPECT_THAT(text, HasSubstr("step: is complete, but a power cut may undo it"));
  EXPECT_EQ(read_file(folder_ / "step/file"), "content");
  EXPECT_EQ(num_entries(), 1);
}

TEST_F(Files, PublishNeverReplacesAndRemovesWhatItCouldNotPublish) {
  fs::create_directories(folder_ / "step");
  write_file_atomic(folder_ / "step" / "old", "old");
  const fs::path temporary = temporary_sibling(folder_ / "step");
  fs::create_directories(temporary);
  EXPECT_THAT(error_of<IoError>([&] { publish_directory(temporary, folder_ / "step"); }),
              HasSubstr("File exists"));
  EXPECT_FALSE(fs::exists(temporary));
  EXPECT_EQ(read_file(folder_ / "step/old"), "old");
}

TEST_F(Files, MappedFileShowsTheBytesAndSurvivesAMove) {
  write_file_atomic(folder_ / "a", "bytes");
  write_file_atomic(folder_ / "empty", "");
  MappedFile first(folder_ / "a");
  MappedFile file(std::move(first));
  EXPECT_EQ(file.bytes().size(), 5u);
  EXPECT_EQ(static_cast<char>(file.bytes()[4]), 's');
  file = MappedFile(folder_ / "empty");
  EXPECT_TRUE(file.bytes().empty());
}

TEST_F(Files, WriterCountsBytesAndIsMovable) {
  FileWriter first(folder_ / "w");
  first.write("abc");
  FileWriter writer(std::move(first));
  writer.write("de");
  writer.close();
  EXPECT_EQ(writer.size_bytes(), 5u);
  EXPECT_EQ(read_file(folder_ / "w"), "abcde");
}

TEST_F(Files, SecondLockNamesItsHolderAndIsFreeAfterwards) {
  {
    const FileLock lock(folder_ / "lock");
    EXPECT_THAT(error_of<ConfigError>([&] { FileLock{folder_ / "lock"}; }),
                HasSubstr("in use by process " + std::to_string(::getpid()) + " on host"));
  }
  const FileLock again(folder_ / "lock");
}

TEST_F(Files, ALockIsNeverOnAFileThatItsLastHolderRemoved) {
  removed_before_locking = folder_ / "lock";
  const FileLock lock(folder_ / "lock");
  EXPECT_THROW(FileLock{folder_ / "lock"}, ConfigError);
}

TEST_F(Files, LockDiesWithAKilledHolder) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FileLock lock(folder_ / "lock");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THROW(FileLock{folder_ / "lock"}, ConfigError);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_NO_THROW(FileLock{folder_ / "lock"});
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(Files, HashesAgreeAndEqualThePublishedVector) {
  // XXH3-128 of the empty input, from xxHash's own sanity checks.
  EXPECT_EQ(hash_text(""), "99aa06d3014798d86001c324468d497f");
  write_file_atomic(folder_ / "h", "some text");
  StreamHash stream;
  stream.update(std::as_bytes(std::span("some ", 5)));
  stream.update(std::as_bytes(std::span("text", 4)));
  EXPECT_EQ(stream.hex(), hash_text("some text"));
  EXPECT_EQ(hash_file(folder_ / "h"), hash_text("some text"));
  EXPECT_NE(hash_text("some text"), hash_text("some texu"));
}

}  // namespace
}  // namespace ropewalk
