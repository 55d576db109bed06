#include "ropewalk/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace ropewalk {
namespace {

TEST(Utf8, InvalidSequencesAreFoundWhereTheyBegin) {
  for (const char* good : {"",
                           "a",
                           "\xc2\x80",
                           "\xe0\xa0\x80",
                           "\xed\x9f\xbf",
                           "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80",
                           "\xf4\x8f\xbf\xbf",
                           "0123456\xc3\xa9 0123456789"}) {
    EXPECT_EQ(first_invalid_utf8(good), std::string_view(good).size());
  }
  for (const char* bad : {"\x80",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xc3",
                          "\xe0\x9f\xbf",
                          "\xed\xa0\x80",
                          "\xe2\x82",
                          "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "\xe2\x28\xa1"}) {
    for (const std::string before : {"", "0123456", "01234567", "\u00e9"}) {
      EXPECT_EQ(first_invalid_utf8(before + bad), before.size()) << bad;
      EXPECT_EQ(first_invalid_utf8(before + bad + " and more text"), before.size()) << bad;
    }
  }
}

}  // namespace
}  // namespace ropewalk
