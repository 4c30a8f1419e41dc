// pmx.AdamW and pmx.EMA: one pass over a parameter and its state.

typedef struct {
  int64_t count;
  const float *p, *g, *m, *v;
  float *p2, *m2, *v2, *squares; // squares: of each task
  float kept, rate, c2, new1, beta2, new2, epsilon; // kept: 1 - lr·decay, rate: lr/c1, new: 1 - β
} adamw;

enum { UPDATE_CHUNK = 1 << 14 };

static void adamw_task(void *user, size_t index) {
  const adamw *w = user;
  int64_t first = (int64_t)index * UPDATE_CHUNK, n = MIN(UPDATE_CHUNK, w->count - first);
  const float *p = w->p + first, *g = w->g + first, *m = w->m + first, *v = w->v + first;
  float *p2 = w->p2 + first, *m2 = w->m2 + first, *v2 = w->v2 + first;
  vec squares = {0};
  EACH(i, n, {
    vec gradient = GET(g), mean = GET(m), square = GET(v) * w->beta2 + gradient * gradient * w->new2;
    squares += gradient * gradient;
    mean += (gradient - mean) * w->new1;
    PUT(m2, mean);
    PUT(v2, square);
    PUT(p2, GET(p) * w->kept - mean / (vsqrt(square) / w->c2 + w->epsilon) * w->rate);
  })
  w->squares[index] = sum_of(squares);
}

static const char *AdamW(pmx_call *call) {
  const pmx_tensor *in = call->in;
  for (int i = 1; i < 4; i++)
    if (!same_shape(&in[0], &in[i])) return "want P, G, M and V of one shape";
  for (int i = 4; i < 8; i++)
    if (in[i].count != 1) return "want lr, weight_decay, c1 and c2 of one element";
  float lr = in[4].data[0];
  adamw w = {.count = in[0].count, .p = in[0].data, .g = in[1].data, .m = in[2].data, .v = in[3].data, .kept = 1 - lr * in[5].data[0],
             .rate = lr / in[6].data[0], .c2 = in[7].data[0], .new1 = 1 - call->attributes->beta1,
             .beta2 = call->attributes->beta2, .new2 = 1 - call->attributes->beta2, .epsilon = call->attributes->epsilon};
  w.p2 = call->output(call, 0, in[0].dims, in[0].rank);
  w.m2 = call->output(call, 1, in[0].dims, in[0].rank);
  w.v2 = call->output(call, 2, in[0].dims, in[0].rank);
  if (!w.p2 || !w.m2 || !w.v2) return "all of P_next, M_next and V_next are needed";
  float *squares = call->output(call, 3, (int64_t[]){1}, 1);
  int64_t tasks = (w.count + UPDATE_CHUNK - 1) / UPDATE_CHUNK;
  if (!(w.squares = pmx_take(call, tasks))) return NULL;
  call->parallel(call, adamw_task, tasks, &w);
  double sum = 0; // in order
  for (int64_t i = 0; i < tasks; i++) sum += w.squares[i];
  if (squares) *squares = (float)sum;
  pmx_give(w.squares);
  return NULL;
}

typedef struct {
  int64_t count;
  const float *average, *x;
  float *y, momentum;
} moving_average;

static void ema_task(void *user, size_t index) {
  const moving_average *w = user;
  int64_t first = (int64_t)index * UPDATE_CHUNK, n = MIN(UPDATE_CHUNK, w->count - first);
  const float *average = w->average + first, *x = w->x + first;
  float *y = w->y + first;
  EACH(i, n, { PUT(y, GET(average) * w->momentum + GET(x) * (1 - w->momentum)); })
}

static const char *EMA(pmx_call *call) {
  const pmx_tensor *in = call->in;
  if (!same_shape(&in[0], &in[1]) || in[2].count != 1) return "want average and X of one shape and one momentum";
  moving_average w = {in[0].count, in[0].data, in[1].data, call->output(call, 0, in[0].dims, in[0].rank), in[2].data[0]};
  if (w.y) call->parallel(call, ema_task, (w.count + UPDATE_CHUNK - 1) / UPDATE_CHUNK, &w);
  return NULL;
}
