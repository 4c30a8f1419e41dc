// Matrix products C = A B on the session's threads, as blocks of tiles (gemm_tile.h).
//
// In most, B is packed once for all tasks, and a task owns some rows of A and C. Two
// kinds go other ways: if C has few rows and many columns, the transposed product is
// computed, so that the short side is what is packed; if C is small and k long, tasks
// share k (gemm_chunks.h). How a product is cut depends on its sizes only, so that the
// numbers do not depend on the threads.
//
// What a task reads next is fetched into cache by the tiles before: from memory, a
// processor does not find rows that are some kilobytes apart by itself.

// Each instruction set (isa_*.c) has its BLOCK_ROWS, rows of A that a task owns, about;
// BLOCK_K and PACKED_K, how much of k passes at once where A is read as it lies and
// where it is packed in strips; and COPY_ROWS, whether a cut block of rows is copied
// before many panels are multiplied with it.
enum {
  TASKS = 8,            // what tasks are a multiple of, where there is enough to do
  FEW_PANELS = 8,       // of B: then a task owns FEW_PANELS_ROWS, and rows are not copied
  FEW_PANELS_ROWS = 96,
  PANELS_OF_TASK = 2,   // that are packed
  SHORT_K = 96,         // up to which all panels are multiplied with SHORT_A floats of A
  SHORT_A = 1536,
  LARGE_B = 1 << 16,    // floats of a block of B that other data drives out of cache
  LINE = 16,            // floats of a cache line
};

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

// work is a product that is being computed.
typedef struct {
  pmx_call *call;
  product p;
  int transposed;         // p is the transposed product: columns of C are contiguous in rows of the result
  int64_t tasks, k_block;
  float *packed;          // B in panels
  float *bias;            // of whole panels, or NULL
  float *b_sums;          // of B's columns, or NULL
  float *chunks;          // gemm_chunks.h
} work;

// ahead is a part of a matrix that is fetched before it is read, as many lines with
// each tile as it takes to have all of them by the last.
typedef struct {
  const float *at;
  int64_t row, lines; // floats from row to row; lines of a row
  int64_t left, each; // lines in all; lines with each tile
  int64_t line;       // of the row at `at`
} ahead;

INLINE ahead ahead_of(const float *at, int64_t rows, int64_t row, int64_t columns, int64_t tiles) {
  int64_t lines = (columns + LINE - 1) / LINE;
  return (ahead){.at = at, .row = row, .lines = lines, .left = rows * lines, .each = (rows * lines + tiles - 1) / MAX(1, tiles)};
}

INLINE void fetch(ahead *f) {
  int64_t n = MIN(f->each, f->left);
  f->left -= n;
  for (; n > 0; n--) {
    __builtin_prefetch(f->at + f->line * LINE, 0, 2);
    if (++f->line == f->lines) f->line = 0, f->at += f->row;
  }
}

// cut is where part i of n parts of `whole` begins; all but the last are whole units.
INLINE int64_t cut(int64_t whole, int64_t unit, int64_t i, int64_t n) { return MIN(whole, (whole + unit - 1) / unit * i / n * unit); }

// block_of cuts k into equal blocks of at most `most`.
INLINE int64_t block_of(int64_t k, int64_t most) {
  int64_t blocks = MAX(1, (k + most - 1) / most);
  return MAX(1, (k + blocks - 1) / blocks);
}

INLINE void gelu_row(const float *h, float *y, int64_t n) {
  EACH(i, n, {
    vec x = GET(h), bell;
    PUT(y, x * gaussian(x, &bell));
  })
}

static void pack_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t first = (int64_t)index * PANELS_OF_TASK * TILE_COLUMNS, columns = MIN(p->n - first, PANELS_OF_TASK * TILE_COLUMNS);
  float *panels = w->packed + first * p->k;
  pack(p->b + first * p->b_column, p->b_row, p->b_column, p->k, columns, panels);
  for (int64_t j = 0; j < columns && w->b_sums; j++) w->b_sums[first + j] = 0;
  for (int64_t j = 0; j < columns && w->b_sums; j += TILE_COLUMNS)
    add_panel_sums(panels + j * p->k, p->k, MIN(columns - j, TILE_COLUMNS), w->b_sums + first + j);
}

// take_a gives rows of A, k columns from k0, as tiles read them: packed into own if
// they are contiguous along m, copied there if it pays, and else where they lie. It
// adds each row's sum to sums, if not NULL.
static rows_of_a take_a(const product *p, int64_t first, int64_t rows, int64_t k0, int64_t k, float *own, float *sums) {
  const float *a = p->a + first * p->a_row + k0 * p->a_column;
  if (p->a_column != 1 || sums) return pack_strips(a, p->a_column, rows, p->m - first - rows, k, own, sums);
  if (COPY_ROWS && k < p->k && panels_of(p->n) >= FEW_PANELS) return copy_rows(a, p->a_row, rows, k, own);
  return (rows_of_a){a, p->a_row, p->a_row, 1};
}

// ahead_of_a is what take_a will read, fetched by as many tiles.
INLINE ahead ahead_of_a(const product *p, int64_t first, int64_t rows, int64_t k0, int64_t k, int64_t tiles) {
  const float *a = p->a + first * p->a_row + k0 * p->a_column;
  return p->a_column == 1 ? ahead_of(a, rows, p->a_row, k, tiles) : ahead_of(a, k, p->a_column, rows, tiles);
}

// finish_transposed writes rows of the transposed product, a block as wide as all
// panels with WIDTH rows behind them that can be read, to their place in the result.
static void finish_transposed(const work *w, const float *block, int64_t first, int64_t rows) {
  const product *p = &w->p;
  int64_t width = panels_of(p->n) * TILE_COLUMNS;
  for (int64_t j = 0; j < p->n; j += WIDTH)
    EACH(i, rows, {
      vec square[WIDTH];
      for (int q = 0; q < WIDTH; q++) square[q] = load(block + (i + q) * width + j);
      transpose(square);
      for (int q = 0; q < MIN(WIDTH, p->n - j); q++) {
        float *to = p->c + (j + q) * p->c_row + first;
        PUT(to, p->bias ? square[q] + GET(p->bias + first) : square[q]);
      }
    })
  for (int64_t j = 0; j < p->n && p->gelu; j++) gelu_row(p->c + j * p->c_row + first, p->gelu + j * p->c_row + first, rows);
}

static void multiply_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t first = cut(p->m, TILE_ROWS, (int64_t)index, w->tasks), last = cut(p->m, TILE_ROWS, (int64_t)index + 1, w->tasks);
  int64_t rows = last - first, next = MIN(p->m - last, rows), width = panels_of(p->n) * TILE_COLUMNS, a_size = strips_size(rows, w->k_block);
  float *own = pmx_take(w->call, a_size + (w->transposed ? (rows + WIDTH) * width : 0));
  if (!own) return;
  float *c = w->transposed ? own + a_size : p->c + first * p->c_row, *sums = p->a_sums ? p->a_sums + first : NULL;
  int64_t c_row = w->transposed ? width : p->c_row, groups = groups_of(rows), tiles = panels_of(p->n) * groups;
  for (int64_t i = 0; i < rows && sums; i++) sums[i] = 0;

  for (int64_t k0 = 0; k0 == 0 || k0 < p->k; k0 += w->k_block) {
    int64_t k = MIN(w->k_block, p->k - k0), k1 = k0 + k, k_next = MIN(w->k_block, k1 < p->k ? p->k - k1 : p->k);
    rows_of_a a = take_a(p, first, rows, k0, k, own, sums);
    ahead next_a = k1 < p->k ? ahead_of_a(p, first, rows, k1, k_next, tiles) : ahead_of_a(p, last, next, 0, k_next, tiles);
    // A panel of B is multiplied with all rows while it is in cache. If it is short, all
    // panels are multiplied with some rows, since c is then most of the traffic.
    int64_t together = k <= SHORT_K ? MAX(1, SHORT_A / MAX(1, k) / TILE_ROWS) * TILE_ROWS : rows;
    int fetches_b = together == rows && width * k > LARGE_B;
    for (int64_t i0 = 0; i0 < rows; i0 += together)
      for (int64_t j = 0; j < p->n; j += TILE_COLUMNS) {
        const float *panel = w->packed + j * p->k + k0 * TILE_COLUMNS, *start = k0 > 0 ? NULL : w->bias ? w->bias + j : no_start;
        int64_t columns = MIN(p->n - j, TILE_COLUMNS);
        ahead next_b = ahead_of(panel + p->k * TILE_COLUMNS, fetches_b && j + TILE_COLUMNS < p->n ? k : 0, TILE_COLUMNS, TILE_COLUMNS, groups);
        for (int64_t i = i0; i < MIN(rows, i0 + together); i += TILE_ROWS) {
          int64_t n = MIN(rows - i, TILE_ROWS);
          float *to = c + i * c_row + j;
          fetch(&next_a), fetch(&next_b);
          if (w->transposed) { // c is as wide as the panels
            tile(n, vectors_of(columns), k, a.a + i * a.group, a.row, a.column, panel, start, to, c_row);
            continue;
          }
          edge_tile(n, columns, k, a.a + i * a.group, a.row, a.column, panel, start, to, c_row);
          for (int64_t r = 0; r < n && p->gelu && k1 == p->k; r++)
            gelu_row(to + r * c_row, p->gelu + (first + i + r) * c_row + j, columns);
        }
      }
  }
  if (w->transposed) finish_transposed(w, c, first, rows);
  pmx_give(own);
}

// transposed_work turns a product into the transposed one.
static work transposed_work(pmx_call *call, product p) {
  work w = {.call = call, .p = p, .transposed = 1, .b_sums = p.a_sums};
  w.p.m = p.n, w.p.n = p.m;
  w.p.a = p.b, w.p.a_row = p.b_column, w.p.a_column = p.b_row;
  w.p.b = p.a, w.p.b_row = p.a_column, w.p.b_column = p.a_row;
  w.p.a_sums = NULL;
  return w;
}

#include "gemm_chunks.h"

// multiply computes a product on the session's threads.
static void multiply(pmx_call *call, product p) {
  if (p.m == 0 || p.n == 0) return;
  if (in_chunks(&p)) {
    multiply_chunks(call, p);
    return;
  }
  work w = {.call = call, .p = p};
  if (p.m < TASKS * FEW_PANELS_ROWS && p.n >= 2 * p.m) w = transposed_work(call, p);
  w.k_block = block_of(p.k, w.p.a_column == 1 ? BLOCK_K : PACKED_K);
  int64_t unit = TASKS * (panels_of(w.p.n) <= FEW_PANELS ? FEW_PANELS_ROWS : BLOCK_ROWS), width = panels_of(w.p.n) * TILE_COLUMNS;
  w.tasks = MIN(groups_of(w.p.m), MAX(1, (w.p.m + unit / 2) / unit) * TASKS);
  if (!(w.packed = pmx_take(call, width * (p.k + 1)))) return;
  if (p.bias && !w.transposed) {
    w.bias = w.packed + width * p.k;
    for (int64_t j = 0; j < width; j++) w.bias[j] = j < p.n ? p.bias[j] : 0;
  }
  call->parallel(call, pack_task, (panels_of(w.p.n) + PANELS_OF_TASK - 1) / PANELS_OF_TASK, &w);
  call->parallel(call, multiply_task, w.tasks, &w);
  pmx_give(w.packed);
}
