// Vectors of WIDTH floats by the compilers' vector extensions (GCC, Clang), and
// the functions of a float that kernels need.
#include "coefficients.h"

#define INLINE static inline __attribute__((always_inline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

typedef float vec __attribute__((vector_size(4 * WIDTH)));
typedef int32_t veci __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t vecu __attribute__((vector_size(4 * WIDTH)));
typedef float vec_unaligned __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

INLINE vec load(const float *p) { return *(const vec_unaligned *)p; }
INLINE void store(float *p, vec v) { *(vec_unaligned *)p = v; }
INLINE vec splat(float x) { return x - (vec){0}; }
INLINE vec choose(veci mask, vec a, vec b) { return (vec)((mask & (veci)a) | (~mask & (veci)b)); }
// vmin and vmax give b where either is not a number.
INLINE vec vmin(vec a, vec b) { return choose(a < b, a, b); }
INLINE vec vmax(vec a, vec b) { return choose(a > b, a, b); }
INLINE vec vabs(vec a) { return (vec)((veci)a & 0x7fffffff); }

// load_part loads the first n < WIDTH floats, and fill behind them.
INLINE vec load_part(const float *p, int64_t n, float fill) {
  vec v = splat(fill);
  for (int64_t i = 0; i < n; i++) v[i] = p[i];
  return v;
}

// keep_part is v with 0 behind the first n.
INLINE vec keep_part(vec v, int64_t n) {
  for (int64_t i = n; i < WIDTH; i++) v[i] = 0;
  return v;
}

INLINE void store_part(float *p, vec v, int64_t n) {
  for (int64_t i = 0; i < n; i++) p[i] = v[i];
}

INLINE float sum_of(vec v) {
  float s = 0;
  for (int i = 0; i < WIDTH; i++) s += v[i];
  return s;
}

INLINE float max_of(vec v) {
  float m = v[0];
  for (int i = 1; i < WIDTH; i++) m = MAX(m, v[i]);
  return m;
}

INLINE vec vsqrt(vec v) {
  vec r;
  for (int i = 0; i < WIDTH; i++) r[i] = __builtin_sqrtf(v[i]);
  return r;
}

// EACH runs body for i = 0, WIDTH, ... below n, with the number of floats that are
// left, at most WIDTH, in `part`.
#define GET(p) (part == WIDTH ? load((p) + i) : load_part((p) + i, part, 0))
#define PUT(p, v) (part == WIDTH ? store((p) + i, v) : store_part((p) + i, v, part))
#define EACH(i, n, ...)                                \
  {                                               \
    int64_t i = 0;                                \
    {                                             \
      enum { part = WIDTH };                      \
      for (; i + WIDTH <= (n); i += WIDTH) __VA_ARGS__ \
    }                                             \
    if (i < (n)) {                                \
      const int64_t part = (n)-i;                 \
      __VA_ARGS__                                      \
    }                                             \
  }

// vexp is e^x to 2 units in the last place; 0 below -87.3, e^88 above 88; what is
// not a number stays so.
INLINE vec vexp(vec x) {
  veci tiny = x < -87.3f;
  x = vmin(splat(88.0f), vmax(splat(-87.3f), x));
  const float magic = 12582912.0f; // 1.5 2^23: adding it rounds to an integer n, in the lowest bits
  vec shifted = x * 1.44269504f + magic, n = shifted - magic;
  x = x - n * 0.693145752f; // ln 2 in two parts, so that the product is exact
  x = x - n * 1.42860677e-6f;
  const float *c = exp_coefficients;
  vec y = c[5] + x * c[6];
  y = c[4] + x * y;
  y = c[3] + x * y;
  y = c[2] + x * y;
  y = c[1] + x * y;
  y = c[0] + x * y;
  vecu power = ((vecu)shifted + 127) << 23; // 2^n
  return choose(tiny, splat(0), y * (vec)power);
}

// gaussian gives the distribution function of the standard normal at x, and
// e^(-x²/2). The tail is e^(-x²/2) times Mills' ratio, which is smooth, so that
// small values keep their digits, unlike those of 1 + erf(x).
INLINE vec gaussian(vec x, vec *bell) {
  vec a = vmin(splat(MILLS_FAR), vabs(x));
  *bell = vexp(a * a * -0.5f);
  vec t = 1.0f / (1.0f + a * MILLS_RATE);
  const float *c = mills_coefficients;
  vec m = splat(c[9]);
  for (int i = 8; i >= 0; i--) m = c[i] + t * m;
  vec tail = m * *bell;
  return choose(x < 0, tail, 1.0f - tail);
}
