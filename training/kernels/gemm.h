// Matrix products. C = A B is cut into tiles of TILE_ROWS rows and TILE_COLUMNS
// columns that stay in registers while a block of k passes (K. Goto and R. van
// de Geijn, "Anatomy of high-performance matrix multiplication", 2008). B is packed
// once into panels of TILE_COLUMNS columns, which all tasks read; a task owns
// BLOCK_ROWS rows of A and C. How a product is cut depends on its sizes only, so
// that the numbers do not depend on the threads.

enum { TILE_COLUMNS = 2 * WIDTH, BLOCK_ROWS = 96, BLOCK_K = 384, PACKED_K = 192 };

// product is C[m n] = A[m k] B[k n] + bias, with an element (i, j) of X at
// x[i*x_row + j*x_column].
typedef struct {
  int64_t m, n, k;
  const float *a, *b;
  int64_t a_row, a_column, b_row, b_column;
  float *c, *gelu;   // gelu: the activation of C, same layout; may be NULL
  int64_t c_row;     // its columns are contiguous
  const float *bias; // [n]; may be NULL
  float *a_sums;     // [m], sums of A's rows; may be NULL
} product;

// tile multiplies rows <= TILE_ROWS of A with one panel. If first, it begins with
// start (a panel's width), else with what c holds.
INLINE void tile_of(const int rows, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel, const float *start,
                    float *c, int64_t c_row) {
  vec acc[TILE_ROWS][2];
  for (int i = 0; i < rows; i++) {
    const float *from = start ? start : c + i * c_row;
    acc[i][0] = load(from), acc[i][1] = load(from + WIDTH);
  }
  for (int64_t p = 0; p < k; p++) {
    vec b0 = load(panel), b1 = load(panel + WIDTH);
    panel += TILE_COLUMNS;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      float x = a[i * a_row];
      acc[i][0] += x * b0;
      acc[i][1] += x * b1;
    }
    a += a_column;
  }
  for (int i = 0; i < rows; i++) {
    store(c + i * c_row, acc[i][0]);
    store(c + i * c_row + WIDTH, acc[i][1]);
  }
}

static void tile(int64_t rows, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel, const float *start, float *c,
                 int64_t c_row) {
#define ROWS(r) \
  case r: tile_of(r, k, a, a_row, a_column, panel, start, c, c_row); return;
  switch (rows) {
    ROWS(1) ROWS(2) ROWS(3) ROWS(4)
#if TILE_ROWS > 4
    ROWS(5) ROWS(6)
#endif
#if TILE_ROWS > 6
    ROWS(7) ROWS(8)
#endif
#if TILE_ROWS > 8
    ROWS(9) ROWS(10) ROWS(11) ROWS(12)
#endif
  }
#undef ROWS
}

static const float no_start[TILE_COLUMNS];

// edge_tile is tile for the first `columns` of a panel only.
static void edge_tile(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel,
                      const float *start, float *c, int64_t c_row) {
  float t[TILE_ROWS * TILE_COLUMNS];
  if (!start)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < TILE_COLUMNS; j++) t[i * TILE_COLUMNS + j] = j < columns ? c[i * c_row + j] : 0;
  tile(rows, k, a, a_row, a_column, panel, start, t, TILE_COLUMNS);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) c[i * c_row + j] = t[i * TILE_COLUMNS + j];
}

INLINE int64_t panels_of(int64_t n) { return (n + TILE_COLUMNS - 1) / TILE_COLUMNS; }

// packed_size is the floats that n columns of k take, packed.
INLINE int64_t packed_size(int64_t k, int64_t n) { return panels_of(n) * TILE_COLUMNS * k; }

// pack_panel packs `columns` columns of B, at b: k rows of TILE_COLUMNS, zeros
// behind the last column. sums, if not NULL, gets the sum of each column.
static void pack_panel(const float *b, int64_t b_row, int64_t b_column, int64_t k, int64_t columns, float *panel, float *sums) {
  if (columns == TILE_COLUMNS && b_column == 1) {
    for (int64_t p = 0; p < k; p++) {
      store(panel + p * TILE_COLUMNS, load(b + p * b_row));
      store(panel + p * TILE_COLUMNS + WIDTH, load(b + p * b_row + WIDTH));
    }
  } else {
    for (int64_t p0 = 0; p0 < k; p0 += 64) // what is written 64 times stays in cache
      for (int64_t j = 0; j < TILE_COLUMNS; j++)
        for (int64_t p = p0; p < MIN(k, p0 + 64); p++) panel[p * TILE_COLUMNS + j] = j < columns ? b[p * b_row + j * b_column] : 0;
  }
  if (!sums) return;
  // By parts of 64: one long sum would lose digits.
  vec total[2] = {{0}, {0}};
  for (int64_t p = 0; p < k; p += 64) {
    vec part[2] = {{0}, {0}};
    for (int64_t q = p; q < MIN(k, p + 64); q++) {
      part[0] += load(panel + q * TILE_COLUMNS);
      part[1] += load(panel + q * TILE_COLUMNS + WIDTH);
    }
    total[0] += part[0], total[1] += part[1];
  }
  float all[TILE_COLUMNS];
  store(all, total[0]), store(all + WIDTH, total[1]);
  for (int64_t j = 0; j < columns; j++) sums[j] = all[j];
}

// pack packs all n columns of B.
static void pack(const float *b, int64_t b_row, int64_t b_column, int64_t k, int64_t n, float *packed) {
  for (int64_t j = 0; j < n; j += TILE_COLUMNS)
    pack_panel(b + j * b_column, b_row, b_column, k, MIN(n - j, TILE_COLUMNS), packed + j * k, NULL);
}

// multiply_packed is C[m n] = A[m k] B, B packed, on one thread, for products that
// fit in cache.
static void multiply_packed(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *packed, float *c,
                            int64_t c_row) {
  for (int64_t j = 0; j < n; j += TILE_COLUMNS)
    for (int64_t i = 0; i < m; i += TILE_ROWS) {
      const float *rows = a + i * a_row, *panel = packed + j * k;
      if (n - j >= TILE_COLUMNS)
        tile(MIN(m - i, TILE_ROWS), k, rows, a_row, a_column, panel, no_start, c + i * c_row + j, c_row);
      else
        edge_tile(MIN(m - i, TILE_ROWS), n - j, k, rows, a_row, a_column, panel, no_start, c + i * c_row + j, c_row);
    }
}

INLINE void gelu_row(const float *h, float *y, int64_t n) {
  EACH(i, n, {
    vec x = GET(h), bell;
    PUT(y, x * gaussian(x, &bell));
  })
}

// work is a product that is being computed.
typedef struct {
  product p;
  int transposed;   // p is the transposed product: columns of C are contiguous in rows of the result
  int64_t block;    // rows of a task
  float *packed;    // B in panels
  float *b_sums;    // of B's columns, or NULL
} work;

static void pack_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t j = (int64_t)index * TILE_COLUMNS;
  pack_panel(p->b + j * p->b_column, p->b_row, p->b_column, p->k, MIN(p->n - j, TILE_COLUMNS), w->packed + j * p->k,
             w->b_sums ? w->b_sums + j : NULL);
}

// pack_rows packs `rows` rows of A whose rows are contiguous along m, k columns
// from a: k groups of TILE_ROWS. It adds each row's sum to sums, if not NULL. out
// has room for one vector more.
static void pack_rows(const float *a, int64_t a_column, int64_t rows, int64_t k, float *out, float *sums) {
  for (int64_t i = 0; i < rows; i += TILE_ROWS) {
    int64_t n = MIN(rows - i, TILE_ROWS);
    float total[TILE_ROWS + WIDTH] = {0};
    for (int64_t p0 = 0; p0 < k; p0 += 64) { // by parts: one long sum would lose digits
      int64_t last = MIN(k, p0 + 64);
      const float *from = a + i + p0 * a_column;
      float *to = out + i * k + p0 * TILE_ROWS;
      if (TILE_ROWS <= WIDTH && i + WIDTH <= rows) { // what is written too much is written over
        vec part = {0};
        for (int64_t p = p0; p < last; p++, from += a_column, to += TILE_ROWS) {
          vec v = load(from);
          store(to, v);
          part += v;
        }
        store(total, load(total) + part);
      } else {
        float part[TILE_ROWS] = {0};
        for (int64_t p = p0; p < last; p++, from += a_column, to += TILE_ROWS)
          for (int64_t r = 0; r < n; r++) to[r] = from[r], part[r] += from[r];
        for (int64_t r = 0; r < n; r++) total[r] += part[r];
      }
    }
    if (sums)
      for (int64_t r = 0; r < n; r++) sums[i + r] += total[r];
  }
}

// finish_transposed writes a task's block [rows n] to its place in the result,
// where it stands transposed.
static void finish_transposed(const work *w, const float *block, int64_t width, int64_t first, int64_t rows) {
  const product *p = &w->p;
  for (int64_t j = 0; j < p->n; j++) {
    float *to = p->c + j * p->c_row + first;
    for (int64_t i = 0; i < rows; i++) to[i] = block[i * width + j];
    if (p->bias)
      for (int64_t i = 0; i < rows; i++) to[i] += p->bias[first + i];
    if (p->gelu) gelu_row(to, p->gelu + j * p->c_row + first, rows);
  }
}

static void multiply_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t first = (int64_t)index * w->block, rows = MIN(p->m - first, w->block);
  int64_t width = panels_of(p->n) * TILE_COLUMNS;
  int direct = p->a_column == 1; // else rows of A are contiguous along m, and packed
  int64_t most = direct ? BLOCK_K : PACKED_K, parts = (p->k + most - 1) / most, step = (p->k + parts - 1) / parts;
  int64_t a_size = direct ? 0 : (rows + TILE_ROWS) * step + WIDTH;
  float *scratch = pmx_take(TILE_COLUMNS + a_size + (w->transposed ? rows * width : 0));
  float *own_a = scratch + TILE_COLUMNS, *block = own_a + a_size;
  float *c = w->transposed ? block : p->c + first * p->c_row;
  int64_t c_row = w->transposed ? width : p->c_row;
  if (p->a_sums)
    for (int64_t i = 0; i < rows; i++) p->a_sums[first + i] = 0;

  for (int64_t k0 = 0; k0 < p->k; k0 += step) {
    int64_t k = MIN(step, p->k - k0);
    const float *a = p->a + first * p->a_row + k0 * p->a_column;
    if (!direct) pack_rows(a, p->a_column, rows, k, own_a, p->a_sums ? p->a_sums + first : NULL);
    for (int64_t j = 0; j < p->n; j += TILE_COLUMNS) {
      int64_t columns = MIN(p->n - j, TILE_COLUMNS);
      const float *panel = w->packed + j * p->k + k0 * TILE_COLUMNS, *start = NULL;
      if (k0 == 0) {
        start = no_start;
        if (p->bias && !w->transposed) {
          for (int64_t q = 0; q < TILE_COLUMNS; q++) scratch[q] = q < columns ? p->bias[j + q] : 0;
          start = scratch;
        }
      }
      for (int64_t i = 0; i < rows; i += TILE_ROWS) {
        int64_t n = MIN(rows - i, TILE_ROWS);
        const float *from = direct ? a + i * p->a_row : own_a + i * k;
        int64_t a_row = direct ? p->a_row : 1, a_column = direct ? 1 : TILE_ROWS;
        if (columns == TILE_COLUMNS || w->transposed)
          tile(n, k, from, a_row, a_column, panel, start, c + i * c_row + j, c_row);
        else
          edge_tile(n, columns, k, from, a_row, a_column, panel, start, c + i * c_row + j, c_row);
      }
    }
  }
  if (w->transposed)
    finish_transposed(w, block, width, first, rows);
  else if (p->gelu)
    for (int64_t i = 0; i < rows; i++) gelu_row(c + i * c_row, p->gelu + (first + i) * p->c_row, p->n);
  pmx_give(scratch);
}

// multiply computes a product on the session's threads. The longer side of C is
// cut into tasks: if that is n, the transposed product is computed.
static void multiply(pmx_call *call, product p) {
  work w = {.p = p};
  if (p.n > p.m) {
    w.transposed = 1;
    w.p.m = p.n, w.p.n = p.m;
    w.p.a = p.b, w.p.a_row = p.b_column, w.p.a_column = p.b_row;
    w.p.b = p.a, w.p.b_row = p.a_column, w.p.b_column = p.a_row;
    w.p.a_sums = NULL, w.b_sums = p.a_sums;
  }
  int64_t eighth = (w.p.m + 7) / 8;
  w.block = MIN(BLOCK_ROWS, (eighth + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS);
  w.packed = pmx_take(packed_size(p.k, w.p.n));
  call->parallel(call, pack_task, panels_of(w.p.n), &w);
  call->parallel(call, multiply_task, (w.p.m + w.block - 1) / w.block, &w);
  pmx_give(w.packed);
}
