#include "tokenizer/unicode_versions.h"

#include <algorithm>
#include <iterator>

namespace ropewalk::tokenization {
namespace {

struct Range {
  int32_t first;
  int32_t last;
};

constexpr Range kNewerNumbers[] = {{0x10D40, 0x10D49},
                                   {0x116D0, 0x116E3},
                                   {0x11BF0, 0x11BF9},
                                   {0x11DE0, 0x11DE9},
                                   {0x16130, 0x16139},
                                   {0x16D70, 0x16D79},
                                   {0x16FF4, 0x16FF6},
                                   {0x1CCF0, 0x1CCF9},
                                   {0x1E5F1, 0x1E5FA}};

constexpr Range kInertInNfc[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

template <size_t kCount>
bool contains(const Range (&ranges)[kCount], int32_t code_point) {
  const Range* next = std::lower_bound(
      std::begin(ranges), std::end(ranges), code_point, [](const Range& range, int32_t point) {
        return range.last < point;
      });
  return next != std::end(ranges) && next->first <= code_point;
}

}  // namespace

bool is_newer_number(int32_t code_point) { return contains(kNewerNumbers, code_point); }

bool is_inert_in_nfc(int32_t code_point) { return contains(kInertInNfc, code_point); }

}  // namespace ropewalk::tokenization
