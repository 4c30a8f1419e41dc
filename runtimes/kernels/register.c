// Registers kernels with ONNX Runtime as custom operators.
#include "register.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "ort_abi.h"

// operator_ is an OrtCustomOp and what its callbacks need; ONNX Runtime hands them
// a pointer to its first field.
typedef struct {
  OrtCustomOp ort;
  const char *name, *domain;
  size_t inputs, outputs;
  unsigned integers; // a bit for each input that is int64
  pmx_kernel *kernel;
} operator_;

static const operator_ *of(const OrtCustomOp *op) { return (const operator_ *)op; }

static const char *get_name(const OrtCustomOp *op) { return of(op)->name; }
static const char *get_provider(const OrtCustomOp *op) { return (void)op, "CPUExecutionProvider"; }
static int get_input_type(const OrtCustomOp *op, size_t i) { return of(op)->integers >> i & 1 ? ORT_TENSOR_INT64 : ORT_TENSOR_FLOAT; }
static int get_output_type(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, ORT_TENSOR_FLOAT; }
static size_t get_inputs(const OrtCustomOp *op) { return of(op)->inputs; }
static size_t get_outputs(const OrtCustomOp *op) { return of(op)->outputs; }
static int required(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, 0; }
static int optional_after_first(const OrtCustomOp *op, size_t i) { return (void)op, i > 0; }
static int default_memory(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, 0; }
static int one(const OrtCustomOp *op) { return (void)op, 1; }

// instance is a node of a model.
typedef struct {
  const OrtApi *api;
  const operator_ *op;
  pmx_attributes attributes;
} instance;

// attribute_float reads an attribute, if it is there, as the decimal of seven digits
// that rounds to it.
static void attribute_float(const OrtApi *api, const OrtKernelInfo *info, const char *name, double *value) {
  float stored;
  OrtStatus *missing = OrtKernelInfoGetAttribute_float(api, info, name, &stored);
  if (missing) {
    OrtReleaseStatus(api, missing);
    return;
  }
  char decimal[32];
  snprintf(decimal, sizeof decimal, "%.7g", stored);
  *value = strtof(decimal, NULL) == stored ? strtod(decimal, NULL) : stored;
}

// attribute_int reads an attribute if it is there.
static void attribute_int(const OrtApi *api, const OrtKernelInfo *info, const char *name, int64_t *value) {
  int64_t stored;
  OrtStatus *missing = OrtKernelInfoGetAttribute_int64(api, info, name, &stored);
  if (missing)
    OrtReleaseStatus(api, missing);
  else
    *value = stored;
}

static OrtStatus *create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **out) {
  instance *k = calloc(1, sizeof *k);
  if (!k) return OrtCreateStatus(api, ORT_FAIL, "pmx: kernels: no memory");
  k->api = api, k->op = of(op);
  pmx_attributes *a = &k->attributes;
  *a = (pmx_attributes){.axis = -1, .scale = 1, .epsilon = 1e-5, .beta1 = 0.9, .beta2 = 0.999};
  if (!strcmp(k->op->name, "AdamW")) a->epsilon = 1e-8;
  attribute_float(api, info, "scale", &a->scale);
  attribute_float(api, info, "epsilon", &a->epsilon);
  attribute_float(api, info, "alpha", &a->beta1);
  attribute_float(api, info, "beta", &a->beta2);
  attribute_int(api, info, "num_heads", &a->heads);
  attribute_int(api, info, "axis", &a->axis);
  attribute_int(api, info, "sampling_ratio", &a->samples);
  *out = k;
  return NULL;
}

static void destroy(void *k) { free(k); }

// execution is a call with what only this file may see.
typedef struct {
  pmx_call call;
  const instance *kernel;
  OrtKernelContext *context;
  OrtStatus *status; // the first that went wrong
} execution;

static int failed(execution *x, OrtStatus *status) {
  if (!status) return 0;
  if (x->status)
    OrtReleaseStatus(x->kernel->api, status);
  else
    x->status = status;
  return 1;
}

static float *output(pmx_call *call, int i, const int64_t *dims, int rank) {
  execution *x = (execution *)call;
  const OrtApi *api = x->kernel->api;
  OrtValue *value = NULL;
  void *data = NULL;
  if (failed(x, OrtKernelContext_GetOutput(api, x->context, i, dims, rank, &value)) || !value) return NULL;
  return failed(x, OrtGetTensorMutableData(api, value, &data)) ? NULL : data;
}

static void parallel(pmx_call *call, void (*f)(void *, size_t), size_t n, void *user) {
  execution *x = (execution *)call;
  if (n == 1)
    f(user, 0);
  else if (n > 1)
    failed(x, OrtKernelContext_ParallelFor(x->kernel->api, x->context, f, n, 0, user));
}

// read_input fills one tensor of the call.
static int read_input(execution *x, size_t i) {
  const OrtApi *api = x->kernel->api;
  pmx_tensor *t = &x->call.in[i];
  const OrtValue *value = NULL;
  OrtTypeAndShape *info = NULL;
  size_t rank = 0;
  void *data = NULL;
  if (failed(x, OrtKernelContext_GetInput(api, x->context, i, &value))) return 0;
  if (failed(x, OrtGetTensorTypeAndShape(api, value, &info))) return 0;
  int ok = !failed(x, OrtGetDimensionsCount(api, info, &rank));
  if (ok && rank > PMX_MAX_RANK) ok = !failed(x, OrtCreateStatus(api, ORT_FAIL, "pmx: kernels: a tensor has too many dimensions"));
  ok = ok && !failed(x, OrtGetDimensions(api, info, t->dims, rank));
  OrtReleaseTensorTypeAndShapeInfo(api, info);
  ok = ok && !failed(x, OrtGetTensorMutableData(api, (OrtValue *)value, &data));
  t->data = data, t->rank = (int)rank, t->count = 1;
  for (size_t d = 0; ok && d < rank; d++) t->count *= t->dims[d];
  return ok;
}

static OrtStatus *compute(void *kernel, OrtKernelContext *context) {
  const instance *k = kernel;
  execution x = {.call = {.attributes = &k->attributes, .output = output, .parallel = parallel}, .kernel = k, .context = context};
  for (size_t i = 0; i < k->op->inputs; i++)
    if (!read_input(&x, i)) return x.status;
  const char *wrong = k->op->kernel(&x.call);
  char missing[64];
  if (!wrong && x.call.missing) {
    snprintf(missing, sizeof missing, "no memory for %lld MiB of scratch", (long long)(x.call.missing >> 20) + 1);
    wrong = missing;
  }
  if (wrong) {
    char message[256];
    snprintf(message, sizeof message, "%s.%s: %s", k->op->domain, k->op->name, wrong);
    failed(&x, OrtCreateStatus(k->api, ORT_FAIL, message));
  }
  return x.status;
}

enum {
#define PMX_KERNEL(name, domain, inputs, outputs, integers) KERNEL_##name,
#include "kernels.inc.h"
#undef PMX_KERNEL
  KERNELS
};

// set is the kernels of one instruction set as one library knows them. Sessions
// refer to it, so that it lives as long as the process.
typedef struct set {
  struct set *next;
  const OrtApi *api;
  const pmx_isa *isa;
  operator_ ops[KERNELS];
  OrtCustomOpDomain *domains[2];
} set;

static const char *const domain_names[2] = {"pmx", "com.microsoft"};

static void describe(set *s) {
  const operator_ all[KERNELS] = {
#define PMX_KERNEL(n, d, i, o, b) {.name = #n, .domain = d, .inputs = i, .outputs = o, .integers = b, .kernel = s->isa->n},
#include "kernels.inc.h"
#undef PMX_KERNEL
  };
  const OrtCustomOp callbacks = {
      .version = ORT_CUSTOM_OP_VERSION, .GetName = get_name, .GetExecutionProviderType = get_provider, .GetInputType = get_input_type,
      .GetInputTypeCount = get_inputs, .GetOutputType = get_output_type, .GetOutputTypeCount = get_outputs, .KernelDestroy = destroy,
      .GetInputCharacteristic = required, .GetOutputCharacteristic = optional_after_first, .GetInputMemoryType = default_memory,
      .GetVariadicInputMinArity = one, .GetVariadicInputHomogeneity = one, .GetVariadicOutputMinArity = one,
      .GetVariadicOutputHomogeneity = one, .CreateKernelV2 = create, .KernelComputeV2 = compute,
  };
  for (int i = 0; i < KERNELS; i++) {
    s->ops[i] = all[i];
    s->ops[i].ort = callbacks;
  }
}

static OrtStatus *make_domains(set *s) {
  for (int d = 0; d < 2; d++) {
    OrtStatus *status = OrtCreateCustomOpDomain(s->api, domain_names[d], &s->domains[d]);
    for (int i = 0; !status && i < KERNELS; i++)
      if (!strcmp(s->ops[i].domain, domain_names[d])) status = OrtCustomOpDomain_Add(s->api, s->domains[d], &s->ops[i].ort);
    if (status) return status;
  }
  return NULL;
}

static const pmx_isa *isa_at(int i, int *has) {
  int at = 0;
#if defined(__x86_64__)
  if (i == at++) return *has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), &pmx_avx512;
  if (i == at++) return *has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"), &pmx_avx2;
#endif
  if (i == at++) return *has = 1, &pmx_portable;
  return NULL;
}

const char *pmx_isa_name(int i) {
  int has = 0;
  const pmx_isa *isa = isa_at(i, &has);
  return !isa ? NULL : has ? isa->name : "";
}

const char *pmx_kernel_name(int i) {
  static const char *const names[] = {
#define PMX_KERNEL(name, domain, inputs, outputs, integers) domain "." #name,
#include "kernels.inc.h"
#undef PMX_KERNEL
      NULL};
  return names[i];
}

// find gives the set of a library and an instruction set, making it if need be.
static set *find(const OrtApi *api, const pmx_isa *isa, OrtStatus **status) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static set *all;
  pthread_mutex_lock(&lock);
  set *s = all;
  while (s && (s->api != api || s->isa != isa)) s = s->next;
  if (!s && (s = calloc(1, sizeof *s))) {
    s->api = api, s->isa = isa;
    describe(s);
    if ((*status = make_domains(s))) {
      free(s); // its domains stay: releasing them is of no use to anyone
      s = NULL;
    } else {
      s->next = all, all = s;
    }
  }
  pthread_mutex_unlock(&lock);
  return s;
}

char *pmx_register(const void *base, void *options, const char *isa_name, const char *domain) {
  const OrtApi *api = ((const OrtApiBase *)base)->GetApi(ORT_API_VERSION_KERNELS);
  if (!api) return strdup("this ONNX Runtime is older than 1.17");
  const pmx_isa *isa = NULL;
  for (int i = 0, has = 0; (isa = isa_at(i, &has)); i++)
    if (has && (!isa_name || !strcmp(isa_name, isa->name))) break;
  if (!isa) return strdup("the processor does not have this instruction set");
  OrtStatus *status = NULL;
  set *s = find(api, isa, &status);
  for (int d = 0; s && !status && d < 2; d++)
    if (!strcmp(domain, domain_names[d])) status = OrtAddCustomOpDomain(api, options, s->domains[d]);
  if (!status) return s ? NULL : strdup("no memory");
  char *message = strdup(OrtGetErrorMessage(api, status));
  OrtReleaseStatus(api, status);
  return message;
}
