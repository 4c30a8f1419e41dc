// pmx.Attention and its gradient, on qkv [B T 3·H·d] as it is: a task is one head of
// one image, and reads its rows in place. Queries are taken some at a time, so that
// their attention weights stay in cache: with all keys they are T times as many.
// Rows of weights are padded to whole vectors; what is behind the last weight is 0.

typedef struct {
  pmx_call *call;
  int64_t images, tokens, heads, width; // width: of a head
  float scale;
  const float *qkv, *dy;
  float *y, *dqkv;
  const grid *grid; // whose distances have scores too, or NULL
} attention;

static const char *attention_of(pmx_call *call, const pmx_tensor *qkv, attention *a) {
  int64_t heads = call->attributes->heads;
  if (qkv->rank != 3 || heads < 1 || qkv->dims[2] % (3 * heads) != 0) return "want QKV [batch tokens 3*heads*d]";
  if (!(call->attributes->scale > 0)) return "want a scale above 0";
  *a = (attention){.call = call, .images = qkv->dims[0], .tokens = qkv->dims[1], .heads = heads, .width = qkv->dims[2] / (3 * heads),
                   .scale = call->attributes->scale, .qkv = qkv->data};
  return NULL;
}

// QUERIES is how many queries are taken at a time where there are more than WHOLE; a
// multiple of any TILE_ROWS.
enum { QUERIES = 48, WHOLE = 256 };

INLINE int64_t queries_of(int64_t tokens) { return tokens <= WHOLE ? tokens : QUERIES; }

// padded is the weights of a query; row_of what lies from one query's to the next's: not
// a multiple of 64, as products read columns of them, which would share few cache lines.
INLINE int64_t padded(int64_t tokens) { return vectors_of(tokens) * WIDTH; }
INLINE int64_t row_of(int64_t tokens) { return padded(tokens) % 64 ? padded(tokens) : padded(tokens) + 16; }

// attention_weights is p = softmax(scale · q kᵀ), of n queries from `first` on, with
// the keys packed. scratch is for scores by distance.
static void attention_weights(const attention *a, int64_t first, int64_t n, const float *q, const float *keys, float *scratch, float *p) {
  int64_t t = a->tokens, d = a->width, row = 3 * a->heads * d, p_row = row_of(t);
  multiply_packed(n, padded(t), d, q, row, 1, keys, p, p_row);
  if (a->grid) add_distance_scores(a->grid, first, n, q, row, a->scale, scratch, scratch + grid_packed(a->grid), p, p_row);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = t; j < padded(t); j++) p[i * p_row + j] = -__builtin_inff();
    softmax_row(p + i * p_row, padded(t), a->grid ? 1 : a->scale);
  }
}

// grid_scratch is the floats that scores by distance need for n queries.
INLINE int64_t grid_scratch(const attention *a, int64_t n) { return a->grid ? grid_packed(a->grid) + n * distances_of(a->grid) : 0; }

static void attention_task(void *user, size_t index) {
  const attention *a = user;
  int64_t t = a->tokens, d = a->width, model = a->heads * d, row = 3 * model, p_row = row_of(t), some = queries_of(t);
  int64_t image = (int64_t)index / a->heads, head = (int64_t)index % a->heads;
  const float *q = a->qkv + image * t * row + head * d, *k = q + model, *v = k + model;
  float *y = a->y + image * t * model + head * d;
  float *p = pmx_take(a->call, some * p_row + packed_size(d, t) + packed_size(t, d) + grid_scratch(a, some));
  if (!p) return;
  float *keys = p + some * p_row, *values = keys + packed_size(d, t), *scratch = values + packed_size(t, d);

  pack(k, 1, row, d, t, keys);
  pack(v, row, 1, t, d, values);
  for (int64_t i = 0; i < t; i += some) {
    int64_t n = MIN(t - i, some);
    attention_weights(a, i, n, q + i * row, keys, scratch, p);
    multiply_packed(n, d, t, p, p_row, 1, values, y + i * model, model);
  }
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
  int64_t t = a->tokens, d = a->width, model = a->heads * d, row = 3 * model, p_row = row_of(t), some = queries_of(t);
  int64_t image = (int64_t)index / a->heads, head = (int64_t)index % a->heads, at = image * t * row + head * d;
  const float *q = a->qkv + at, *k = q + model, *v = k + model, *dy = a->dy + image * t * model + head * d;
  float *dq = a->dqkv + at, *dk = dq + model, *dv = dk + model;
  float *p = pmx_take(a->call, 2 * some * p_row + 2 * packed_size(d, t) + packed_size(t, d) + packed_size(some, d) + grid_scratch(a, some));
  if (!p) return;
  float *ds = p + some * p_row, *keys = ds + some * p_row, *values = keys + packed_size(d, t), *key_rows = values + packed_size(d, t);
  float *packed = key_rows + packed_size(t, d), *scratch = packed + packed_size(some, d);
  float *by = NULL, *part = NULL; // of scores by distance
  if (a->grid) {
    by = scratch + grid_packed(a->grid);
    part = a->grid->parts + (int64_t)index * distances_of(a->grid) * d;
    for (int64_t i = 0; i < distances_of(a->grid) * d; i++) part[i] = 0;
  }

  pack(k, 1, row, d, t, keys);
  pack(v, 1, row, d, t, values);
  pack(k, row, 1, t, d, key_rows);
  for (int64_t i = 0; i < t; i += some) {
    int64_t n = MIN(t - i, some);
    const float *start = i ? NULL : no_start;
    attention_weights(a, i, n, q + i * row, keys, scratch, p);
    multiply_packed(n, padded(t), d, dy + i * model, model, 1, values, ds, p_row); // dP = dY Vᵀ
    for (int64_t r = 0; r < n; r++) softmax_grad_row(ds + r * p_row, ds + r * p_row, p + r * p_row, padded(t), a->grid ? 1 : a->scale);
    pack(dy + i * model, model, 1, n, d, packed);
    sum_packed(t, d, n, p, 1, p_row, packed, start, dv, row); // dV = Pᵀ dY
    pack(q + i * row, row, 1, n, d, packed);
    float spoilt = 0;
    if (a->grid) {
      spoilt = sum_by_distance(a->grid, i, n, ds, p_row, by);
      for (int64_t e = 0; e < n * p_row; e++) ds[e] *= a->scale;
    }
    multiply_packed(n, d, t, ds, p_row, 1, key_rows, dq + i * row, row); // dQ = dS K
    if (a->grid) add_distance_grads(a->grid, n, by, spoilt, packed, scratch, dq + i * row, row, part);
    sum_packed(t, d, n, ds, 1, p_row, packed, start, dk, row); // dK = dSᵀ Q
  }
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
