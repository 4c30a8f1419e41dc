// Tiles: the part of a matrix product C = A B that stays in registers, TILE_ROWS
// rows by TILE_COLUMNS columns, while k passes (K. Goto and R. van de Geijn, "Anatomy
// of high-performance matrix multiplication", 2008). A tile reads A where it lies, or
// packed (gemm_pack.h), and B always packed in panels of TILE_COLUMNS columns.

enum { TILE_COLUMNS = 2 * WIDTH };

INLINE int64_t panels_of(int64_t n) { return (n + TILE_COLUMNS - 1) / TILE_COLUMNS; }
INLINE int64_t vectors_of(int64_t n) { return (n + WIDTH - 1) / WIDTH; }
INLINE int64_t groups_of(int64_t m) { return (m + TILE_ROWS - 1) / TILE_ROWS; }

// tile_of multiplies rows <= TILE_ROWS of A with the first one or two vectors of a
// panel's columns, and adds the product to start (as wide) or, if that is NULL, to
// what c holds. A block of k is summed by itself: one long sum would lose digits.
//
// The loop over k is unrolled by TILE_UNROLL: with 6 rows its own four instructions
// would be a sixth of all, and a core that shares its decoder with a second thread
// is limited by their number before it is limited by its multipliers.
INLINE void tile_of(const int rows, const int vectors, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *panel,
                    const float *start, float *c, int64_t c_row) {
  vec sum[TILE_ROWS][2] = {0};
  for (int i = 0; i < rows; i++) __builtin_prefetch(c + i * c_row, 1), __builtin_prefetch(c + i * c_row + vectors * WIDTH - 1, 1);
  UNROLL(TILE_UNROLL)
  for (int64_t p = 0; p < k; p++) {
    vec b0 = load(panel), b1 = vectors > 1 ? load(panel + WIDTH) : b0;
    panel += TILE_COLUMNS;
    UNROLL(16)
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

// sum_packed adds A[m k] B, B packed, to start or, if that is NULL, to what C[m n]
// holds, on one thread, for products that fit in cache.
static void sum_packed(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *packed, const float *start,
                       float *c, int64_t c_row) {
  for (int64_t j = 0; j < n; j += TILE_COLUMNS)
    for (int64_t i = 0; i < m; i += TILE_ROWS) {
      int64_t rows = MIN(m - i, TILE_ROWS), columns = MIN(n - j, TILE_COLUMNS);
      edge_tile(rows, columns, k, a + i * a_row, a_row, a_column, packed + j * k, start, c + i * c_row + j, c_row);
    }
}

// multiply_packed is C = A B, add_packed adds it to C.
static void multiply_packed(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *packed, float *c,
                            int64_t c_row) {
  sum_packed(m, n, k, a, a_row, a_column, packed, no_start, c, c_row);
}

static void add_packed(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *packed, float *c,
                       int64_t c_row) {
  sum_packed(m, n, k, a, a_row, a_column, packed, NULL, c, c_row);
}
