// pmx.Attention and its gradient, on qkv [B T 3·H·d] as it is: a task is one head
// of one image, and reads its rows in place. Rows of attention weights are padded
// to whole vectors; what is behind the last weight is 0.

typedef struct {
  pmx_call *call;
  int64_t images, tokens, heads, width; // width: of a head
  float scale;
  const float *qkv, *dy;
  float *y, *dqkv;
} attention;

static const char *attention_of(pmx_call *call, const pmx_tensor *qkv, attention *a) {
  int64_t heads = call->attributes->heads;
  if (qkv->rank != 3 || heads < 1 || qkv->dims[2] % (3 * heads) != 0) return "want QKV [batch tokens 3*heads*d]";
  if (!(call->attributes->scale > 0)) return "want a scale above 0";
  *a = (attention){.call = call, .images = qkv->dims[0], .tokens = qkv->dims[1], .heads = heads, .width = qkv->dims[2] / (3 * heads),
                   .scale = call->attributes->scale, .qkv = qkv->data};
  return NULL;
}

// padded is the row length of an image's attention weights.
INLINE int64_t padded(int64_t tokens) { return vectors_of(tokens) * WIDTH; }

// attention_weights is p = softmax(scale · q kᵀ) of one head, [t padded], with keys
// as scratch for d packed rows.
static void attention_weights(const attention *a, const float *q, const float *k, float *keys, float *p) {
  int64_t t = a->tokens, d = a->width, row = 3 * a->heads * d, p_row = padded(t);
  pack(k, 1, row, d, t, keys);
  multiply_packed(t, p_row, d, q, row, 1, keys, p, p_row);
  for (int64_t i = 0; i < t; i++) {
    for (int64_t j = t; j < p_row; j++) p[i * p_row + j] = -__builtin_inff();
    softmax_row(p + i * p_row, p_row, a->scale);
  }
}

static void attention_task(void *user, size_t index) {
  const attention *a = user;
  int64_t t = a->tokens, d = a->width, model = a->heads * d, row = 3 * model;
  int64_t image = (int64_t)index / a->heads, head = (int64_t)index % a->heads;
  const float *q = a->qkv + image * t * row + head * d, *k = q + model, *v = k + model;
  int64_t p_row = padded(t);
  float *p = pmx_take(a->call, t * p_row + MAX(packed_size(d, t), packed_size(t, d)));
  if (!p) return;
  float *packed = p + t * p_row;

  attention_weights(a, q, k, packed, p);
  pack(v, row, 1, t, d, packed);
  multiply_packed(t, d, t, p, p_row, 1, packed, a->y + image * t * model + head * d, model);
  pmx_give(p);
}

static const char *Attention(pmx_call *call) {
  attention a;
  const char *wrong = attention_of(call, &call->in[0], &a);
  if (wrong) return wrong;
  a.y = call->output(call, 0, (int64_t[]){a.images, a.tokens, a.heads * a.width}, 3);
  if (a.y) call->parallel(call, attention_task, a.images * a.heads, &a);
  return NULL;
}

static void attention_grad_task(void *user, size_t index) {
  const attention *a = user;
  int64_t t = a->tokens, d = a->width, model = a->heads * d, row = 3 * model;
  int64_t image = (int64_t)index / a->heads, head = (int64_t)index % a->heads;
  int64_t at = image * t * row + head * d;
  const float *q = a->qkv + at, *k = q + model, *v = k + model, *dy = a->dy + image * t * model + head * d;
  float *dq = a->dqkv + at, *dk = dq + model, *dv = dk + model;
  int64_t p_row = padded(t);
  float *p = pmx_take(a->call, 2 * t * p_row + MAX(packed_size(d, t), packed_size(t, d)));
  if (!p) return;
  float *ds = p + t * p_row, *packed = ds + t * p_row;

  attention_weights(a, q, k, packed, p);
  pack(v, 1, row, d, t, packed);
  multiply_packed(t, p_row, d, dy, model, 1, packed, ds, p_row); // dP = dY Vᵀ
  for (int64_t i = 0; i < t; i++) softmax_grad_row(ds + i * p_row, ds + i * p_row, p + i * p_row, p_row, a->scale);
  pack(k, row, 1, t, d, packed);
  multiply_packed(t, d, t, ds, p_row, 1, packed, dq, row); // dQ = dS K
  pack(q, row, 1, t, d, packed);
  multiply_packed(t, d, t, ds, 1, p_row, packed, dk, row); // dK = dSᵀ Q
  pack(dy, model, 1, t, d, packed);
  multiply_packed(t, d, t, p, 1, p_row, packed, dv, row); // dV = Pᵀ dY
  pmx_give(p);
}

static const char *AttentionGrad(pmx_call *call) {
  attention a;
  const char *wrong = attention_of(call, &call->in[1], &a);
  if (wrong) return wrong;
  const pmx_tensor *dy = &call->in[0];
  if (dy->rank != 3 || dy->dims[0] != a.images || dy->dims[1] != a.tokens || dy->dims[2] != a.heads * a.width)
    return "want dY [batch tokens heads*d]";
  a.dy = dy->data;
  a.dqkv = call->output(call, 0, call->in[1].dims, 3);
  if (a.dqkv) call->parallel(call, attention_grad_task, a.images * a.heads, &a);
  return NULL;
}
