// pmx.Linear and its gradient: x [N I], w [O I], b [O], y [N O].

static product linear_product(pmx_call *call) {
  const pmx_tensor *x = &call->in[0], *w = &call->in[1];
  int64_t rows = x->dims[0], in = x->dims[1], out = w->dims[0];
  return (product){.m = rows, .n = out, .k = in, .a = x->data, .a_row = in, .a_column = 1, .b = w->data, .b_row = 1, .b_column = in,
                   .c_row = out, .bias = call->in[2].data};
}

static const char *linear_check(pmx_call *call) {
  const pmx_tensor *x = &call->in[0], *w = &call->in[1];
  if (x->rank != 2 || w->rank != 2 || x->dims[1] != w->dims[1] || call->in[2].count != w->dims[0])
    return "want X [N I], W [O I] and B [O]";
  return NULL;
}

static const char *Linear(pmx_call *call) {
  const char *wrong = linear_check(call);
  if (wrong) return wrong;
  product p = linear_product(call);
  p.c = call->output(call, 0, (int64_t[]){p.m, p.n}, 2);
  if (p.c) multiply(call, p);
  return NULL;
}

// H is computed into Y's memory if nothing reads it: the activation may be its own
// input.
static const char *LinearGelu(pmx_call *call) {
  const char *wrong = linear_check(call);
  if (wrong) return wrong;
  product p = linear_product(call);
  p.gelu = call->output(call, 0, (int64_t[]){p.m, p.n}, 2);
  p.c = call->output(call, 1, (int64_t[]){p.m, p.n}, 2);
  if (!p.c) p.c = p.gelu;
  if (p.gelu) multiply(call, p);
  return NULL;
}

// dX [N I] = dY [N O] W [O I]
static const char *LinearGradInput(pmx_call *call) {
  const pmx_tensor *dy = &call->in[0], *w = &call->in[1];
  if (dy->rank != 2 || w->rank != 2 || dy->dims[1] != w->dims[0]) return "want dY [N O] and W [O I]";
  int64_t rows = dy->dims[0], out = dy->dims[1], in = w->dims[1];
  float *dx = call->output(call, 0, (int64_t[]){rows, in}, 2);
  if (dx)
    multiply(call, (product){.m = rows, .n = in, .k = out, .a = dy->data, .a_row = out, .a_column = 1, .b = w->data, .b_row = in,
                             .b_column = 1, .c = dx, .c_row = in});
  return NULL;
}

// dW [O I] = dYᵀ X and dB [O], the sums of dY's columns
static const char *LinearGradWeight(pmx_call *call) {
  const pmx_tensor *dy = &call->in[0], *x = &call->in[1];
  if (dy->rank != 2 || x->rank != 2 || dy->dims[0] != x->dims[0]) return "want dY [N O] and X [N I]";
  int64_t rows = dy->dims[0], out = dy->dims[1], in = x->dims[1];
  float *dw = call->output(call, 0, (int64_t[]){out, in}, 2);
  float *db = call->output(call, 1, (int64_t[]){out}, 1);
  if (dw)
    multiply(call, (product){.m = out, .n = in, .k = rows, .a = dy->data, .a_row = 1, .a_column = out, .b = x->data, .b_row = in,
                             .b_column = 1, .c = dw, .c_row = in, .a_sums = db});
  return NULL;
}
