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
#include "kernels.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
