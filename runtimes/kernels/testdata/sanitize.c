// Runs every kernel, without ONNX Runtime, on random shapes under the compiler's
// sanitizers: sanitize_test.go builds and starts it with the instruction sets to test.
//
// Tensors and scratch memory have exactly the size that was asked for and begin as NaN, so
// that a read behind an end is caught, and an element that nothing wrote shows. Each
// call runs twice, the tasks once in order and once backwards: equal bits mean that no
// task depends on another's, and so not on the threads that share them. A third run gets
// no memory for one of its requests, and must end, say so and give the others back.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

static float *floats(int64_t n) {
  float *p = malloc(n ? n * sizeof(float) : 1);
  if (!p) abort();
  memset(p, 0xff, n * sizeof(float));
  return p;
}

static int takes, refused = -1; // requests of a call so far; the one that gets no memory

float *pmx_take(pmx_call *call, int64_t n) {
  if (takes++ != refused) return floats(n);
  call->missing = 1 + n * sizeof(float);
  return NULL;
}

void pmx_give(float *p) { free(p); }

enum { MAX_OUTPUTS = 4, ROUNDS = 150 };

typedef struct {
  float *data;
  int64_t count;
} result;

// trial is a call and what its callbacks need.
typedef struct {
  pmx_call call;
  int backwards;
  unsigned left_out; // a bit for each output that nothing reads
  result out[MAX_OUTPUTS];
} trial;

static float *output(pmx_call *call, int i, const int64_t *dims, int rank) {
  trial *t = (trial *)call;
  if (t->left_out >> i & 1) return NULL;
  int64_t n = 1;
  for (int d = 0; d < rank; d++) n *= dims[d];
  t->out[i] = (result){floats(n), n};
  return t->out[i].data;
}

static void parallel(pmx_call *call, void (*f)(void *, size_t), size_t n, void *user) {
  for (size_t i = 0; i < n; i++) f(user, ((trial *)call)->backwards ? n - 1 - i : i);
}

static int64_t pick(void) {
  static const int sizes[] = {1, 2, 3, 5, 7, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 64, 65, 95, 96, 97, 130};
  return sizes[rand() % (sizeof sizes / sizeof *sizes)];
}

// side is a dimension of a matrix, now and then of several blocks.
static int64_t side(void) { return pick() + (rand() % 6 ? 0 : 400); }

// depth is one that a product sums over, now and then by chunks.
static int64_t depth(void) { return rand() % 6 ? side() : 1536 + pick(); }

static pmx_tensor tensor(int rank, int64_t a, int64_t b, int64_t c) {
  pmx_tensor t = {.rank = rank, .dims = {a, b, c}, .count = 1};
  for (int i = 0; i < rank; i++) t.count *= t.dims[i];
  float *data = floats(t.count);
  for (int64_t i = 0; i < t.count; i++) data[i] = (float)rand() / RAND_MAX;
  t.data = data;
  return t;
}

#define VECTOR(a) tensor(1, a, 0, 0)
#define MATRIX(a, b) tensor(2, a, b, 0)
#define CUBE(a, b, c) tensor(3, a, b, c)

// boxes are regions [n r 4] in a map, some of them beside it.
static pmx_tensor boxes(int64_t n, int64_t r, int64_t height, int64_t width) {
  pmx_tensor t = CUBE(n, r, 4);
  float *data = (float *)t.data;
  for (int64_t i = 0; i < t.count; i++) data[i] = (1.5f * data[i] - 0.25f) * (i % 2 ? height : width);
  return t;
}

// dims is the shape [4] of maps.
static pmx_tensor dims(int64_t n, int64_t c, int64_t height, int64_t width) {
  pmx_tensor t = {.rank = 1, .dims = {4}, .count = 4};
  int64_t *data = malloc(4 * sizeof *data);
  if (!data) abort();
  data[0] = n, data[1] = c, data[2] = height, data[3] = width;
  t.integers = data;
  return t;
}

static pmx_tensor bins(int64_t n, int64_t r, int64_t c, int64_t height, int64_t width) {
  pmx_tensor t = CUBE(n * r * c, height, width);
  t.rank = 5, t.dims[0] = n, t.dims[1] = r, t.dims[2] = c, t.dims[3] = height, t.dims[4] = width;
  return t;
}

static int failures;

// run calls a kernel twice and compares; optional has a bit for each output that may
// be left out.
static void run(const char *name, pmx_kernel *kernel, const pmx_attributes *attributes, unsigned optional, int inputs, const pmx_tensor *in) {
  unsigned left_out = optional & (unsigned)rand();
  trial t[3];
  for (int pass = 0; pass < 3; pass++) {
    t[pass] = (trial){.call = {.attributes = attributes, .output = output, .parallel = parallel}, .backwards = pass == 1, .left_out = left_out};
    memcpy(t[pass].call.in, in, inputs * sizeof *in);
    refused = pass == 2 && takes ? rand() % takes : -1, takes = 0;
    const char *wrong = kernel(&t[pass].call);
    if (wrong) printf("%s: %s\n", name, wrong), failures++;
    if (!t[pass].call.missing != (refused < 0)) printf("%s: request %d got no memory, and the call says %lld\n", name, refused, (long long)t[pass].call.missing), failures++;
  }
  for (int i = 0; i < MAX_OUTPUTS; i++) {
    const result *a = &t[0].out[i], *b = &t[1].out[i];
    for (int64_t k = 0; k < a->count; k++)
      if (isnan(a->data[k])) {
        printf("%s: element %lld of %lld of output %d is not written\n", name, (long long)k, (long long)a->count, i), failures++;
        break;
      }
    if (a->count != b->count || (a->data && memcmp(a->data, b->data, a->count * sizeof(float))))
      printf("%s: output %d depends on the order of tasks\n", name, i), failures++;
    free(a->data), free(b->data), free(t[2].out[i].data);
  }
  for (int i = 0; i < inputs; i++) free((void *)in[i].data);
}

#define RUN(kernel, optional, ...)                                                                      \
  {                                                                                                     \
    const pmx_tensor in[] = {__VA_ARGS__};                                                              \
    run(#kernel, isa->kernel, &attributes, optional, sizeof in / sizeof *in, in);                       \
    ran.kernel = isa->kernel;                                                                           \
  }

static void test(const pmx_isa *isa) {
  pmx_isa ran = {.name = isa->name, .width = isa->width};
  for (int round = 0; round < ROUNDS; round++) {
    const pmx_attributes attributes = {.heads = 1 + rand() % 3, .axis = -1, .samples = rand() % 3, .scale = .3, .epsilon = 1e-5, .beta1 = .9, .beta2 = .999};
    int64_t n = rand() % 20 ? side() : 0, o = side(), i = side(), k = depth();
    RUN(Linear, 0, MATRIX(n, k), MATRIX(o, k), VECTOR(o))
    RUN(LinearGelu, 2, MATRIX(n, k), MATRIX(o, k), VECTOR(o))
    RUN(LinearGradInput, 0, MATRIX(n, k), MATRIX(k, i))
    RUN(LinearGradWeight, 2, MATRIX(k, o), MATRIX(k, i))

    n = side();
    int64_t b = 1 + rand() % 2, t = pick(), d = pick(), h = attributes.heads;
    if (rand() % 20 == 0) t = 257 + rand() % 100; // queries are then taken some at a time
    RUN(Attention, 0, CUBE(b, t, 3 * h * d))
    RUN(AttentionGrad, 0, CUBE(b, t, h * d), CUBE(b, t, 3 * h * d))
    RUN(ClassAttention, 0, CUBE(b, t, 3 * h * d))
    RUN(ClassAttentionGrad, 0, CUBE(b, 1, h * d), CUBE(b, t, 3 * h * d))

    int64_t rows = 1 + rand() % (rand() % 20 ? 9 : 40), columns = 1 + rand() % 17, tokens = rows * columns;
    RUN(RelativeAttention, 0, CUBE(b, tokens, 3 * h * d), MATRIX(2 * rows - 1, d), MATRIX(2 * columns - 1, d))
    RUN(RelativeAttentionGrad, 6, CUBE(b, tokens, h * d), CUBE(b, tokens, 3 * h * d), MATRIX(2 * rows - 1, d), MATRIX(2 * columns - 1, d))

    RUN(LayerNorm, 6, MATRIX(n, d), VECTOR(d), VECTOR(d))
    RUN(AddLayerNormalization, 15, MATRIX(n, d), MATRIX(n, d), VECTOR(d), VECTOR(d))
    RUN(AddLayerNormalizationGrad, 7, MATRIX(n, d), MATRIX(n, d), MATRIX(n, d), VECTOR(d), MATRIX(n, 1), MATRIX(n, 1))
    RUN(LayerNormalizationGrad, 7, MATRIX(n, d), MATRIX(n, d), VECTOR(d), MATRIX(n, 1), MATRIX(n, 1))
    RUN(BatchNormTraining, 6, MATRIX(n, d), VECTOR(d), VECTOR(d))
    RUN(BatchNormalizationGrad, 7, MATRIX(n, d), MATRIX(n, d), VECTOR(d), VECTOR(d), VECTOR(d))

    RUN(GeluGrad, 0, MATRIX(n, o), MATRIX(n, o))
    RUN(SoftmaxGrad_13, 0, MATRIX(n, d), MATRIX(n, d))
    RUN(LogSoftmaxGrad_13, 0, MATRIX(n, d), MATRIX(n, d))
    RUN(SoftTargetCrossEntropy, 2, MATRIX(n, d), MATRIX(n, d))
    RUN(SoftTargetCrossEntropyGrad, 0, VECTOR(1), MATRIX(n, d), MATRIX(n, d))
    RUN(AdamW, 8, MATRIX(n, o), MATRIX(n, o), MATRIX(n, o), MATRIX(n, o), VECTOR(1), VECTOR(1), VECTOR(1), VECTOR(1))
    RUN(EMA, 0, MATRIX(n, o), MATRIX(n, o), VECTOR(1))

    int64_t height = 1 + rand() % 40, width = 1 + rand() % 40;
    int64_t regions = 1 + rand() % 5;
    RUN(RoiAlignGrad, 0, bins(b, regions, d, 1 + t % 14, 1 + n % 14), boxes(b, regions, height, width), dims(b, d, height, width))
  }
  if (memcmp(&ran, isa, sizeof ran)) puts("a kernel was not tested: add a line for it"), failures++;
}

int main(int argc, char **argv) {
  const pmx_isa *all[] = {
      &pmx_portable,
#if defined(__x86_64__)
      &pmx_avx2, &pmx_avx512,
#endif
  };
  for (int a = 1; a < argc; a++)
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
      if (!strcmp(argv[a], all[i]->name)) {
        test(all[i]);
        printf("%s: %d rounds\n", argv[a], ROUNDS);
      }
  return failures > 0;
}
