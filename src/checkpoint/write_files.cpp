#include "checkpoint/write_files.h"

#include <algorithm>
#include <exception>
#include <optional>

#include "checkpoint/tensor_bytes.h"
#include "checkpoint/weight_layout.h"
#include "ropewalk/base/errors.h"

namespace ropewalk {
namespace {

struct WriteTask {
  const OutputFile* file;
  const OutputTensor* tensor;
};

// By rank, what it writes, in order.
std::vector<std::vector<WriteTask>> tasks_by_rank(const std::vector<OutputFile>& files,
                                                  int num_ranks) {
  std::vector<std::vector<WriteTask>> tasks(static_cast<size_t>(num_ranks));
  for (const OutputFile& file : files) {
    auto& own = tasks[static_cast<size_t>(file.owner)];
    for (const OutputTensor& tensor : file.tensors) own.push_back({&file, &tensor});
  }
  return tasks;
}

at::Tensor gather(const HeldElements& held) { return held.tensor.gather(held.part); }

// Writes this rank's tensors, opening and closing files as they begin and end.
class TaskWriter {
 public:
  explicit TaskWriter(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // `gathered`: the value of a sharded tensor.
  void write(const WriteTask& task, const at::Tensor& gathered) {
    if (!writer_) open(*task.file);
    const OutputTensor& tensor = *task.tensor;
    const at::Tensor value =
        tensor.held
            ? to_foreign(gathered.defined() ? gathered : gather(*tensor.held), *tensor.held->slice)
            : tensor.read();
    const at::Tensor stored = to_stored(value, tensor.info.dtype);
    writer_->write(tensor.info.name, tensor_bytes_of(stored));
    if (&tensor == &task.file->tensors.back()) close(*task.file);
  }

  const std::vector<ManifestEntry>& written() const { return written_; }

 private:
  void open(const OutputFile& file) {
    if (!std::filesystem::is_directory(folder_)) {
      throw IoError(folder_.string() +
                    ": this rank does not see the folder, which another rank has just made; all "
                    "ranks must write to the same run directory");
    }
    std::vector<TensorInfo> infos;
    for (const OutputTensor& tensor : file.tensors) infos.push_back(tensor.info);
    writer_.emplace(
        folder_ / file.path, infos, std::map<std::string, std::string>{{"format", "pt"}});
  }

  void close(const OutputFile& file) {
    writer_->close();
    written_.push_back({file.path, writer_->size_bytes(), writer_->hash()});
    writer_.reset();
  }

  std::filesystem::path folder_;
  std::optional<SafetensorsWriter> writer_;
  std::vector<ManifestEntry> written_;
};

// What every rank writes next. Gives this rank's own value if it is sharded.
at::Tensor gather_round(const std::vector<std::vector<WriteTask>>& tasks, size_t round, int rank) {
  at::Tensor own;
  for (size_t owner = 0; owner < tasks.size(); ++owner) {
    if (round >= tasks[owner].size() || !tasks[owner][round].tensor->is_sharded()) continue;
    const at::Tensor value = gather(*tasks[owner][round].tensor->held);
    if (static_cast<int>(owner) == rank) own = value;
  }
  return own;
}

// A rank that fails here leaves the others in a collective: no further one may follow.
at::Tensor gather_or_end(const std::vector<std::vector<WriteTask>>& tasks, size_t round, int rank) {
  try {
    return gather_round(tasks, round, rank);
  } catch (const DistError&) {
    throw;
  } catch (const std::exception& error) {
    throw DistError("rank " + std::to_string(rank) +
                    ": gathering tensors to be saved: " + error.what());
  }
}

bool any_is_sharded(const std::vector<OutputFile>& files) {
  for (const OutputFile& file : files) {
    for (const OutputTensor& tensor : file.tensors) {
      if (tensor.is_sharded()) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<ManifestEntry> write_files(const std::filesystem::path& folder,
                                       const std::vector<OutputFile>& files,
                                       dist::Group& writers) {
  const std::vector<std::vector<WriteTask>> tasks = tasks_by_rank(files, writers.size());
  const std::vector<WriteTask>& own_tasks = tasks[static_cast<size_t>(writers.rank())];
  size_t num_rounds = 0;
  for (const auto& of_rank : tasks) num_rounds = std::max(num_rounds, of_rank.size());
  // Ranks that meet in gathers must stop together.
  const bool together = any_is_sharded(files);
  TaskWriter own(folder);
  std::exception_ptr failure;
  bool stop = false;
  for (size_t round = 0; round < num_rounds && !stop; ++round) {
    const at::Tensor gathered = gather_or_end(tasks, round, writers.rank());
    try {
      if (round < own_tasks.size()) own.write(own_tasks[round], gathered);
    } catch (...) {
      failure = std::current_exception();
    }
    stop = together ? writers.any_rank(failure != nullptr) : failure != nullptr;
  }
  if (failure) std::rethrow_exception(failure);
  return own.written();
}

}  // namespace ropewalk
