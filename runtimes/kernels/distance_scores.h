// Attention scores by the distance of a key from its query along each axis of a grid
// (pmx.RelativeAttention): for query q at (y, x) and key at (y', x'),
// q · alongY[y-y'+h-1] + q · alongX[x-x'+w-1].
//
// They come as products of queries with all vectors of an axis, the largest distance
// first, so that those of a query's keys lie side by side: that of query y and key y'
// is number h-1 - y + y'.

// axis is one axis of the grid.
typedef struct {
  int64_t size, distances; // n and 2n-1
  const float *along;      // [2n-1 d]
  float *dalong;           // may be NULL
} axis;

typedef struct {
  axis y, x;
  int64_t width; // d
  float *parts;  // of each task, the gradients of both axes' vectors, largest distance first
} grid;

INLINE int64_t distances_of(const grid *g) { return g->y.distances + g->x.distances; }

// grid_packed is the floats of an axis' vectors, packed either way.
INLINE int64_t grid_packed(const grid *g) {
  int64_t n = MAX(g->y.distances, g->x.distances);
  return MAX(packed_size(g->width, n), packed_size(n, g->width));
}

// add_scores makes scale·s + x + y of n scores, y being one number.
INLINE void add_scores(float *s, float scale, const float *x, float y, int64_t n) {
  EACH(i, n, { PUT(s, GET(s) * scale + (GET(x) + y)); })
}

// axis_scores is by = q alongᵀ, [n 2n-1].
static void axis_scores(const grid *g, const axis *a, int64_t queries, const float *q, int64_t q_row, float *packed, float *by) {
  pack(a->along + (a->distances - 1) * g->width, 1, -g->width, g->width, a->distances, packed);
  multiply_packed(queries, a->distances, g->width, q, q_row, 1, packed, by, a->distances);
}

// add_distance_scores multiplies the scores [queries padded] of queries from `first` on
// with scale and adds those by distance. by is scratch for queries·distances floats.
static void add_distance_scores(const grid *g, int64_t first, int64_t queries, const float *q, int64_t q_row, float scale, float *packed,
                                float *by, float *scores, int64_t s_row) {
  int64_t h = g->y.size, w = g->x.size;
  float *byY = by, *byX = by + queries * g->y.distances;
  axis_scores(g, &g->y, queries, q, q_row, packed, byY);
  axis_scores(g, &g->x, queries, q, q_row, packed, byX);
  for (int64_t i = 0; i < queries; i++) {
    int64_t token = first + i;
    const float *ofY = byY + i * g->y.distances + h - 1 - token / w, *ofX = byX + i * g->x.distances + w - 1 - token % w;
    for (int64_t y = 0; y < h; y++) add_scores(scores + i * s_row + y * w, scale, ofX, ofY[y], w);
  }
}

// add_row adds a row of n to sum, and gives the sum of the row.
INLINE float add_row(float *sum, const float *row, int64_t n) {
  vec all = {0};
  EACH(i, n, {
    vec v = keep_part(GET(row), part);
    PUT(sum, GET(sum) + v);
    all += v;
  })
  return sum_of(all);
}

// sum_by_distance sums ds, the gradient of scores [queries padded], over each query's keys
// at one distance along each axis: by [queries 2h-1] and [queries 2w-1]. The result is 0,
// or NaN if an element is.
static float sum_by_distance(const grid *g, int64_t first, int64_t queries, const float *ds, int64_t s_row, float *by) {
  int64_t h = g->y.size, w = g->x.size;
  float *byY = by, *byX = by + queries * g->y.distances, spoilt = 0;
  for (int64_t i = 0; i < queries * distances_of(g); i++) by[i] = 0;
  for (int64_t i = 0; i < queries; i++) {
    int64_t token = first + i;
    float *ofY = byY + i * g->y.distances + h - 1 - token / w, *ofX = byX + i * g->x.distances + w - 1 - token % w;
    for (int64_t y = 0; y < h; y++) {
      ofY[y] = add_row(ofX, ds + i * s_row + y * w, w);
      spoilt += 0 * ofY[y];
    }
  }
  return spoilt;
}

// add_distance_grads adds to dq, and to a task's part, what such sums give: by · along
// and byᵀ q, q packed. The body spreads what is not a number over all of part: so does
// adding spoilt.
static void add_distance_grads(const grid *g, int64_t queries, const float *by, float spoilt, const float *packed_q, float *packed, float *dq,
                               int64_t q_row, float *part) {
  int64_t d = g->width;
  for (int i = 0; i < 2; i++) {
    const axis *a = i ? &g->x : &g->y;
    int64_t n = a->distances;
    pack(a->along + (n - 1) * d, -d, 1, n, d, packed);
    add_packed(queries, d, n, by, n, 1, packed, dq, q_row);
    add_packed(n, d, queries, by, 1, n, packed_q, part, d);
    for (int64_t e = 0; e < n * d; e++) part[e] += spoilt;
    by += queries * n, part += n * d;
  }
}
