// Vectors of eight floats with fused multiply-add: x86 since 2013.
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define ISA avx2
#define WIDTH 8
#define TILE_ROWS 6
#define TILE_UNROLL 8
#define BLOCK_ROWS 192
#define BLOCK_K 384
#define PACKED_K 384
#define COPY_ROWS 1
#include "kernels.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
