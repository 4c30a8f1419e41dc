// Packing: the operands of a matrix product in the order in which tiles read them.
// B lies in panels of TILE_COLUMNS columns, A in strips of TILE_ROWS rows.

// PACK_K is how much of k is packed of all panels or strips in turn: the lines that it
// is read from are still in cache when the next panel or strip reads on in them.
enum { PACK_K = 32 };

// packed_size is the floats that n columns of k take, packed.
INLINE int64_t packed_size(int64_t k, int64_t n) { return panels_of(n) * TILE_COLUMNS * k; }

// pack_panel packs `columns` columns of B, at b: k rows of TILE_COLUMNS, zeros
// behind the last column.
static void pack_panel(const float *b, int64_t b_row, int64_t b_column, int64_t k, int64_t columns, float *panel) {
  if (columns == TILE_COLUMNS && b_column == 1) {
    for (int64_t p = 0; p < k; p++) {
      store(panel + p * TILE_COLUMNS, load(b + p * b_row));
      store(panel + p * TILE_COLUMNS + WIDTH, load(b + p * b_row + WIDTH));
    }
  } else if (b_row == 1) {
    EACH(i, k, {
      for (int64_t j = 0; j < TILE_COLUMNS; j += WIDTH) {
        vec square[WIDTH];
        for (int q = 0; q < WIDTH; q++) square[q] = j + q < columns ? GET(b + (j + q) * b_column) : splat(0);
        transpose(square);
        for (int q = 0; q < part; q++) store(panel + (i + q) * TILE_COLUMNS + j, square[q]);
      }
    })
  } else {
    for (int64_t p = 0; p < k; p++)
      for (int64_t j = 0; j < TILE_COLUMNS; j++) panel[p * TILE_COLUMNS + j] = j < columns ? b[p * b_row + j * b_column] : 0;
  }
}

// add_panel_sums adds the sum of each column of a panel to sums.
static void add_panel_sums(const float *panel, int64_t k, int64_t columns, float *sums) {
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
  for (int64_t j = 0; j < columns; j++) sums[j] += all[j];
}

// pack packs n columns of B, each panel behind the other.
static void pack(const float *b, int64_t b_row, int64_t b_column, int64_t k, int64_t n, float *packed) {
  int64_t depth = b_column == 1 ? PACK_K : MAX(1, k);
  for (int64_t p = 0; p < k; p += depth)
    for (int64_t j = 0; j < n; j += TILE_COLUMNS)
      pack_panel(b + p * b_row + j * b_column, b_row, b_column, MIN(k - p, depth), MIN(n - j, TILE_COLUMNS), packed + j * k + p * TILE_COLUMNS);
}

// rows_of_a is a block of A: strip i, of TILE_ROWS rows from i on, begins at
// a + i*group.
typedef struct {
  const float *a;
  int64_t group, row, column;
} rows_of_a;

// A strip is packed in whole vectors. What the last of them writes too much lies in
// the STRIP_GAP behind the strip.
enum { STRIP_VECTORS = (TILE_ROWS + WIDTH - 1) / WIDTH, STRIP = STRIP_VECTORS * WIDTH, STRIP_GAP = 2 };

// strips_size is the floats that rows of k take in strips.
INLINE int64_t strips_size(int64_t rows, int64_t k) { return groups_of(rows) * TILE_ROWS * (k + STRIP_GAP); }

// pack_strips packs rows of A that are contiguous along m, k columns from a. Behind
// the rows, `more` can be read. It adds each row's sum to sums, if not NULL.
static rows_of_a pack_strips(const float *a, int64_t a_column, int64_t rows, int64_t more, int64_t k, float *out, float *sums) {
  const rows_of_a packed = {out, k + STRIP_GAP, 1, TILE_ROWS};
  for (int64_t p0 = 0; p0 < k; p0 += PACK_K) {
    int64_t p1 = MIN(k, p0 + PACK_K);
    for (int64_t i = 0; i < rows; i += TILE_ROWS) {
      int64_t n = MIN(rows - i, TILE_ROWS);
      const float *from = a + i + p0 * a_column;
      float *to = out + i * packed.group + p0 * TILE_ROWS;
      float total[STRIP] = {0};
      if (rows + more - i >= STRIP) {
        vec part[STRIP_VECTORS] = {{0}};
        for (int64_t p = p0; p < p1; p++, from += a_column, to += TILE_ROWS)
          for (int v = 0; v < STRIP_VECTORS; v++) {
            vec x = load(from + v * WIDTH);
            store(to + v * WIDTH, x);
            part[v] += x;
          }
        for (int v = 0; v < STRIP_VECTORS; v++) store(total + v * WIDTH, part[v]);
      } else {
        for (int64_t p = p0; p < p1; p++, from += a_column, to += TILE_ROWS)
          for (int64_t r = 0; r < n; r++) to[r] = from[r], total[r] += from[r];
      }
      for (int64_t r = 0; r < n && sums; r++) sums[i + r] += total[r];
    }
  }
  return packed;
}

// copy_rows copies rows of A whose columns are contiguous, so that they lie together.
static rows_of_a copy_rows(const float *a, int64_t a_row, int64_t rows, int64_t k, float *out) {
  for (int64_t row = 0; row < rows; row++) {
    const float *from = a + row * a_row;
    float *to = out + row * k;
    EACH(i, k, { PUT(to, GET(from)); })
  }
  return (rows_of_a){out, k, k, 1};
}
