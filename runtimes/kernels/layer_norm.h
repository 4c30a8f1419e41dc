// pmx.LayerNorm, pmx.AddLayerNormalization with its gradient, and
// com.microsoft.LayerNormalizationGrad, over rows of D. The variance is taken about the mean, in a second pass over the
// row in cache.

enum { NORM_ROWS = 32 }; // rows of a task; sums over more would lose digits

typedef struct {
  int64_t rows, width;
  float epsilon;
  const float *x, *r, *scale, *bias;
  float *sum, *y, *mean, *inv_std;
  const float *ds, *dy, *saved_mean, *saved_inv_std; // gradient; x is the sum
  float *dx, *dscale, *dbias, *parts;                // parts: [tasks 2 width]
} norm;

// norm_row normalises a row, whose elements add up to total.
INLINE void norm_row(const norm *w, int64_t row, const float *s, vec total) {
  int64_t d = w->width;
  float *y = w->y + row * d, mean = sum_of(total) / d;
  vec squares = {0};
  EACH(i, d, {
    vec v = part == WIDTH ? load(s + i) - mean : load_part(s + i, part, mean) - mean;
    squares += v * v;
  })
  float inverse = 1.0f / __builtin_sqrtf(sum_of(squares) / d + w->epsilon);
  EACH(i, d, { PUT(y, (GET(s) - mean) * inverse * GET(w->scale) + GET(w->bias)); })
  if (w->mean) w->mean[row] = mean;
  if (w->inv_std) w->inv_std[row] = inverse;
}

static void norm_task(void *user, size_t index) {
  const norm *w = user;
  int64_t d = w->width, last = MIN(w->rows, ((int64_t)index + 1) * NORM_ROWS);
  for (int64_t row = (int64_t)index * NORM_ROWS; row < last; row++) {
    const float *x = w->x + row * d;
    vec total = {0};
    EACH(i, d, { total += GET(x); })
    norm_row(w, row, x, total);
  }
}

static const char *LayerNorm(pmx_call *call) {
  const pmx_tensor *x = &call->in[0];
  if (x->rank < 1) return "want X [... D]";
  int64_t d = x->dims[x->rank - 1], saved[PMX_MAX_RANK];
  if (call->in[1].count != d || call->in[2].count != d) return "want scale and B of the last dimension";
  for (int i = 0; i < x->rank; i++) saved[i] = i == x->rank - 1 ? 1 : x->dims[i];
  norm w = {.rows = d ? x->count / d : 0, .width = d, .epsilon = call->attributes->epsilon, .x = x->data, .scale = call->in[1].data,
            .bias = call->in[2].data};
  w.y = call->output(call, 0, x->dims, x->rank);
  w.mean = call->output(call, 1, saved, x->rank);
  w.inv_std = call->output(call, 2, saved, x->rank);
  if (w.y) call->parallel(call, norm_task, (w.rows + NORM_ROWS - 1) / NORM_ROWS, &w);
  return NULL;
}

static void add_norm_task(void *user, size_t index) {
  const norm *w = user;
  int64_t d = w->width, last = MIN(w->rows, ((int64_t)index + 1) * NORM_ROWS);
  for (int64_t row = (int64_t)index * NORM_ROWS; row < last; row++) {
    const float *x = w->x + row * d, *r = w->r + row * d;
    float *s = w->sum + row * d;
    vec total = {0};
    EACH(i, d, {
      vec v = GET(x) + GET(r);
      PUT(s, v);
      total += v;
    })
    norm_row(w, row, s, total);
  }
}

static const char *AddLayerNormalization(pmx_call *call) {
  const pmx_tensor *x = &call->in[0];
  if (x->rank < 1 || !same_shape(x, &call->in[1])) return "want X and R of one shape";
  int64_t d = x->dims[x->rank - 1], saved[PMX_MAX_RANK];
  if (call->in[2].count != d || call->in[3].count != d) return "want scale and B of the last dimension";
  for (int i = 0; i < x->rank; i++) saved[i] = i == x->rank - 1 ? 1 : x->dims[i];
  norm w = {.rows = d ? x->count / d : 0, .width = d, .epsilon = call->attributes->epsilon, .x = x->data, .r = call->in[1].data,
            .scale = call->in[2].data, .bias = call->in[3].data};
  w.sum = call->output(call, 0, x->dims, x->rank);
  w.y = call->output(call, 1, x->dims, x->rank);
  w.mean = call->output(call, 2, saved, x->rank);
  w.inv_std = call->output(call, 3, saved, x->rank);
  float *spare = pmx_take(call, (!w.sum + !w.y) * x->count);
  if (!spare) return NULL;
  if (!w.y) w.y = spare + !w.sum * x->count;
  if (!w.sum) w.sum = spare;
  call->parallel(call, add_norm_task, (w.rows + NORM_ROWS - 1) / NORM_ROWS, &w);
  pmx_give(spare);
  return NULL;
}

// norm_grad_task computes dx of some rows, and their part of dscale and dbias.
static void norm_grad_task(void *user, size_t index) {
  const norm *w = user;
  int64_t d = w->width, last = MIN(w->rows, ((int64_t)index + 1) * NORM_ROWS);
  float *dscale = w->parts + (int64_t)index * 2 * d, *dbias = dscale + d;
  for (int64_t i = 0; i < 2 * d; i++) dscale[i] = 0;
  for (int64_t row = (int64_t)index * NORM_ROWS; row < last; row++) {
    const float *x = w->x + row * d, *dy = w->dy + row * d, *ds = w->ds ? w->ds + row * d : NULL;
    float *dx = w->dx + row * d, mean = w->saved_mean[row], inverse = w->saved_inv_std[row];
    vec sum = {0}, along = {0};
    EACH(i, d, {
      vec v = GET(dy), n = (GET(x) - mean) * inverse, g = v * GET(w->scale);
      sum += g;
      along += g * n;
      PUT(dscale, GET(dscale) + v * n);
      PUT(dbias, GET(dbias) + v);
    })
    float mean_g = sum_of(sum) / d, mean_along = sum_of(along) / d;
    EACH(i, d, {
      vec n = (GET(x) - mean) * inverse;
      vec v = (GET(dy) * GET(w->scale) - mean_g - n * mean_along) * inverse;
      if (ds) v += GET(ds);
      PUT(dx, v);
    })
  }
}

// norm_sums_task adds the parts of 64 columns.
static void norm_sums_task(void *user, size_t index) {
  const norm *w = user;
  int64_t d = w->width, tasks = (w->rows + NORM_ROWS - 1) / NORM_ROWS;
  for (int64_t c = (int64_t)index * 64; c < MIN(d, ((int64_t)index + 1) * 64); c++) {
    double scale = 0, bias = 0;
    for (int64_t t = 0; t < tasks; t++) {
      scale += w->parts[t * 2 * d + c];
      bias += w->parts[t * 2 * d + d + c];
    }
    w->dscale[c] = (float)scale, w->dbias[c] = (float)bias;
  }
}

// norm_grad runs both; in points at dY, X, scale, mean and inv_std.
static const char *norm_grad(pmx_call *call, const pmx_tensor *in, const float *ds) {
  const pmx_tensor *x = &in[1];
  int64_t d = in[2].count, rows = in[3].count;
  if (x->rank < 1 || x->dims[x->rank - 1] != d || !same_shape(x, &in[0]) || rows * d != x->count || in[4].count != rows)
    return "want dY and X [... D], scale [D], mean and inv_std [... 1]";
  norm w = {.rows = rows, .width = d, .x = x->data, .scale = in[2].data, .dy = in[0].data, .ds = ds, .saved_mean = in[3].data,
            .saved_inv_std = in[4].data};
  w.dx = call->output(call, 0, x->dims, x->rank);
  w.dscale = call->output(call, 1, &d, 1);
  w.dbias = call->output(call, 2, &d, 1);
  int64_t tasks = (rows + NORM_ROWS - 1) / NORM_ROWS;
  float *spare = pmx_take(call, tasks * 2 * d + 2 * d + (w.dx ? 0 : x->count));
  if (!spare) return NULL;
  w.parts = spare;
  if (!w.dscale) w.dscale = spare + tasks * 2 * d;
  if (!w.dbias) w.dbias = spare + tasks * 2 * d + d;
  if (!w.dx) w.dx = spare + tasks * 2 * d + 2 * d;
  call->parallel(call, norm_grad_task, tasks, &w);
  call->parallel(call, norm_sums_task, (d + 63) / 64, &w);
  pmx_give(spare);
  return NULL;
}

static const char *LayerNormalizationGrad(pmx_call *call) { return norm_grad(call, call->in, NULL); }

static const char *AddLayerNormalizationGrad(pmx_call *call) {
  if (!same_shape(&call->in[0], &call->in[2])) return "want dS and S of one shape";
  return norm_grad(call, call->in + 1, call->in[0].data);
}
