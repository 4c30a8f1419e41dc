// Matrix products. C = A B is cut into tiles of TILE_ROWS rows and TILE_COLUMNS
// columns that stay in registers while a block of k passes (K. Goto and R. van
// de Geijn, "Anatomy of high-performance matrix multiplication", 2008). B is packed
// once into panels of TILE_COLUMNS columns, which all tasks read; a task owns
// BLOCK_ROWS rows of A and C. How a product is cut depends on its sizes only, so
// that the numbers do not depend on the threads.

enum { TILE_COLUMNS = 2 * WIDTH, BLOCK_ROWS = 96, BLOCK_K = 384, PACKED_K = 192, SHORT_K = 96 };

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

INLINE int64_t panels_of(int64_t n) { return (n + TILE_COLUMNS - 1) / TILE_COLUMNS; }
INLINE int64_t vectors_of(int64_t n) { return (n + WIDTH - 1) / WIDTH; }

// tile multiplies rows <= TILE_ROWS of A with the first one or two vectors of a
// panel's columns, and adds the product to start (as wide) or, if that is NULL, to
// what c holds. A block of k is summed by itself: one long sum would lose digits.
INLINE void tile_of(const int rows, const int vectors, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel,
                    const float *start, float *c, int64_t c_row) {
  vec sum[TILE_ROWS][2] = {0};
  for (int i = 0; i < rows; i++) __builtin_prefetch(c + i * c_row, 1), __builtin_prefetch(c + i * c_row + WIDTH, 1);
  for (int64_t p = 0; p < k; p++) {
    vec b0 = load(panel), b1 = vectors > 1 ? load(panel + WIDTH) : b0;
    panel += TILE_COLUMNS;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      float x = a[i * a_row];
      sum[i][0] += x * b0;
      if (vectors > 1) sum[i][1] += x * b1;
    }
    a += a_column;
  }
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      float *to = c + i * c_row + v * WIDTH;
      store(to, load(start ? start + v * WIDTH : to) + sum[i][v]);
    }
}

static void tile(int64_t rows, int64_t vectors, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel,
                 const float *start, float *c, int64_t c_row) {
#define ROWS(r)                                                                       \
  case r:                                                                             \
    if (vectors > 1)                                                                  \
      tile_of(r, 2, k, a, a_row, a_column, panel, start, c, c_row);                   \
    else                                                                              \
      tile_of(r, 1, k, a, a_row, a_column, panel, start, c, c_row);                   \
    return;
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

// edge_tile is tile for any number of columns up to a panel's.
static void edge_tile(int64_t rows, int64_t columns, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel,
                      const float *start, float *c, int64_t c_row) {
  int64_t vectors = vectors_of(columns);
  if (columns == vectors * WIDTH) {
    tile(rows, vectors, k, a, a_row, a_column, panel, start, c, c_row);
    return;
  }
  float t[TILE_ROWS * TILE_COLUMNS];
  for (int64_t row = 0; row < rows && !start; row++) {
    const float *from = c + row * c_row;
    EACH(i, columns, { store(t + row * TILE_COLUMNS + i, GET(from)); })
  }
  tile(rows, vectors, k, a, a_row, a_column, panel, start, t, TILE_COLUMNS);
  for (int64_t row = 0; row < rows; row++) {
    float *to = c + row * c_row;
    EACH(i, columns, { PUT(to, load(t + row * TILE_COLUMNS + i)); })
  }
}

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
  } else if (b_row == 1) {
    for (int64_t j = 0; j < TILE_COLUMNS; j += WIDTH)
      EACH(i, k, {
        vec square[WIDTH];
        for (int q = 0; q < WIDTH; q++) square[q] = j + q < columns ? GET(b + (j + q) * b_column) : splat(0);
        transpose(square);
        for (int q = 0; q < part; q++) store(panel + (i + q) * TILE_COLUMNS + j, square[q]);
      })
  } else {
    for (int64_t p = 0; p < k; p++)
      for (int64_t j = 0; j < TILE_COLUMNS; j++) panel[p * TILE_COLUMNS + j] = j < columns ? b[p * b_row + j * b_column] : 0;
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
      int64_t rows = MIN(m - i, TILE_ROWS), columns = MIN(n - j, TILE_COLUMNS);
      edge_tile(rows, columns, k, a + i * a_row, a_row, a_column, packed + j * k, no_start, c + i * c_row + j, c_row);
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
// from a: k groups of TILE_ROWS. Behind the rows, `more` can be read. It adds each
// row's sum to sums, if not NULL. out has room for one vector more.
static void pack_rows(const float *a, int64_t a_column, int64_t rows, int64_t more, int64_t k, float *out, float *sums) {
  for (int64_t i = 0; i < rows; i += TILE_ROWS) {
    int64_t n = MIN(rows - i, TILE_ROWS), readable = rows + more - i;
    float total[TILE_ROWS + WIDTH] = {0};
    for (int64_t p0 = 0; p0 < k; p0 += 64) { // by parts: one long sum would lose digits
      int64_t last = MIN(k, p0 + 64);
      const float *from = a + i + p0 * a_column;
      float *to = out + i * k + p0 * TILE_ROWS;
      if (TILE_ROWS <= WIDTH && readable >= WIDTH) { // what is written too much is written over
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

// rows_of_a is a block of A: group i, of TILE_ROWS rows from i on, begins at
// a + i*group.
typedef struct {
  const float *a;
  int64_t group, row, column;
} rows_of_a;

// multiply_panel multiplies rows i0 to i1 of a block of A, k columns, with as many
// rows of a panel, and adds that to c or, if start is not NULL, to start.
static void multiply_panel(const work *w, rows_of_a a, int64_t i0, int64_t i1, int64_t j, int64_t k0, int64_t k, const float *start, float *c,
                           int64_t c_row) {
  const float *panel = w->packed + j * w->p.k + k0 * TILE_COLUMNS;
  int64_t columns = MIN(w->p.n - j, TILE_COLUMNS);
  for (int64_t i = i0; i < i1; i += TILE_ROWS) {
    int64_t n = MIN(i1 - i, TILE_ROWS);
    if (w->transposed) // c is padded
      tile(n, vectors_of(columns), k, a.a + i * a.group, a.row, a.column, panel, start, c + i * c_row + j, c_row);
    else
      edge_tile(n, columns, k, a.a + i * a.group, a.row, a.column, panel, start, c + i * c_row + j, c_row);
  }
}

static void multiply_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t first = (int64_t)index * w->block, rows = MIN(p->m - first, w->block);
  int64_t width = panels_of(p->n) * TILE_COLUMNS;
  int direct = p->a_column == 1 && !p->a_sums; // else rows of A are contiguous along m, and packed
  int64_t most = direct ? BLOCK_K : PACKED_K, parts = MAX(1, (p->k + most - 1) / most), step = MAX(1, (p->k + parts - 1) / parts);
  int64_t a_size = direct ? 0 : (rows + TILE_ROWS) * step + WIDTH;
  float *scratch = pmx_take(TILE_COLUMNS + a_size + (w->transposed ? rows * width : 0));
  float *own_a = scratch + TILE_COLUMNS, *block = own_a + a_size;
  float *c = w->transposed ? block : p->c + first * p->c_row;
  int64_t c_row = w->transposed ? width : p->c_row;
  if (p->a_sums)
    for (int64_t i = 0; i < rows; i++) p->a_sums[first + i] = 0;

  for (int64_t k0 = 0; k0 == 0 || k0 < p->k; k0 += step) {
    int64_t k = MIN(step, p->k - k0);
    rows_of_a a = {p->a + first * p->a_row + k0 * p->a_column, p->a_row, p->a_row, 1};
    if (!direct) {
      pack_rows(a.a, p->a_column, rows, p->m - first - rows, k, own_a, p->a_sums ? p->a_sums + first : NULL);
      a = (rows_of_a){own_a, k, 1, TILE_ROWS};
    }
    // A panel of B is multiplied with all rows while it is in cache; if it is short,
    // all panels are multiplied with some rows, since c is then most of the traffic.
    int64_t group = k <= SHORT_K ? TILE_ROWS : rows;
    for (int64_t i = 0; i < rows; i += group)
      for (int64_t j = 0; j < p->n; j += TILE_COLUMNS) {
        const float *start = k0 == 0 ? no_start : NULL;
        if (k0 == 0 && p->bias && !w->transposed) {
          for (int64_t q = 0; q < TILE_COLUMNS; q++) scratch[q] = j + q < p->n ? p->bias[j + q] : 0;
          start = scratch;
        }
        multiply_panel(w, a, i, MIN(rows, i + group), j, k0, k, start, c, c_row);
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
  if (p.m == 0 || p.n == 0) return;
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
