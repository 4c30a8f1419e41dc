// com.microsoft.GeluGrad: dx = dy ⊙ (Φ(x) + x φ(x)).

enum { CHUNK = 1 << 14 }; // elements of a task

typedef struct {
  int64_t count;
  const float *dy, *x;
  float *dx;
} gelu_work;

static void gelu_grad_task(void *user, size_t index) {
  const gelu_work *w = user;
  int64_t first = (int64_t)index * CHUNK, n = MIN(CHUNK, w->count - first);
  const float *dy = w->dy + first, *in = w->x + first;
  float *dx = w->dx + first;
  EACH(i, n, {
    vec x = GET(in), bell, below = gaussian(x, &bell);
    // Far out the bell is 0, and x may be too large to be multiplied.
    vec density = vmax(vmin(x, splat(MILLS_FAR)), splat(-MILLS_FAR)) * bell * 0.398942280f;
    PUT(dx, GET(dy) * (below + density));
  })
}

static const char *GeluGrad(pmx_call *call) {
  const pmx_tensor *x = &call->in[1];
  if (!same_shape(x, &call->in[0])) return "want dY and X of one shape";
  gelu_work w = {x->count, call->in[0].data, x->data, call->output(call, 0, x->dims, x->rank)};
  if (w.dx) call->parallel(call, gelu_grad_task, (w.count + CHUNK - 1) / CHUNK, &w);
  return NULL;
}
