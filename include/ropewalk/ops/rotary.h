// Rotary position embedding (Su et al., arXiv 2104.09864) applied to queries and keys straight out
// of the merged projection: split, rotate and transpose in one pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ropewalk::ops {

// Which two elements of a head form pair i: (i, i + dims/2), or (2i, 2i + 1).
enum class RotaryLayout { kHalf, kInterleaved };

// fp32 tables [positions, rotary_dims / 2]; row p belongs to position p. Undefined tables mean a
// layer without rotation: every op below then only splits and transposes.
struct RotaryTables {
  at::Tensor cos;
  at::Tensor sin;
  RotaryLayout layout = RotaryLayout::kHalf;
};

struct HeadShape {
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_dim = 0;
};

// Contiguous [B, H, T, Dh] (k and v with the number of key-value heads).
struct Heads {
  at::Tensor q_BHTD;
  at::Tensor k_BHTD;
  at::Tensor v_BHTD;
};

// qkv [B, T, (H + 2 Hkv) Dh], columns = q heads, k heads, v heads. Token t stands at position
// first_position + t. Elements of a head beyond rotary_dims pass through. Rotation in fp32.
Heads split_rotary(const at::Tensor& qkv_BTE,
                   const HeadShape& shape,
                   const RotaryTables& tables,
                   int64_t first_position);

// How a tensor of queries or keys lies: [B, T, H, Dh] or [B, H, T, Dh].
enum class HeadOrder { kTokensFirst, kHeadsFirst };

// Rotates queries or keys alone, for models that normalise them between projection and rotation.
// The result is contiguous [B, H, T, Dh] for either order of x. Backward rotates by the negative
// angle and keeps nothing but the tables.
at::Tensor rotate(const at::Tensor& x,
                  HeadOrder order,
                  const RotaryTables& tables,
                  int64_t first_position);

// Plain rotation of x [B, H, T, Dh].
at::Tensor apply_rotary(const at::Tensor& x_BHTD,
                        const RotaryTables& tables,
                        int64_t first_position);

}  // namespace ropewalk::ops
