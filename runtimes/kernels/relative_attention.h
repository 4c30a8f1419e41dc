// pmx.RelativeAttention and its gradient, on qkv [B T 3·H·d] as it is, T = h·w: a task
// is one head of one image. Scores by distance come as products of all queries with all
// vectors of an axis, the largest distance first, so that those of a query's keys lie
// side by side: that of query y and key y' is number h-1 - y + y'.

// axis_of is one axis of the grid.
typedef struct {
  int64_t size, distances; // n and 2n-1
  const float *along;      // [2n-1 d]
  float *dalong;           // may be NULL
} axis_of;

typedef struct {
  attention of;
  axis_of y, x;
  float *parts; // of each task, the gradients of both axes' vectors
} relative_attention;

static const char *relative_attention_of(pmx_call *call, int at, relative_attention *a) {
  const char *wrong = attention_of(call, &call->in[at], &a->of);
  if (wrong) return wrong;
  axis_of *axes[2] = {&a->y, &a->x};
  for (int i = 0; i < 2; i++) {
    const pmx_tensor *v = &call->in[at + 1 + i];
    if (v->rank != 2 || v->dims[1] != a->of.width || v->dims[0] % 2 != 1) return "want alongY [2h-1 d] and alongX [2w-1 d]";
    *axes[i] = (axis_of){.size = (v->dims[0] + 1) / 2, .distances = v->dims[0], .along = v->data};
  }
  if (a->y.size * a->x.size != a->of.tokens) return "want as many tokens as alongY [2h-1 d] and alongX [2w-1 d] have positions, h*w";
  return NULL;
}

// distance_scores is by = q alongᵀ, [t 2n-1], largest distance first.
static void distance_scores(const relative_attention *a, const axis_of *axis, const float *q, float *packed, float *by) {
  int64_t d = a->of.width, n = axis->distances;
  pack(axis->along + (n - 1) * d, 1, -d, d, n, packed);
  multiply_packed(a->of.tokens, n, d, q, 3 * a->of.heads * d, 1, packed, by, n);
}

// add_distance_scores makes scale·s + x + y of n scores, y being one number.
INLINE void add_distance_scores(float *s, float scale, const float *x, float y, int64_t n) {
  EACH(i, n, { PUT(s, GET(s) * scale + (GET(x) + y)); })
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

// relative_weights is p [t padded] of one head; byY and byX are scratch for the scores
// by distance.
static void relative_weights(const relative_attention *a, const float *q, const float *k, float *packed, float *byY, float *byX, float *p) {
  int64_t t = a->of.tokens, d = a->of.width, row = 3 * a->of.heads * d, p_row = padded(t), h = a->y.size, w = a->x.size;
  pack(k, 1, row, d, t, packed);
  multiply_packed(t, p_row, d, q, row, 1, packed, p, p_row);
  distance_scores(a, &a->y, q, packed, byY);
  distance_scores(a, &a->x, q, packed, byX);
  for (int64_t i = 0; i < t; i++) {
    const float *ofY = byY + i * a->y.distances + h - 1 - i / w, *ofX = byX + i * a->x.distances + w - 1 - i % w;
    for (int64_t y = 0; y < h; y++) add_distance_scores(p + i * p_row + y * w, a->of.scale, ofX, ofY[y], w);
    for (int64_t j = t; j < p_row; j++) p[i * p_row + j] = -__builtin_inff();
    softmax_row(p + i * p_row, p_row, 1);
  }
}

// relative_packed is the floats of what a task packs at a time.
static int64_t relative_packed(const relative_attention *a) {
  int64_t t = a->of.tokens, d = a->of.width, n = MAX(a->y.distances, a->x.distances);
  return MAX(MAX(packed_size(d, t), packed_size(t, d)), MAX(packed_size(d, n), packed_size(n, d)));
}

static void relative_attention_task(void *user, size_t index) {
  const relative_attention *a = user;
  int64_t t = a->of.tokens, d = a->of.width, model = a->of.heads * d, row = 3 * model, p_row = padded(t);
  int64_t image = (int64_t)index / a->of.heads, head = (int64_t)index % a->of.heads;
  const float *q = a->of.qkv + image * t * row + head * d, *k = q + model, *v = k + model;
  float *p = pmx_take(a->of.call, t * (p_row + a->y.distances + a->x.distances) + relative_packed(a));
  if (!p) return;
  float *byY = p + t * p_row, *byX = byY + t * a->y.distances, *packed = byX + t * a->x.distances;

  relative_weights(a, q, k, packed, byY, byX, p);
  pack(v, row, 1, t, d, packed);
  multiply_packed(t, d, t, p, p_row, 1, packed, a->of.y + image * t * model + head * d, model);
  pmx_give(p);
}

static const char *RelativeAttention(pmx_call *call) {
  relative_attention a = {0};
  const char *wrong = relative_attention_of(call, 0, &a);
  if (wrong) return wrong;
  a.of.y = call->output(call, 0, (int64_t[]){a.of.images, a.of.tokens, a.of.heads * a.of.width}, 3);
  if (a.of.y) call->parallel(call, relative_attention_task, a.of.images * a.of.heads, &a);
  return NULL;
}

// sum_by_distance sums dS [t padded] over each query's keys at one distance along each
// axis: byY [t 2h-1] and byX [t 2w-1], largest distance first. The result is 0, or NaN
// if an element is.
static float sum_by_distance(const relative_attention *a, const float *ds, float *byY, float *byX) {
  int64_t t = a->of.tokens, p_row = padded(t), h = a->y.size, w = a->x.size;
  for (int64_t i = 0; i < t * a->y.distances; i++) byY[i] = 0;
  for (int64_t i = 0; i < t * a->x.distances; i++) byX[i] = 0;
  float spoilt = 0;
  for (int64_t i = 0; i < t; i++) {
    float *ofY = byY + i * a->y.distances + h - 1 - i / w, *ofX = byX + i * a->x.distances + w - 1 - i % w;
    for (int64_t y = 0; y < h; y++) {
      ofY[y] = add_row(ofX, ds + i * p_row + y * w, w);
      spoilt += 0 * ofY[y];
    }
  }
  return spoilt;
}

// distance_grads adds by · along, largest distance first, to dq, and makes part, the
// gradient of along: byᵀ q, q packed. The body spreads what is not a number over all of
// part: so does adding spoilt.
static void distance_grads(const relative_attention *a, const axis_of *axis, const float *by, float spoilt, const float *packed_q, float *packed,
                           float *more, float *dq, float *part) {
  int64_t t = a->of.tokens, d = a->of.width, n = axis->distances, row = 3 * a->of.heads * d;
  pack(axis->along + (n - 1) * d, -d, 1, n, d, packed);
  multiply_packed(t, d, n, by, n, 1, packed, more, d);
  for (int64_t i = 0; i < t; i++)
    for (int64_t e = 0; e < d; e++) dq[i * row + e] += more[i * d + e];
  multiply_packed(n, d, t, by, 1, n, packed_q, part, d);
  for (int64_t i = 0; i < n * d; i++) part[i] += spoilt;
}

static void relative_attention_grad_task(void *user, size_t index) {
  const relative_attention *a = user;
  int64_t t = a->of.tokens, d = a->of.width, model = a->of.heads * d, row = 3 * model, p_row = padded(t);
  int64_t image = (int64_t)index / a->of.heads, head = (int64_t)index % a->of.heads, at = image * t * row + head * d;
  const float *q = a->of.qkv + at, *k = q + model, *v = k + model, *dy = a->of.dy + image * t * model + head * d;
  float *dq = a->of.dqkv + at, *dk = dq + model, *dv = dk + model;
  float *p = pmx_take(a->of.call, t * (2 * p_row + a->y.distances + a->x.distances + d) + relative_packed(a) + packed_size(t, d));
  if (!p) return;
  float *ds = p + t * p_row, *byY = ds + t * p_row, *byX = byY + t * a->y.distances, *more = byX + t * a->x.distances;
  float *packed_q = more + t * d, *packed = packed_q + packed_size(t, d);
  float *part = a->parts + (int64_t)index * (a->y.distances + a->x.distances) * d;

  relative_weights(a, q, k, packed, byY, byX, p);
  pack(v, 1, row, d, t, packed);
  multiply_packed(t, p_row, d, dy, model, 1, packed, ds, p_row); // dP = dY Vᵀ
  for (int64_t i = 0; i < t; i++) softmax_grad_row(ds + i * p_row, ds + i * p_row, p + i * p_row, p_row, 1);
  float spoilt = sum_by_distance(a, ds, byY, byX);
  pack(dy, model, 1, t, d, packed);
  multiply_packed(t, d, t, p, 1, p_row, packed, dv, row); // dV = Pᵀ dY
  for (int64_t i = 0; i < t * p_row; i++) ds[i] *= a->of.scale;
  pack(k, row, 1, t, d, packed);
  multiply_packed(t, d, t, ds, p_row, 1, packed, dq, row); // dQ = dS K/√d + ...
  pack(q, row, 1, t, d, packed_q);
  multiply_packed(t, d, t, ds, 1, p_row, packed_q, dk, row); // dK = dSᵀ Q/√d
  distance_grads(a, &a->y, byY, spoilt, packed_q, packed, more, dq, part);
  distance_grads(a, &a->x, byX, spoilt, packed_q, packed, more, dq, part + a->y.distances * d);
  pmx_give(p);
}

// sum_parts_task sums one vector's gradient over the tasks, in their order. Parts have
// the largest distance first.
static void sum_parts_task(void *user, size_t index) {
  const relative_attention *a = user;
  int64_t d = a->of.width, i = (int64_t)index, of_part = (a->y.distances + a->x.distances) * d;
  const axis_of *axis = i < a->y.distances ? &a->y : &a->x;
  int64_t last = i < a->y.distances ? a->y.distances - 1 : 2 * a->y.distances + a->x.distances - 1; // i mirrored is last - i
  if (!axis->dalong) return;
  float *to = axis->dalong + (i < a->y.distances ? i : i - a->y.distances) * d;
  for (int64_t e = 0; e < d; e++) {
    double sum = 0;
    for (int64_t task = 0; task < a->of.images * a->of.heads; task++) sum += a->parts[task * of_part + (last - i) * d + e];
    to[e] = sum;
  }
}

static const char *RelativeAttentionGrad(pmx_call *call) {
  relative_attention a = {0};
  const char *wrong = relative_attention_of(call, 1, &a);
  if (wrong) return wrong;
  const pmx_tensor *dy = &call->in[0];
  if (dy->rank != 3 || dy->dims[0] != a.of.images || dy->dims[1] != a.of.tokens || dy->dims[2] != a.of.heads * a.of.width)
    return "want dY [batch tokens heads*d]";
  a.of.dy = dy->data;
  a.of.dqkv = call->output(call, 0, call->in[1].dims, 3);
  a.y.dalong = call->output(call, 1, call->in[2].dims, 2);
  a.x.dalong = call->output(call, 2, call->in[3].dims, 2);
  if (!a.of.dqkv) return NULL;
  int64_t tasks = a.of.images * a.of.heads, distances = a.y.distances + a.x.distances;
  a.parts = pmx_take(call, tasks * distances * a.of.width);
  if (!a.parts) return NULL;
  call->parallel(call, relative_attention_grad_task, tasks, &a);
  call->parallel(call, sum_parts_task, distances, &a);
  pmx_give(a.parts);
  return NULL;
}
