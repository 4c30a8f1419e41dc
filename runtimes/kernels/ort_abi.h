// The part of ONNX Runtime's C interface that custom operators use. OrtApi is a
// table of functions that only ever grows at its end, so that an entry is known by
// its place in it; the places are those of onnxruntime_c_api.h.
// https://onnxruntime.ai/docs/api/c/struct_ort_api.html
#ifndef PMX_ORT_ABI_H
#define PMX_ORT_ABI_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtStatus OrtStatus;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeAndShape OrtTypeAndShape;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtCustomOpDomain OrtCustomOpDomain;
typedef struct OrtKernelInfo OrtKernelInfo;
typedef struct OrtKernelContext OrtKernelContext;

typedef void *const OrtApi; // the first entry of the table

typedef struct OrtApiBase {
  const OrtApi *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

enum {
  ORT_API_VERSION_KERNELS = 17, // the first with KernelContext_ParallelFor
  ORT_CUSTOM_OP_VERSION = 16,   // the last whose OrtCustomOp ends with KernelComputeV2
  ORT_FAIL = 1,
  ORT_TENSOR_FLOAT = 1,
  ORT_TENSOR_INT64 = 7,
};

// ORT calls entry `place` of the table as a function of this result and these arguments.
#define ORT(api, place, result, ...) ((result(*)(__VA_ARGS__))(api)[place])

#define OrtCreateStatus(api, code, message) ORT(api, 0, OrtStatus *, int, const char *)(code, message)
#define OrtGetErrorMessage(api, status) ORT(api, 2, const char *, const OrtStatus *)(status)
#define OrtCreateCustomOpDomain(api, name, out) ORT(api, 26, OrtStatus *, const char *, OrtCustomOpDomain **)(name, out)
#define OrtCustomOpDomain_Add(api, domain, op) ORT(api, 27, OrtStatus *, OrtCustomOpDomain *, const OrtCustomOp *)(domain, op)
#define OrtAddCustomOpDomain(api, options, domain) ORT(api, 28, OrtStatus *, OrtSessionOptions *, OrtCustomOpDomain *)(options, domain)
#define OrtGetTensorMutableData(api, value, out) ORT(api, 51, OrtStatus *, OrtValue *, void **)(value, out)
#define OrtGetDimensionsCount(api, info, out) ORT(api, 61, OrtStatus *, const OrtTypeAndShape *, size_t *)(info, out)
#define OrtGetDimensions(api, info, out, n) ORT(api, 62, OrtStatus *, const OrtTypeAndShape *, int64_t *, size_t)(info, out, n)
#define OrtGetTensorTypeAndShape(api, value, out) ORT(api, 65, OrtStatus *, const OrtValue *, OrtTypeAndShape **)(value, out)
#define OrtKernelInfoGetAttribute_float(api, info, name, out) ORT(api, 85, OrtStatus *, const OrtKernelInfo *, const char *, float *)(info, name, out)
#define OrtKernelInfoGetAttribute_int64(api, info, name, out) ORT(api, 86, OrtStatus *, const OrtKernelInfo *, const char *, int64_t *)(info, name, out)
#define OrtKernelContext_GetInput(api, context, i, out) ORT(api, 90, OrtStatus *, const OrtKernelContext *, size_t, const OrtValue **)(context, i, out)
#define OrtKernelContext_GetOutput(api, context, i, dims, n, out) ORT(api, 91, OrtStatus *, OrtKernelContext *, size_t, const int64_t *, size_t, OrtValue **)(context, i, dims, n, out)
#define OrtReleaseStatus(api, status) ORT(api, 93, void, OrtStatus *)(status)
#define OrtReleaseTensorTypeAndShapeInfo(api, info) ORT(api, 99, void, OrtTypeAndShape *)(info)
#define OrtKernelContext_ParallelFor(api, context, f, total, batches, user) \
  ORT(api, 274, OrtStatus *, const OrtKernelContext *, void (*)(void *, size_t), size_t, size_t, void *)(context, f, total, batches, user)

// OrtCustomOp describes an operator to ONNX Runtime. Fields that later versions
// append are not read below their version.
typedef struct OrtCustomOp OrtCustomOp;
struct OrtCustomOp {
  uint32_t version;
  void *(*CreateKernel)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *);
  const char *(*GetName)(const OrtCustomOp *);
  const char *(*GetExecutionProviderType)(const OrtCustomOp *);
  int (*GetInputType)(const OrtCustomOp *, size_t);
  size_t (*GetInputTypeCount)(const OrtCustomOp *);
  int (*GetOutputType)(const OrtCustomOp *, size_t);
  size_t (*GetOutputTypeCount)(const OrtCustomOp *);
  void (*KernelCompute)(void *, OrtKernelContext *);
  void (*KernelDestroy)(void *);
  int (*GetInputCharacteristic)(const OrtCustomOp *, size_t);
  int (*GetOutputCharacteristic)(const OrtCustomOp *, size_t);
  int (*GetInputMemoryType)(const OrtCustomOp *, size_t);
  int (*GetVariadicInputMinArity)(const OrtCustomOp *);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp *);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp *);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp *);
  OrtStatus *(*CreateKernelV2)(const OrtCustomOp *, const OrtApi *, const OrtKernelInfo *, void **);
  OrtStatus *(*KernelComputeV2)(void *, OrtKernelContext *);
};

#endif
