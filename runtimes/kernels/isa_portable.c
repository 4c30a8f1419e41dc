// Vectors of four floats: what every 64-bit x86 (SSE2) and ARM (NEON) has.
#define ISA portable
#define WIDTH 4
#if defined(__aarch64__)
#define TILE_ROWS 8
#else
#define TILE_ROWS 4
#endif
#define TILE_UNROLL 1
#define BLOCK_ROWS 96
#define BLOCK_K 384
#define PACKED_K 192
#define COPY_ROWS 0
#include "kernels.h"
