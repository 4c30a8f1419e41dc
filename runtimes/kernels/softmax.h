// Softmax of rows in place, and com.microsoft.SoftmaxGrad_13 and LogSoftmaxGrad_13
// over the last axis.

// ROW_CHUNK is the elements of a task that works on whole rows.
enum { ROW_CHUNK = 1 << 13 };

// rows_of_task is how many rows of this width a task takes, by their width only.
INLINE int64_t rows_of_task(int64_t width) { return MAX(1, ROW_CHUNK / MAX(1, width)); }

// row_tasks is the tasks of as many rows.
INLINE size_t row_tasks(int64_t rows, int64_t width) { return (rows + rows_of_task(width) - 1) / rows_of_task(width); }

INLINE float row_max(const float *s, int64_t n) {
  vec top = splat(-__builtin_inff());
  EACH(i, n, { top = vmax(top, part == WIDTH ? load(s + i) : load_part(s + i, part, -__builtin_inff())); })
  return max_of(top);
}

// softmax_row turns s into softmax(scale · s), n wide.
static void softmax_row(float *s, int64_t n, float scale) {
  float most = row_max(s, n); // taken off before scaling: a fused multiply-add could leave more than 0
  vec sum = {0};
  EACH(i, n, {
    vec e = vexp((GET(s) - most) * scale);
    PUT(s, e);
    sum += keep_part(e, part);
  })
  float inverse = 1.0f / sum_of(sum);
  EACH(i, n, { PUT(s, GET(s) * inverse); })
}

// softmax_grad_row is dx = scale · p ⊙ (dp - Σ dp ⊙ p); dx may be dp. Where one
// weight is almost 1, the sum is almost its dp, and their difference has few of their
// digits: so the sum is a double, taken off in two parts.
static void softmax_grad_row(float *dx, const float *dp, const float *p, int64_t n, float scale) {
  vecd sum = {0};
  EACH(i, n, { sum += __builtin_convertvector(GET(dp), vecd) * __builtin_convertvector(GET(p), vecd); })
  double along = 0;
  for (int i = 0; i < WIDTH; i++) along += sum[i];
  float most = (float)along, rest = (float)(along - most);
  EACH(i, n, { PUT(dx, (GET(dp) - most - rest) * GET(p) * scale); })
}

// log_softmax_grad_row is dx = dy - eʸ Σ dy.
static void log_softmax_grad_row(float *dx, const float *dy, const float *y, int64_t n) {
  vec sum = {0};
  EACH(i, n, { sum += GET(dy); })
  float all = sum_of(sum);
  EACH(i, n, { PUT(dx, GET(dy) - vexp(GET(y)) * all); })
}

typedef struct {
  int64_t rows, width;
  const float *dy, *y;
  float *dx;
  int logarithm;
} softmax_work;

static void softmax_grad_task(void *user, size_t index) {
  const softmax_work *w = user;
  int64_t n = w->width, first = (int64_t)index * rows_of_task(n), last = MIN(w->rows, first + rows_of_task(n));
  for (int64_t row = first; row < last; row++) {
    const float *dy = w->dy + row * n, *y = w->y + row * n;
    if (w->logarithm)
      log_softmax_grad_row(w->dx + row * n, dy, y, n);
    else
      softmax_grad_row(w->dx + row * n, dy, y, n, 1);
  }
}

static const char *softmax_grad(pmx_call *call, int logarithm) {
  const pmx_tensor *dy = &call->in[0], *y = &call->in[1];
  if (!same_shape(dy, y) || y->rank < 1) return "want dY and Y of one shape";
  if (call->attributes->axis != -1 && call->attributes->axis != y->rank - 1) return "want the last axis";
  int64_t width = y->dims[y->rank - 1];
  softmax_work w = {.rows = width ? y->count / width : 0, .width = width, .dy = dy->data, .y = y->data, .logarithm = logarithm};
  w.dx = call->output(call, 0, y->dims, y->rank);
  if (w.dx) call->parallel(call, softmax_grad_task, row_tasks(w.rows, width), &w);
  return NULL;
}

static const char *SoftmaxGrad_13(pmx_call *call) { return softmax_grad(call, 0); }
static const char *LogSoftmaxGrad_13(pmx_call *call) { return softmax_grad(call, 1); }
