// Products whose C is small and whose k is long, such as gradients of weights: each
// task takes a chunk of k and makes a C of its own, and the sum of these is the result.
// Every element of A and B is then read once, by one task, and packed into that task's
// cache.

enum { CHUNKS = TASKS, CHUNK_K = 192, CHUNKED_C = 160000 }; // least k of a chunk, most elements of C

INLINE int in_chunks(const product *p) { return p->k >= CHUNKS * CHUNK_K && p->m * p->n <= CHUNKED_C; }

// chunk_size is the floats of a chunk's C, as wide as whole panels, with the sums of
// A's rows or B's columns behind it.
INLINE int64_t chunk_size(const product *p) { return p->m * panels_of(p->n) * TILE_COLUMNS + MAX(p->m, p->n); }

static void chunk_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t first = cut(p->k, 1, (int64_t)index, CHUNKS), last = cut(p->k, 1, (int64_t)index + 1, CHUNKS);
  int64_t block = block_of(last - first, PACKED_K), width = panels_of(p->n) * TILE_COLUMNS, tiles = panels_of(p->n) * groups_of(p->m);
  float *c = w->chunks + (int64_t)index * chunk_size(p), *sums = c + p->m * width;
  float *panel = pmx_take(w->call, TILE_COLUMNS * block + strips_size(p->m, block));
  if (!panel) return;
  for (int64_t i = 0; i < MAX(p->m, p->n); i++) sums[i] = 0;

  for (int64_t k0 = first; k0 < last; k0 += block) {
    int64_t k = MIN(block, last - k0), k1 = k0 + k, k_next = MIN(block, p->k - k1);
    rows_of_a a = take_a(p, 0, p->m, k0, k, panel + TILE_COLUMNS * block, p->a_sums ? sums : NULL);
    const float *b = p->b + k1 * p->b_row;
    ahead next_a = ahead_of_a(p, 0, p->m, k1, k_next, tiles);
    ahead next_b = p->b_column == 1 ? ahead_of(b, k_next, p->b_row, p->n, tiles) : ahead_of(b, p->n, p->b_column, k_next, tiles);
    for (int64_t j = 0; j < p->n; j += TILE_COLUMNS) {
      int64_t columns = MIN(p->n - j, TILE_COLUMNS);
      pack_panel(p->b + k0 * p->b_row + j * p->b_column, p->b_row, p->b_column, k, columns, panel);
      if (w->b_sums) add_panel_sums(panel, k, columns, sums + j);
      for (int64_t i = 0; i < p->m; i += TILE_ROWS) {
        fetch(&next_a), fetch(&next_b);
        tile(MIN(p->m - i, TILE_ROWS), vectors_of(columns), k, a.a + i * a.group, a.row, a.column, panel, k0 == first ? no_start : NULL,
             c + i * width + j, width);
      }
    }
  }
  pmx_give(panel);
}

// sum_task adds some rows of the chunks, in order.
static void sum_task(void *user, size_t index) {
  work *w = user;
  product *p = &w->p;
  int64_t width = panels_of(p->n) * TILE_COLUMNS, size = chunk_size(p);
  int64_t first = cut(p->m, 1, (int64_t)index, TASKS), rows = cut(p->m, 1, (int64_t)index + 1, TASKS) - first;
  float *block = pmx_take(w->call, (rows + WIDTH) * width);
  if (!block) return;
  for (int64_t i = 0; i < rows * width; i += WIDTH) {
    const float *from = w->chunks + first * width + i;
    vec sum = load(from);
    for (int chunk = 1; chunk < CHUNKS; chunk++) sum += load(from + chunk * size);
    store(block + i, sum);
  }
  if (w->transposed) finish_transposed(w, block, first, rows);
  for (int64_t r = 0; r < rows && !w->transposed; r++) {
    const float *from = block + r * width;
    float *to = p->c + (first + r) * p->c_row;
    EACH(i, p->n, { PUT(to, p->bias ? GET(from) + GET(p->bias) : GET(from)); })
    if (p->gelu) gelu_row(to, p->gelu + (first + r) * p->c_row, p->n);
  }
  pmx_give(block);

  float *to = w->b_sums ? w->b_sums : p->a_sums;
  int64_t n = w->b_sums ? p->n : p->m;
  for (int64_t i = cut(n, 1, (int64_t)index, TASKS); to && i < cut(n, 1, (int64_t)index + 1, TASKS); i++) {
    to[i] = 0;
    for (int chunk = 0; chunk < CHUNKS; chunk++) to[i] += w->chunks[chunk * size + p->m * width + i];
  }
}

static void multiply_chunks(pmx_call *call, product p) {
  work w = {.call = call, .p = p};
  if (p.m > p.n) w = transposed_work(call, p); // the strips of the shorter side stay in cache
  if (!(w.chunks = pmx_take(call, CHUNKS * chunk_size(&w.p)))) return;
  call->parallel(call, chunk_task, CHUNKS, &w);
  call->parallel(call, sum_task, TASKS, &w);
  pmx_give(w.chunks);
}
