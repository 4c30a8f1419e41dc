// What vectors need of each instruction set: the compilers' extensions have no
// smaller and larger of two, no square root, and no part of a vector.
//
//	vmin, vmax      give b where either is not a number
//	vsqrt
//	load_part       loads the first n < WIDTH floats, and fill behind them
//	store_part      stores the first n
//	keep_part       is v with 0 behind the first n
#include "vec_base.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if WIDTH == 16
#define X86(op) _mm512_##op##_ps
#elif WIDTH == 8
#define X86(op) _mm256_##op##_ps
#else
#define X86(op) _mm_##op##_ps
#endif

INLINE vec vmin(vec a, vec b) { return X86(min)(a, b); }
INLINE vec vmax(vec a, vec b) { return X86(max)(a, b); }
INLINE vec vsqrt(vec v) { return X86(sqrt)(v); }
#else
INLINE vec vmin(vec a, vec b) { return choose(a < b, a, b); }
INLINE vec vmax(vec a, vec b) { return choose(a > b, a, b); }
#if defined(__aarch64__)
#include <arm_neon.h>
INLINE vec vsqrt(vec v) { return vsqrtq_f32(v); }
#else
INLINE vec vsqrt(vec v) {
  for (int i = 0; i < WIDTH; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
}
#endif
#endif

#if WIDTH == 16
INLINE __mmask16 below(int64_t n) { return (__mmask16)((1u << n) - 1); }
INLINE vec load_part(const float *p, int64_t n, float fill) { return _mm512_mask_loadu_ps(splat(fill), below(n), p); }
INLINE void store_part(float *p, vec v, int64_t n) { _mm512_mask_storeu_ps(p, below(n), v); }
INLINE vec keep_part(vec v, int64_t n) { return _mm512_maskz_mov_ps(below(n), v); }
#elif WIDTH == 8
INLINE veci below(int64_t n) { return (int32_t)n - (veci){0} > (veci){0, 1, 2, 3, 4, 5, 6, 7}; }
INLINE vec load_part(const float *p, int64_t n, float fill) { return choose(below(n), _mm256_maskload_ps(p, (__m256i)below(n)), splat(fill)); }
INLINE void store_part(float *p, vec v, int64_t n) { _mm256_maskstore_ps(p, (__m256i)below(n), v); }
INLINE vec keep_part(vec v, int64_t n) { return (vec)(below(n) & (veci)v); }
#else
INLINE vec load_part(const float *p, int64_t n, float fill) {
  vec v = splat(fill);
  for (int64_t i = 0; i < n; i++) v[i] = p[i];
  return v;
}
INLINE void store_part(float *p, vec v, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = v[i];
}
INLINE vec keep_part(vec v, int64_t n) {
  for (int64_t i = n; i < WIDTH; i++) v[i] = 0;
  return v;
}
#endif
