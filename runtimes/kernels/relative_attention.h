// pmx.RelativeAttention and its gradient: attention with scores by distance on a grid of
// h by w tokens.

typedef struct {
  attention of;
  grid grid;
} relative_attention;

static const char *relative_attention_of(pmx_call *call, int at, relative_attention *a) {
  const char *wrong = attention_of(call, &call->in[at], &a->of);
  if (wrong) return wrong;
  a->grid = (grid){.width = a->of.width};
  for (int i = 0; i < 2; i++) {
    const pmx_tensor *v = &call->in[at + 1 + i];
    if (v->rank != 2 || v->dims[1] != a->of.width || v->dims[0] % 2 != 1) return "want alongY [2h-1 d] and alongX [2w-1 d]";
    *(i ? &a->grid.x : &a->grid.y) = (axis){.size = (v->dims[0] + 1) / 2, .distances = v->dims[0], .along = v->data};
  }
  if (a->grid.y.size * a->grid.x.size != a->of.tokens) return "want as many tokens as alongY [2h-1 d] and alongX [2w-1 d] have positions, h*w";
  a->of.grid = &a->grid;
  return NULL;
}

static const char *RelativeAttention(pmx_call *call) {
  relative_attention a;
  const char *wrong = relative_attention_of(call, 0, &a);
  if (wrong) return wrong;
  a.of.y = call->output(call, 0, (int64_t[]){a.of.images, a.of.tokens, a.of.heads * a.of.width}, 3);
  if (a.of.y) call->parallel(call, attention_task, a.of.images * a.of.heads, &a.of);
  return NULL;
}

// sum_parts_task sums the gradient of one distance's vector over the tasks, in order.
static void sum_parts_task(void *user, size_t index) {
  const relative_attention *a = user;
  int64_t d = a->of.width, i = (int64_t)index, of_part = distances_of(&a->grid) * d, ofY = a->grid.y.distances;
  const axis *axis = i < ofY ? &a->grid.y : &a->grid.x;
  if (!axis->dalong) return;
  int64_t before = i < ofY ? 0 : ofY;                          // vectors of the other axis
  int64_t mirrored = before + axis->distances - 1 - (i - before); // parts have the largest distance first
  for (int64_t e = 0; e < d; e++) {
    double sum = 0;
    for (int64_t task = 0; task < a->of.images * a->of.heads; task++) sum += a->grid.parts[task * of_part + mirrored * d + e];
    axis->dalong[(i - before) * d + e] = sum;
  }
}

static const char *RelativeAttentionGrad(pmx_call *call) {
  relative_attention a;
  const char *wrong = relative_attention_of(call, 1, &a);
  if (wrong) return wrong;
  const pmx_tensor *dy = &call->in[0];
  if (dy->rank != 3 || dy->dims[0] != a.of.images || dy->dims[1] != a.of.tokens || dy->dims[2] != a.of.heads * a.of.width)
    return "want dY [batch tokens heads*d]";
  a.of.dy = dy->data;
  a.of.dqkv = call->output(call, 0, call->in[1].dims, 3);
  a.grid.y.dalong = call->output(call, 1, call->in[2].dims, 2);
  a.grid.x.dalong = call->output(call, 2, call->in[3].dims, 2);
  if (!a.of.dqkv) return NULL;
  int64_t tasks = a.of.images * a.of.heads;
  a.grid.parts = pmx_take(call, tasks * distances_of(&a.grid) * a.of.width);
  if (!a.grid.parts) return NULL;
  call->parallel(call, attention_grad_task, tasks, &a.of);
  call->parallel(call, sum_parts_task, distances_of(&a.grid), &a);
  pmx_give(a.grid.parts);
  return NULL;
}
