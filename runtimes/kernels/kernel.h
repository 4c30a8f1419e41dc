// What a kernel sees: its inputs, outputs, attributes, threads and scratch memory.
#ifndef PMX_KERNEL_H
#define PMX_KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { PMX_MAX_RANK = 8, PMX_MAX_INPUTS = 8 };

// pmx_attributes are all that any kernel has.
typedef struct {
  int64_t heads;         // num_heads
  int64_t axis;          // -1 if there is none
  int64_t samples;       // sampling_ratio
  double scale, epsilon; // as the decimals that they were written as:
  double beta1, beta2;   // 1 - 0.999f is not 0.001f; attributes alpha and beta
} pmx_attributes;

// pmx_tensor is a dense tensor, the last dimension contiguous.
typedef struct {
  union {
    const float *data;
    const int64_t *integers; // of inputs that kernels.inc.h says are int64
  };
  int64_t dims[PMX_MAX_RANK];
  int rank;
  int64_t count;
} pmx_tensor;

static inline int same_shape(const pmx_tensor *a, const pmx_tensor *b) {
  for (int i = 0; i < a->rank; i++)
    if (b->rank != a->rank || b->dims[i] != a->dims[i]) return 0;
  return a->rank == b->rank;
}

// pmx_call is one execution of an operator.
typedef struct pmx_call pmx_call;
struct pmx_call {
  const pmx_attributes *attributes;
  pmx_tensor in[PMX_MAX_INPUTS];

  // output gives the memory of output i, of this shape; NULL if nothing reads it
  // or the memory is short, which fails the call when the kernel has returned.
  float *(*output)(pmx_call *, int i, const int64_t *dims, int rank);
  // parallel runs f(user, i) for each i below n, on the session's threads.
  void (*parallel)(pmx_call *, void (*f)(void *user, size_t i), size_t n, void *user);

  int64_t missing; // bytes of scratch memory that could not be had; written by any thread
};

// pmx_take gives scratch memory for at least n floats, aligned for any vector, and
// pmx_give takes it back for the next. Pages stay touched from step to step, which
// a malloc of this size would not do. If there is no memory, the result is NULL, and
// the call fails when the kernel has returned: what it computes no longer matters.
float *pmx_take(pmx_call *call, int64_t n);
void pmx_give(float *p);

// pmx_kernel computes an operator; the result is NULL or what is wrong.
typedef const char *pmx_kernel(pmx_call *);

// pmx_isa is every kernel, compiled for one instruction set.
typedef struct {
  const char *name;
  int width; // floats in a vector
#define PMX_KERNEL(name, domain, inputs, outputs, integers) pmx_kernel *name;
#include "kernels.inc.h"
#undef PMX_KERNEL
} pmx_isa;

extern const pmx_isa pmx_portable;
#if defined(__x86_64__)
extern const pmx_isa pmx_avx2, pmx_avx512;
#endif

#endif
