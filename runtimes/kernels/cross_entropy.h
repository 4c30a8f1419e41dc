// pmx.SoftTargetCrossEntropy and its gradient, over rows of [N M].
//
// With z = x - max, a row's loss is ln(Σ eᶻ) Σ t - Σ t z: the logarithm of what may
// round to 0 as a probability is never taken, and neither term is negative where
// the targets are not.

typedef struct {
  int64_t rows, width;
  const float *x, *target;
  float *p, *losses; // p: the softmax, or NULL; losses: [rows]
  float *dx, by;     // gradient; x is P, by is dLoss / rows
} cross_entropy;

static void cross_entropy_task(void *user, size_t index) {
  const cross_entropy *w = user;
  int64_t n = w->width, first = (int64_t)index * rows_of_task(n), last = MIN(w->rows, first + rows_of_task(n));
  for (int64_t row = first; row < last; row++) {
    const float *x = w->x + row * n, *target = w->target + row * n;
    float *p = w->p ? w->p + row * n : NULL, most = row_max(x, n);
    vec sum = {0}, mass = {0}, along = {0};
    EACH(i, n, {
      vec z = GET(x) - most, e = vexp(z), t = GET(target);
      sum += keep_part(e, part);
      mass += t;
      along += t * z;
      if (p) PUT(p, e);
    })
    float all = sum_of(sum);
    w->losses[row] = __builtin_logf(all) * sum_of(mass) - sum_of(along);
    if (p) EACH(i, n, { PUT(p, GET(p) * (1.0f / all)); })
  }
}

static const char *SoftTargetCrossEntropy(pmx_call *call) {
  const pmx_tensor *x = &call->in[0], *target = &call->in[1];
  if (x->rank != 2 || !same_shape(x, target)) return "want logits and target [N M]";
  int64_t one = 1;
  cross_entropy w = {.rows = x->dims[0], .width = x->dims[1], .x = x->data, .target = target->data};
  float *loss = call->output(call, 0, &one, 1);
  w.p = call->output(call, 1, x->dims, 2);
  if (!(w.losses = pmx_take(call, w.rows))) return NULL;
  call->parallel(call, cross_entropy_task, row_tasks(w.rows, w.width), &w);
  double sum = 0; // one sum over the batch, in order
  for (int64_t row = 0; row < w.rows; row++) sum += w.losses[row];
  if (loss) *loss = (float)(sum / (double)w.rows);
  pmx_give(w.losses);
  return NULL;
}

static void cross_entropy_grad_task(void *user, size_t index) {
  const cross_entropy *w = user;
  int64_t n = w->width, first = (int64_t)index * rows_of_task(n), last = MIN(w->rows, first + rows_of_task(n));
  for (int64_t row = first; row < last; row++) {
    const float *p = w->x + row * n, *target = w->target + row * n;
    float *dx = w->dx + row * n;
    vec sum = {0};
    EACH(i, n, { sum += GET(target); })
    float mass = sum_of(sum);
    EACH(i, n, { PUT(dx, (GET(p) * mass - GET(target)) * w->by); })
  }
}

static const char *SoftTargetCrossEntropyGrad(pmx_call *call) {
  const pmx_tensor *p = &call->in[1], *target = &call->in[2];
  if (call->in[0].count != 1 || p->rank != 2 || !same_shape(p, target)) return "want dLoss [1], P and target [N M]";
  cross_entropy w = {.rows = p->dims[0], .width = p->dims[1], .x = p->data, .target = target->data};
  w.by = call->in[0].data[0] / w.rows;
  w.dx = call->output(call, 0, p->dims, 2);
  if (w.dx) call->parallel(call, cross_entropy_grad_task, row_tasks(w.rows, w.width), &w);
  return NULL;
}
