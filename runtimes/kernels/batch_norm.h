// pmx.BatchNormTraining and com.microsoft.BatchNormalizationGrad: statistics of
// each column of x [N C]. A task is some columns.

enum { BATCH_COLUMNS = 64, BATCH_ROWS = 128 }; // BATCH_ROWS: summed in a float; more would lose digits

// SUM_COLUMNS adds value, of row r and column c, over all rows to total[c], a double.
#define SUM_COLUMNS(rows, n, total, value)                                  \
  for (int64_t r0 = 0; r0 < (rows); r0 += BATCH_ROWS) {                     \
    float some[BATCH_COLUMNS] = {0};                                        \
    for (int64_t r = r0; r < MIN(rows, r0 + BATCH_ROWS); r++)               \
      for (int64_t c = 0; c < (n); c++) some[c] += (value);                 \
    for (int64_t c = 0; c < (n); c++) (total)[c] += some[c];                \
  }

typedef struct {
  int64_t rows, columns;
  float epsilon;
  const float *x, *dy, *scale, *bias, *saved_mean, *saved_inv_std;
  float *y, *mean, *inv_std, *dx, *dscale, *dbias;
} batch_norm;

static void batch_norm_task(void *user, size_t index) {
  const batch_norm *w = user;
  int64_t c0 = (int64_t)index * BATCH_COLUMNS, n = MIN(BATCH_COLUMNS, w->columns - c0), all = w->columns;
  const float *x = w->x + c0;
  double sum[BATCH_COLUMNS] = {0}, squares[BATCH_COLUMNS] = {0};
  float mean[BATCH_COLUMNS], inverse[BATCH_COLUMNS];
  SUM_COLUMNS(w->rows, n, sum, x[r * all + c])
  for (int64_t c = 0; c < n; c++) mean[c] = (float)(sum[c] / w->rows);
  SUM_COLUMNS(w->rows, n, squares, (x[r * all + c] - mean[c]) * (x[r * all + c] - mean[c]))
  for (int64_t c = 0; c < n; c++) inverse[c] = 1.0f / __builtin_sqrtf((float)(squares[c] / w->rows) + w->epsilon);
  for (int64_t r = 0; r < w->rows; r++)
    for (int64_t c = 0; c < n; c++)
      w->y[r * all + c0 + c] = (x[r * all + c] - mean[c]) * (inverse[c] * w->scale[c0 + c]) + w->bias[c0 + c];
  for (int64_t c = 0; c < n; c++) {
    if (w->mean) w->mean[c0 + c] = mean[c];
    if (w->inv_std) w->inv_std[c0 + c] = inverse[c];
  }
}

static const char *BatchNormTraining(pmx_call *call) {
  const pmx_tensor *x = &call->in[0];
  if (x->rank != 2 || call->in[1].count != x->dims[1] || call->in[2].count != x->dims[1]) return "want X [N C], scale [C] and B [C]";
  batch_norm w = {.rows = x->dims[0], .columns = x->dims[1], .epsilon = call->attributes->epsilon, .x = x->data, .scale = call->in[1].data,
                  .bias = call->in[2].data};
  w.y = call->output(call, 0, x->dims, 2);
  w.mean = call->output(call, 1, x->dims + 1, 1);
  w.inv_std = call->output(call, 2, x->dims + 1, 1);
  if (w.y) call->parallel(call, batch_norm_task, (w.columns + BATCH_COLUMNS - 1) / BATCH_COLUMNS, &w);
  return NULL;
}

static void batch_norm_grad_task(void *user, size_t index) {
  const batch_norm *w = user;
  int64_t c0 = (int64_t)index * BATCH_COLUMNS, n = MIN(BATCH_COLUMNS, w->columns - c0), all = w->columns;
  const float *mean = w->saved_mean + c0, *inverse = w->saved_inv_std + c0, *scale = w->scale + c0;
  const float *x = w->x + c0, *dy = w->dy + c0;
  double sum[BATCH_COLUMNS] = {0}, along[BATCH_COLUMNS] = {0};
  SUM_COLUMNS(w->rows, n, sum, dy[r * all + c])
  SUM_COLUMNS(w->rows, n, along, dy[r * all + c] * ((x[r * all + c] - mean[c]) * inverse[c]))
  float mean_dy[BATCH_COLUMNS], mean_along[BATCH_COLUMNS];
  for (int64_t c = 0; c < n; c++) mean_dy[c] = (float)(sum[c] / w->rows), mean_along[c] = (float)(along[c] / w->rows);
  for (int64_t r = 0; r < w->rows && w->dx; r++)
    for (int64_t c = 0; c < n; c++) {
      float normalised = (x[r * all + c] - mean[c]) * inverse[c];
      w->dx[r * all + c0 + c] = (dy[r * all + c] - mean_dy[c] - normalised * mean_along[c]) * (scale[c] * inverse[c]);
    }
  for (int64_t c = 0; c < n; c++) {
    if (w->dscale) w->dscale[c0 + c] = (float)along[c];
    if (w->dbias) w->dbias[c0 + c] = (float)sum[c];
  }
}

static const char *BatchNormalizationGrad(pmx_call *call) {
  const pmx_tensor *dy = &call->in[0], *x = &call->in[1];
  if (x->rank != 2 || !same_shape(x, dy)) return "want dY and X [N C]";
  for (int i = 2; i < 5; i++)
    if (call->in[i].count != x->dims[1]) return "want scale, saved_mean and saved_inv_std [C]";
  batch_norm w = {.rows = x->dims[0], .columns = x->dims[1], .x = x->data, .dy = dy->data, .scale = call->in[2].data,
                  .saved_mean = call->in[3].data, .saved_inv_std = call->in[4].data};
  w.dx = call->output(call, 0, x->dims, 2);
  w.dscale = call->output(call, 1, x->dims + 1, 1);
  w.dbias = call->output(call, 2, x->dims + 1, 1);
  call->parallel(call, batch_norm_grad_task, (w.columns + BATCH_COLUMNS - 1) / BATCH_COLUMNS, &w);
  return NULL;
}
