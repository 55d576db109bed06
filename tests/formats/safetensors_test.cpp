#include "ropewalk/formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/temporary_folder.h"
#include "ropewalk/base/errors.h"
#include "ropewalk/base/hash.h"

namespace ropewalk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file with this header text and `data_bytes` bytes of data.
std::string file_of(const std::string& header, size_t data_bytes) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return text + header + std::string(data_bytes, 'x');
}

std::string fault_of(const std::string& header, size_t data_bytes) {
  const TemporaryFolder folder;
  const auto path = folder.put("w.safetensors", file_of(header, data_bytes));
  const std::string text = error_of<CheckpointError>([&] { SafetensorsFile file(path); });
  if (!text.empty()) {
    EXPECT_THAT(text, HasSubstr(path.string()));
  }
  return text;
}

std::string one(const std::string& name,
                const std::string& dtype,
                const std::string& shape,
                const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::vector<std::byte> counted(size_t size) {
  std::vector<std::byte> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = std::byte(i & 0xff);
  return bytes;
}

TensorInfo tensor(std::string name, DType dtype, std::vector<int64_t> shape) {
  TensorInfo info;
  info.name = std::move(name);
  info.dtype = dtype;
  info.shape = std::move(shape);
  return info;
}

std::string small_file() {
  return file_of(
      "{" + one("a", "F32", "[2,2]", "[0,16]") + "," + one("b", "BF16", "[3]", "[16,22]") + "}",
      22);
}

TEST(Safetensors, ReadsBackWhatWasWrittenInDeclaredOrder) {
  const TemporaryFolder folder;
  const auto path = folder / "w.safetensors";
  const auto bytes = counted(64);
  SafetensorsWriter writer(path,
                           {tensor("z", DType::kBF16, {3, 2}),
                            tensor("none", DType::kF32, {0, 5}),
                            tensor("scalar", DType::kF64, {}),
                            tensor("a\"\n", DType::kBool, {5})},
                           {{"format", "pt"}, {"note", "\u00e9"}});
  writer.write("z", std::span(bytes).first(12));
  writer.write_part("scalar", std::span(bytes).first(3));
  writer.write_part("scalar", std::span(bytes).subspan(3, 5));
  writer.write("a\"\n", std::span(bytes).subspan(10, 5));
  writer.close();
  EXPECT_EQ(writer.hash(), hash_file(path));
  EXPECT_EQ(writer.size_bytes(), std::filesystem::file_size(path));

  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.metadata().at("note"), "\u00e9");
  EXPECT_EQ(describe(*file.find("z")), "BF16 [3, 2]");
  EXPECT_EQ(file.find("absent"), nullptr);
  EXPECT_THAT(file.find("none")->shape, ElementsAre(0, 5));
  EXPECT_TRUE(file.bytes(*file.find("none")).empty());
  const auto scalar = file.bytes(*file.find("scalar"));
  EXPECT_TRUE(std::equal(scalar.begin(), scalar.end(), bytes.begin(), bytes.begin() + 8));
  const auto flags = file.bytes(*file.find("a\"\n"));
  EXPECT_TRUE(std::equal(flags.begin(), flags.end(), bytes.begin() + 10, bytes.begin() + 15));
}

TEST(Safetensors, DataBeginsOnAMultipleOfEight) {
  for (size_t length = 1; length < 12; ++length) {
    const TemporaryFolder folder;
    SafetensorsWriter writer(folder / "w", {tensor(std::string(length, 'n'), DType::kU8, {1})});
    writer.write(std::string(length, 'n'), counted(1));
    writer.close();
    EXPECT_EQ(writer.size_bytes() % 8, 1u);
  }
}

TEST(Safetensors, ReferenceOrderIsWidestTypeThenName) {
  std::vector<TensorInfo> tensors = {tensor("b", DType::kBF16, {1}),
                                     tensor("c", DType::kF32, {1}),
                                     tensor("a", DType::kBF16, {1}),
                                     tensor("d", DType::kI64, {1})};
  sort_as_reference(tensors);
  std::string order;
  for (const TensorInfo& info : tensors) order += info.name;
  EXPECT_EQ(order, "dcab");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const std::string whole = small_file();
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto path = folder.put("w.safetensors", whole.substr(0, size));
    EXPECT_THROW(SafetensorsFile file(path), CheckpointError) << size;
  }
  EXPECT_NO_THROW(SafetensorsFile(folder.put("w.safetensors", whole)));
  EXPECT_THROW(SafetensorsFile(folder.put("w.safetensors", whole + "x")), CheckpointError);
}

TEST(Safetensors, EveryBitFlipOfLengthAndHeaderIsRefusedOrStaysInsideTheFile) {
  const TemporaryFolder folder;
  const std::string whole = small_file();
  for (size_t bit = 0; bit < 8 * (whole.size() - 22); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto path = folder.put("w.safetensors", flipped);
    try {
      const SafetensorsFile file(path);
      for (const TensorInfo& info : file.tensors()) {
        const auto bytes = file.bytes(info);
        EXPECT_EQ(bytes.size(), *tensor_bytes(info.dtype, info.shape));
        EXPECT_EQ(bytes.empty() ? std::byte('x') : bytes.back(), std::byte('x'));
      }
    } catch (const CheckpointError&) {
    }
  }
}

TEST(Safetensors, LyingHeaderLengthsAreNamed) {
  const TemporaryFolder folder;
  std::string text = small_file();
  text.replace(0, 8, std::string(8, '\xff'));
  EXPECT_THAT(error_of<CheckpointError>([&] { SafetensorsFile(folder.put("w", text)); }),
              AllOf(HasSubstr("18446744073709551615"), HasSubstr("100000000")));
  text.replace(0, 8, std::string("\x40\x42\x0f\0\0\0\0\0", 8));  // 1,000,000
  EXPECT_THAT(error_of<CheckpointError>([&] { SafetensorsFile(folder.put("w", text)); }),
              AllOf(HasSubstr("1000000"), HasSubstr("truncated")));
}

TEST(Safetensors, FaultsNameTensorFoundAndExpected) {
  EXPECT_THAT(fault_of("{" + one("w", "F32", "[2,2]", "[0,12]") + "}", 12),
              HasSubstr("tensor 'w': F32 [2, 2] takes 16 bytes, but data_offsets span 12"));
  EXPECT_THAT(fault_of("{" + one("w", "F31", "[1]", "[0,4]") + "}", 4),
              HasSubstr("'F31' is unknown"));
  EXPECT_THAT(fault_of("{" + one("w", "F32", "[1]", "[4,8]") + "}", 8), HasSubstr("hole"));
  EXPECT_THAT(
      fault_of("{" + one("v", "F32", "[2]", "[0,8]") + "," + one("w", "F32", "[1]", "[4,8]") + "}",
               8),
      HasSubstr("overlaps"));
  EXPECT_THAT(fault_of("{" + one("w", "F32", "[1]", "[0,4]") + "}", 5), HasSubstr("appended"));
  EXPECT_THAT(fault_of("{" + one("w", "F32", "[1]", "[0,4]") + "}", 3), HasSubstr("truncated"));
  EXPECT_THAT(fault_of("{" + one("w", "F32", "[1]", "[8,4]") + "}", 8), HasSubstr("end before"));
  EXPECT_THAT(fault_of("{" + one("w", "F4", "[3]", "[0,1]") + "}", 1), HasSubstr("whole"));
}

TEST(Safetensors, ProductsThatOverflowAreRefused) {
  for (const char* shape : {"[4294967296,4294967296]",
                            "[9223372036854775807,2]",
                            "[2305843009213693952,8]",
                            "[4611686018427387904,4]",
                            "[18446744073709551615]"}) {
    EXPECT_NE(fault_of("{" + one("w", "F32", shape, "[0,0]") + "}", 0), "") << shape;
  }
  EXPECT_EQ(fault_of("{" + one("w", "F32", "[0,4294967296,2]", "[0,0]") + "}", 0), "");
}

TEST(Safetensors, MalformedHeadersAreRefused) {
  const std::string good = one("w", "F32", "[1]", "[0,4]");
  for (const std::string& header : {
           std::string(""),
           std::string("[]"),
           std::string(" {}"),
           std::string("{"),
           "{" + good,
           "{" + good + "} {}",
           "{" + good + "," + good + "}",
           "{" + good + "}" + std::string(1, '\0'),
           "\xef\xbb\xbf{" + good + "}",
           "{" + good + ",\"x\":3}",
           "{" + good + ",\"x\":null}",
           "{" + good + ",\"x\":[1]}",
           "{\"__metadata__\":{\"a\":1}," + good + "}",
           "{\"__metadata__\":{\"a\":{}}," + good + "}",
           "{\"__metadata__\":[]," + good + "}",
           "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," + good + "}",
           std::string("{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}"),
           std::string("{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":"
                       "[0,4]}}"),
           "{" + one("w", "F32", "[-1]", "[0,4]") + "}",
           "{" + one("w", "F32", "[1.0]", "[0,4]") + "}",
           "{" + one("w", "F32", "1", "[0,4]") + "}",
           "{" + one("w", "F32", "[[1]]", "[0,4]") + "}",
           "{" + one("w", "F32", "[1]", "[0,4,4]") + "}",
           "{" + one("w", "F32", "[1]", "[0]") + "}",
           "{" + one("w", "F32", "[1]", "{\"a\":0}") + "}",
           "{" + one("\xff", "F32", "[1]", "[0,4]") + "}",
           "{" + one("w", "F32", "[1]", "[0,4]").substr(0, 20) + "}",
           "{\"w\":{\"x\":" + std::string(100, '[') + std::string(100, ']') + "}}",
       }) {
    EXPECT_NE(fault_of(header, 4), "") << header;
  }
  EXPECT_EQ(fault_of("{\"__metadata__\":null," + good + "}  \n", 4), "");
  EXPECT_EQ(
      fault_of(
          "{\"w\":{\"new\":[{\"a\":1}],\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
          4),
      "");
  EXPECT_EQ(fault_of("{}", 0), "");
}

TEST(Safetensors, AllFaultsAreListedAtOnce) {
  const std::string text = fault_of(
      "{" + one("a", "F9", "[1]", "[0,4]") + "," + one("b", "F32", "[-1]", "[4,8]") + ",\"c\":7}",
      8);
  EXPECT_THAT(text,
              AllOf(HasSubstr("3 faults"), HasSubstr("'a'"), HasSubstr("'b'"), HasSubstr("'c'")));
}

TEST(Safetensors, ManyTensorsParseInLinearTime) {
  // With a search per name this header would take minutes.
  std::string header = "{";
  constexpr int kCount = 200000;
  for (int i = 0; i < kCount; ++i) {
    header += (i == 0 ? "" : ",") + one("t" + std::to_string(i), "U8", "[0]", "[0,0]");
  }
  EXPECT_EQ(fault_of(header + "}", 0), "");
}

TEST(Safetensors, ControlCharactersOfNamesDoNotReachTheMessage) {
  const std::string text = fault_of("{" + one("a\\u001b[31m\\n", "F9", "[1]", "[0,4]") + "}", 4);
  EXPECT_THAT(text, HasSubstr("a\\x1b[31m\\x0a"));
}

TEST(Safetensors, MissingFileIsBadInput) {
  EXPECT_THAT(error_of<CheckpointError>([] { SafetensorsFile("/nonexistent/w.safetensors"); }),
              HasSubstr("/nonexistent/w.safetensors"));
}

TEST(SafetensorsWriter, WrongOrderSizeOrMissingTensorIsCaught) {
  const TemporaryFolder folder;
  const auto bytes = counted(8);
  const std::vector<TensorInfo> two = {tensor("a", DType::kU8, {4}), tensor("b", DType::kU8, {4})};
  SafetensorsWriter writer(folder / "w", two);
  EXPECT_ANY_THROW(writer.write("b", std::span(bytes).first(4)));
  EXPECT_ANY_THROW(writer.write("a", std::span(bytes).first(3)));
  writer.write("a", std::span(bytes).first(4));
  EXPECT_ANY_THROW(writer.write("a", std::span(bytes).first(4)));
  EXPECT_ANY_THROW(writer.close());
  EXPECT_ANY_THROW(SafetensorsWriter(folder / "v", {two[0], two[0]}));
}

}  // namespace
}  // namespace ropewalk
