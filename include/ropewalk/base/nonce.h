// A text that no other call, process or machine makes again.
#pragma once

#include <string>

namespace ropewalk {

// 128 bits from the operating system as 32 hexadecimal digits.
std::string make_nonce();

}  // namespace ropewalk
