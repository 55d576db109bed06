#pragma once

namespace ropewalk::cli {

// Tells glibc to keep large freed blocks instead of giving them back to the kernel: a training step
// frees and takes the same sizes again, and a first touch costs ten times a resident write. Call
// before the first large allocation.
void keep_freed_memory();

}  // namespace ropewalk::cli
