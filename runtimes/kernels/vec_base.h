// Vectors of WIDTH floats by the compilers' vector extensions (GCC, Clang): types,
// loads, stores, shuffles.
#ifndef PMX_VEC_BASE_H
#define PMX_VEC_BASE_H

#define INLINE static inline __attribute__((always_inline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define PRAGMA(text) _Pragma(#text)
#define UNROLL(n) PRAGMA(GCC unroll n)

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef double vecd __attribute__((vector_size(8 * WIDTH)));
typedef int32_t veci __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t vecu __attribute__((vector_size(4 * WIDTH)));
typedef float vec_unaligned __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

INLINE vec load(const float *p) { return *(const vec_unaligned *)p; }
INLINE void store(float *p, vec v) { *(vec_unaligned *)p = v; }
INLINE vec splat(float x) { return x - (vec){0}; }
INLINE vec choose(veci mask, vec a, vec b) { return (vec)((mask & (veci)a) | (~mask & (veci)b)); }
INLINE vec vabs(vec a) { return (vec)((veci)a & 0x7fffffff); }

// LANES lists f(0), f(1), ... for each lane. SHUFFLE(a, b, f) holds in lane i lane
// f(i) of a, or from WIDTH on of b; f is a macro with a constant result.
#if WIDTH == 4
#define LANES(f) f(0), f(1), f(2), f(3)
#elif WIDTH == 8
#define LANES(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#else
#define LANES(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
#endif
#if defined(__clang__)
#define SHUFFLE(a, b, f) __builtin_shufflevector(a, b, LANES(f))
#else
#define SHUFFLE(a, b, f) __builtin_shuffle(a, b, (veci){LANES(f)})
#endif

#endif
