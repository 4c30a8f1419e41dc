// Vectors of sixteen floats: x86 servers since 2017.
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx2,fma")
#endif
#define ISA avx512
#define WIDTH 16
#define TILE_ROWS 12
#define TILE_UNROLL 1
#define BLOCK_ROWS 96
#define BLOCK_K 384
#define PACKED_K 192
#define COPY_ROWS 0
#include "kernels.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
