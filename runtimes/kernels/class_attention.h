// pmx.ClassAttention and its gradient: one query an image, so vectors in place of
// matrices. A task is one head of one image.

static float dot(const float *a, const float *b, int64_t n) {
  vec sum = {0};
  EACH(i, n, { sum += GET(a) * GET(b); })
  return sum_of(sum);
}

// add_scaled is y += x · by.
static void add_scaled(float *y, const float *x, float by, int64_t n) {
  EACH(i, n, { PUT(y, GET(y) + GET(x) * by); })
}

// class_weights is p = softmax(scale · q kᵀ), t wide.
static void class_weights(const attention *a, const float *q, const float *k, float *p) {
  for (int64_t j = 0; j < a->tokens; j++) p[j] = dot(q, k + j * 3 * a->heads * a->width, a->width);
  softmax_row(p, a->tokens, a->scale);
}

static void class_attention_task(void *user, size_t index) {
  const attention *a = user;
  int64_t t = a->tokens, d = a->width, model = a->heads * d, row = 3 * model;
  int64_t image = (int64_t)index / a->heads, head = (int64_t)index % a->heads;
  const float *q = a->qkv + image * t * row + head * d, *k = q + model, *v = k + model;
  float *p = pmx_take(a->call, t);
  if (!p) return;
  float *y = a->y + image * model + head * d;
  class_weights(a, q, k, p);
  for (int64_t i = 0; i < d; i++) y[i] = 0;
  for (int64_t j = 0; j < t; j++) add_scaled(y, v + j * row, p[j], d);
  pmx_give(p);
}

static const char *ClassAttention(pmx_call *call) {
  attention a;
  const char *wrong = attention_of(call, &call->in[0], &a);
  if (wrong) return wrong;
  if (a.tokens < 1) return "want at least one token";
  a.y = call->output(call, 0, (int64_t[]){a.images, 1, a.heads * a.width}, 3);
  if (a.y) call->parallel(call, class_attention_task, a.images * a.heads, &a);
  return NULL;
}

static void class_attention_grad_task(void *user, size_t index) {
  const attention *a = user;
  int64_t t = a->tokens, d = a->width, model = a->heads * d, row = 3 * model;
  int64_t image = (int64_t)index / a->heads, head = (int64_t)index % a->heads;
  int64_t at = image * t * row + head * d;
  const float *q = a->qkv + at, *k = q + model, *v = k + model;
  const float *dy = a->dy + image * model + head * d;
  float *dq = a->dqkv + at, *dk = dq + model, *dv = dk + model;
  float *p = pmx_take(a->call, 2 * t);
  if (!p) return;
  float *ds = p + t;
  class_weights(a, q, k, p);
  for (int64_t j = 0; j < t; j++) ds[j] = dot(dy, v + j * row, d);
  softmax_grad_row(ds, ds, p, t, a->scale);
  for (int64_t j = 0; j < t; j++)
    for (int64_t i = 0; i < d; i++) {
      dq[j * row + i] = 0;
      dk[j * row + i] = q[i] * ds[j];
      dv[j * row + i] = dy[i] * p[j];
    }
  for (int64_t j = 0; j < t; j++) add_scaled(dq, k + j * row, ds[j], d);
  pmx_give(p);
}

static const char *ClassAttentionGrad(pmx_call *call) {
  attention a;
  const char *wrong = attention_of(call, &call->in[1], &a);
  if (wrong) return wrong;
  const pmx_tensor *dy = &call->in[0];
  if (dy->rank != 3 || dy->dims[0] != a.images || dy->dims[1] != 1 || dy->dims[2] != a.heads * a.width) return "want dY [batch 1 heads*d]";
  if (a.tokens < 1) return "want at least one token";
  a.dy = dy->data;
  a.dqkv = call->output(call, 0, call->in[1].dims, 3);
  if (a.dqkv) call->parallel(call, class_attention_grad_task, a.images * a.heads, &a);
  return NULL;
}
