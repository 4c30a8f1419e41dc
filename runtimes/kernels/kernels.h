// All kernels for one instruction set. The file that includes this defines ISA (a
// name), WIDTH (floats in a vector), and for matrix products TILE_ROWS (rows of a tile
// that fit in registers), TILE_UNROLL (gemm_tile.h), BLOCK_ROWS, BLOCK_K, PACKED_K and
// COPY_ROWS (gemm.h). Everything is static but the table, so that no code of one
// instruction set can be linked where another's is meant.
#include "kernel.h"

#include "vec.h"

#include "gemm_tile.h"
#include "gemm_pack.h"

#include "gemm.h"
#include "softmax.h"

#include "adamw.h"
#include "distance_scores.h"
#include "attention.h"
#include "batch_norm.h"
#include "class_attention.h"
#include "cross_entropy.h"
#include "gelu_grad.h"
#include "layer_norm.h"
#include "linear.h"
#include "relative_attention.h"
#include "roi_align.h"

#define PMX_JOIN2(a, b) a##b
#define PMX_JOIN(a, b) PMX_JOIN2(a, b)
#define PMX_TEXT2(a) #a
#define PMX_TEXT(a) PMX_TEXT2(a)

const pmx_isa PMX_JOIN(pmx_, ISA) = {
    .name = PMX_TEXT(ISA),
    .width = WIDTH,
#define PMX_KERNEL(name, domain, inputs, outputs, integers) .name = name,
#include "kernels.inc.h"
#undef PMX_KERNEL
};
