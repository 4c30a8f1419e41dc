// pmx.RoiAlignGrad: dy [N R C h w], boxes [N R 4] in positions of x, its shape
// [N C H W], dx [N C H W]. A task owns WIDTH channels of an image, side by side in a
// vector, and adds the regions up in turn: the sums do not depend on the threads.

enum { MOST_SAMPLES = 1 << 16 }; // in a bin, along a side

typedef struct {
  pmx_call *call;
  int64_t regions, channels, rows, columns, height, width, samples;
  const float *dy, *boxes;
  float *dx;
} roi_align;

// side is how a region's bins read positions first to end-1 along one axis:
// bins weights for each position, 0 where a bin does not read it.
typedef struct {
  int64_t bins, length, first, end;
  float *weights; // [length bins], 0 outside of first to end
} side;

static void side_add(side *s, int64_t position, int64_t bin, float weight) {
  s->weights[position * s->bins + bin] += weight;
  s->first = MIN(s->first, position), s->end = MAX(s->end, position + 1);
}

// samples_of is how many samples a bin of a region from lo to hi has.
static float samples_of(const roi_align *w, float lo, float hi, int64_t bins) {
  return w->samples ? w->samples : __builtin_ceilf((hi - lo) / bins);
}

// side_set makes s that of a region from lo to hi.
static void side_set(const roi_align *w, side *s, float lo, float hi) {
  for (int64_t i = s->first * s->bins; i < s->end * s->bins; i++) s->weights[i] = 0;
  s->first = s->length, s->end = 0;
  float bin = (hi - lo) / s->bins, n = samples_of(w, lo, hi, s->bins), last = s->length - 1;
  for (int64_t j = 0; j < s->bins; j++)
    for (int64_t k = 0; k < n; k++) {
      float at = lo + j * bin + (k + 0.5f) * bin / n;
      if (!(at >= -1 && at <= s->length)) continue;
      at = MIN(MAX(at, 0), last);
      int64_t floor = at;
      float t = at - floor;
      side_add(s, floor, j, (1 - t) / n);
      if (t > 0) side_add(s, floor + 1, j, t / n);
    }
}

// channels_beside puts count numbers of `some` <= WIDTH channels side by side: number
// i of channel c is from[c*count + i].
static void channels_beside(const float *from, int64_t count, int64_t some, float *out) {
  EACH(i, count, {
    vec square[WIDTH];
    for (int c = 0; c < WIDTH; c++) square[c] = c < some ? GET(from + c * count) : splat(0);
    transpose(square);
    for (int q = 0; q < part; q++) store(out + (i + q) * WIDTH, square[q]);
  })
}

// channels_apart is the reverse, and adds v to each number.
static void channels_apart(const float *from, int64_t count, int64_t some, vec v, float *out) {
  EACH(i, count, {
    vec square[WIDTH];
    for (int q = 0; q < WIDTH; q++) square[q] = q < part ? load(from + (i + q) * WIDTH) + v : splat(0);
    transpose(square);
    for (int c = 0; c < some; c++) PUT(out + c * count, square[c]);
  })
}

// add_weighted adds weight times a row of n vectors.
INLINE void add_weighted(float *to, float weight, const float *from, int64_t n) {
  for (int64_t i = 0; i < n * WIDTH; i += WIDTH) store(to + i, load(to + i) + weight * load(from + i));
}

static void roi_align_task(void *user, size_t index) {
  const roi_align *w = user;
  int64_t blocks = (w->channels + WIDTH - 1) / WIDTH, image = (int64_t)index / blocks;
  int64_t c0 = (int64_t)index % blocks * WIDTH, some = MIN(WIDTH, w->channels - c0);
  int64_t bins = w->rows * w->columns, plane = w->height * w->width;
  float *sum = pmx_take(w->call, (plane + bins + w->rows * w->width) * WIDTH + w->height * w->rows + w->width * w->columns);
  if (!sum) return;
  float *dy = sum + plane * WIDTH, *spread = dy + bins * WIDTH, *weights = spread + w->rows * w->width * WIDTH;
  side y = {.bins = w->rows, .length = w->height, .weights = weights};
  side x = {.bins = w->columns, .length = w->width, .weights = weights + w->height * w->rows};
  y.end = y.length, x.end = x.length; // nothing is cleared yet
  for (int64_t i = 0; i < plane * WIDTH; i++) sum[i] = 0;
  vec spoilt = {0}; // not a number in channels that got one, which the body spreads

  for (int64_t r = 0; r < w->regions; r++) {
    int64_t region = image * w->regions + r;
    const float *box = w->boxes + 4 * region;
    spoilt += 0 * (box[0] + box[1] + box[2] + box[3]);
    side_set(w, &y, box[1], box[3]);
    side_set(w, &x, box[0], box[2]);
    if (y.first >= y.end || x.first >= x.end) continue;
    channels_beside(w->dy + (region * w->channels + c0) * bins, bins, some, dy);
    for (int64_t i = 0; i < bins; i++) spoilt += 0 * load(dy + i * WIDTH);

    int64_t wide = x.end - x.first;
    for (int64_t i = 0; i < w->rows * wide * WIDTH; i++) spread[i] = 0;
    for (int64_t i = 0; i < w->rows; i++)
      for (int64_t p = x.first; p < x.end; p++)
        for (int64_t j = 0; j < w->columns; j++) {
          float weight = x.weights[p * w->columns + j];
          if (weight != 0) add_weighted(spread + (i * wide + p - x.first) * WIDTH, weight, dy + (i * w->columns + j) * WIDTH, 1);
        }
    for (int64_t p = y.first; p < y.end; p++)
      for (int64_t i = 0; i < w->rows; i++) {
        float weight = y.weights[p * w->rows + i];
        if (weight != 0) add_weighted(sum + (p * w->width + x.first) * WIDTH, weight, spread + i * wide * WIDTH, wide);
      }
  }
  channels_apart(sum, plane, some, spoilt, w->dx + (image * w->channels + c0) * plane);
  pmx_give(sum);
}

static const char *RoiAlignGrad(pmx_call *call) {
  const pmx_tensor *dy = &call->in[0], *boxes = &call->in[1], *shape = &call->in[2];
  if (dy->rank != 5 || boxes->rank != 3 || boxes->dims[0] != dy->dims[0] || boxes->dims[1] != dy->dims[1] || boxes->dims[2] != 4 ||
      shape->rank != 1 || shape->count != 4 || shape->integers[0] != dy->dims[0] || shape->integers[1] != dy->dims[2] || !dy->count ||
      shape->integers[2] < 1 || shape->integers[3] < 1)
    return "want dY [N R C h w], boxes [N R 4] and shape [4] of X [N C H W], and no dimension 0";
  roi_align w = {.call = call, .regions = dy->dims[1], .channels = dy->dims[2], .rows = dy->dims[3], .columns = dy->dims[4],
                 .height = shape->integers[2], .width = shape->integers[3], .samples = call->attributes->samples, .dy = dy->data,
                 .boxes = boxes->data};
  for (const float *b = w.boxes; b < w.boxes + boxes->count; b += 4)
    if (samples_of(&w, b[0], b[2], w.columns) > MOST_SAMPLES || samples_of(&w, b[1], b[3], w.rows) > MOST_SAMPLES)
      return "want regions of at most 65536 samples in a bin";
  w.dx = call->output(call, 0, shape->integers, 4);
  if (w.dx) call->parallel(call, roi_align_task, dy->dims[0] * ((w.channels + WIDTH - 1) / WIDTH), &w);
  return NULL;
}
