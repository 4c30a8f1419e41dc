// The functions of vectors that kernels need.
#include "coefficients.h"
#include "vec_base.h"
#include "vec_isa.h"

// sum_of and max_of halve what is left: a tree, not a chain.
#define ACROSS8(i) (i) ^ 8
#define ACROSS4(i) (i) ^ 4
#define ACROSS2(i) (i) ^ 2
#define ACROSS1(i) (i) ^ 1

INLINE float sum_of(vec v) {
#if WIDTH > 8
  v += SHUFFLE(v, v, ACROSS8);
#endif
#if WIDTH > 4
  v += SHUFFLE(v, v, ACROSS4);
#endif
  v += SHUFFLE(v, v, ACROSS2);
  v += SHUFFLE(v, v, ACROSS1);
  return v[0];
}

INLINE float max_of(vec v) {
#if WIDTH > 8
  v = vmax(v, SHUFFLE(v, v, ACROSS8));
#endif
#if WIDTH > 4
  v = vmax(v, SHUFFLE(v, v, ACROSS4));
#endif
  v = vmax(v, SHUFFLE(v, v, ACROSS2));
  v = vmax(v, SHUFFLE(v, v, ACROSS1));
  return v[0];
}

// transpose swaps rows and lanes of WIDTH rows: first lanes of neighbouring rows,
// then pairs of pairs, and so on.
#define EVEN(s, i) ((i) & (s) ? WIDTH + (i) - (s) : (i))
#define ODD(s, i) ((i) & (s) ? WIDTH + (i) : (i) + (s))
#define EVEN1(i) EVEN(1, i)
#define EVEN2(i) EVEN(2, i)
#define EVEN4(i) EVEN(4, i)
#define EVEN8(i) EVEN(8, i)
#define ODD1(i) ODD(1, i)
#define ODD2(i) ODD(2, i)
#define ODD4(i) ODD(4, i)
#define ODD8(i) ODD(8, i)
#define SWAP(s, even, odd)                     \
  _Pragma("GCC unroll 16")                     \
  for (int i = 0; i < WIDTH; i++)              \
    if (!(i & (s))) {                          \
      vec a = row[i], b = row[i + (s)];        \
      row[i] = SHUFFLE(a, b, even);            \
      row[i + (s)] = SHUFFLE(a, b, odd);       \
    }

INLINE void transpose(vec row[WIDTH]) {
  SWAP(1, EVEN1, ODD1)
  SWAP(2, EVEN2, ODD2)
#if WIDTH > 4
  SWAP(4, EVEN4, ODD4)
#endif
#if WIDTH > 8
  SWAP(8, EVEN8, ODD8)
#endif
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
