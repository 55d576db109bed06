// The allocator of large CPU tensors.
#pragma once

namespace ropewalk::cli {

// From here on tensors of a MiB and more are blocks of their own, kept when they are freed and used
// again for what is about as large. All blocks together, those in use and those kept, stay within
// what was once in use and a little: a heap would split its free blocks for smaller tensors that
// last, and grow with every block of the model instead.
void cache_large_tensors();

}  // namespace ropewalk::cli
