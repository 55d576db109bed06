// model.safetensors.index.json, then two of the files that it may name.
#include "fuzz/target.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/formats/model_files.h"

namespace ropewalk::fuzz {

void fuzz_model_folder(std::string_view input) {
  const auto files = parts(input, 3);
  const auto index = put_file("model/model.safetensors.index.json", files[0]);
  put_file("model/a.safetensors", files[1]);
  put_file("model/b.safetensors", files[2]);
  const ModelFiles model = ModelFiles::open(index.parent_path());
  for (const auto& file : model.files()) {
    ROPEWALK_CHECK(file->path().parent_path() == index.parent_path(), "opened another folder's");
  }
  for (const std::string& name : model.names()) read_all(model.find(name).bytes());
  ROPEWALK_CHECK(model.num_bytes() <= input.size(), "tensors larger than their files");
  model.num_parameters();
}

}  // namespace ropewalk::fuzz
