// The part of ONNX Runtime's C API, version 19, that this package calls.
//
// A function is its place in OrtApi or OrtTrainingApi, see package ortapi. The places
// and the signatures are those of onnxruntime_c_api.h and onnxruntime_training_c_api.h
// of release 1.19: https://github.com/microsoft/onnxruntime/tree/v1.19.2. All objects
// are opaque, and void * here.
#ifndef PMX_ORTTRAINING_API_H
#define PMX_ORTTRAINING_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void *const *api;  // OrtApi or OrtTrainingApi
typedef void *status;      // OrtStatus; NULL is success
typedef void *handle;      // any other object of the library

// Places in OrtApi.
enum {
	CreateEnv = 3,
	CreateSession = 7,
	CreateSessionFromArray = 8,
	Run = 9,
	CreateSessionOptions = 10,
	EnableProfiling = 14,
	DisableMemPattern = 17,
	SetSessionGraphOptimizationLevel = 23,
	SetIntraOpNumThreads = 24,
	SetInterOpNumThreads = 25,
	SessionGetInputCount = 30,
	SessionGetOutputCount = 31,
	SessionGetInputName = 36,
	SessionGetOutputName = 37,
	CreateTensorWithDataAsOrtValue = 49,
	IsTensor = 50,
	GetTensorMutableData = 51,
	GetTensorElementType = 60,
	GetDimensionsCount = 61,
	GetDimensions = 62,
	GetTensorTypeAndShape = 65,
	CreateCpuMemoryInfo = 69,
	AllocatorFree = 76,
	GetAllocatorWithDefaultOptions = 78,
	ReleaseSession = 95,
	ReleaseValue = 96,
	ReleaseTensorTypeAndShapeInfo = 99,
	ReleaseSessionOptions = 100,
	AddSessionConfigEntry = 130,
	SessionOptionsAppendExecutionProvider_CUDA_V2 = 204,
	CreateCUDAProviderOptions = 205,
	UpdateCUDAProviderOptions = 206,
	ReleaseCUDAProviderOptions = 208,
};

// Places in OrtTrainingApi.
enum {
	LoadCheckpoint = 0,
	SaveCheckpoint = 1,
	CreateTrainingSession = 2,
	CreateTrainingSessionFromBuffer = 3,
	TrainingSessionGetTrainingModelOutputCount = 4,
	TrainingSessionGetEvalModelOutputCount = 5,
	TrainingSessionGetTrainingModelOutputName = 6,
	TrainingSessionGetEvalModelOutputName = 7,
	LazyResetGrad = 8,
	TrainStep = 9,
	EvalStep = 10,
	SetLearningRate = 11,
	GetLearningRate = 12,
	OptimizerStep = 13,
	ReleaseTrainingSession = 19,
	ReleaseCheckpointState = 20,
	ExportModelForInferencing = 21,
	TrainingSessionGetTrainingModelInputCount = 23,
	TrainingSessionGetEvalModelInputCount = 24,
	TrainingSessionGetTrainingModelInputName = 25,
	TrainingSessionGetEvalModelInputName = 26,
	AddProperty = 27,
	GetProperty = 28,
	LoadCheckpointFromBuffer = 29,
	UpdateParameter = 31,
	GetParameter = 32,
};

// OrtPropertyType.
enum { INT_PROPERTY = 0, FLOAT_PROPERTY = 1, STRING_PROPERTY = 2 };

// CALL(table, place, (types), arguments...) calls a function that gives a status.
#define CALL(table, place, types, ...) (((status (*) types)(table)[place])(__VA_ARGS__))

// The library.

// Only what no caller can be told of otherwise is logged: every error is returned.
enum { LOG_FATAL = 4 };
static inline status pmx_create_env(api a, handle *env) {
	return CALL(a, CreateEnv, (int, const char *, handle *), LOG_FATAL, "pmx", env);
}
enum { DEVICE_ALLOCATOR = 0, MEMORY_DEFAULT = 0 };
static inline status pmx_cpu_memory(api a, handle *info) {
	return CALL(a, CreateCpuMemoryInfo, (int, int, handle *), DEVICE_ALLOCATOR, MEMORY_DEFAULT, info);
}
static inline status pmx_allocator(api a, handle *allocator) {
	return CALL(a, GetAllocatorWithDefaultOptions, (handle *), allocator);
}
static inline status pmx_free(api a, handle allocator, void *p) {
	return CALL(a, AllocatorFree, (handle, void *), allocator, p);
}

// Session options.

static inline status pmx_create_options(api a, handle *o) { return CALL(a, CreateSessionOptions, (handle *), o); }
// pmx_set_option calls one of the functions that set a whole number.
static inline status pmx_set_option(api a, int place, handle o, int v) {
	return CALL(a, place, (handle, int), o, v);
}
static inline status pmx_disable_mem_pattern(api a, handle o) { return CALL(a, DisableMemPattern, (handle), o); }
static inline status pmx_enable_profiling(api a, handle o, const char *prefix) {
	return CALL(a, EnableProfiling, (handle, const char *), o, prefix);
}
static inline status pmx_config(api a, handle o, const char *key, const char *value) {
	return CALL(a, AddSessionConfigEntry, (handle, const char *, const char *), o, key, value);
}
static inline status pmx_create_cuda(api a, handle *cuda) { return CALL(a, CreateCUDAProviderOptions, (handle *), cuda); }
static inline status pmx_update_cuda(api a, handle cuda, const char *key, const char *value) {
	return CALL(a, UpdateCUDAProviderOptions, (handle, const char *const *, const char *const *, size_t), cuda, &key, &value, 1);
}
static inline status pmx_append_cuda(api a, handle o, handle cuda) {
	return CALL(a, SessionOptionsAppendExecutionProvider_CUDA_V2, (handle, handle), o, cuda);
}

// Values.

static inline status pmx_create_value(api a, handle memory, void *data, size_t bytes, const int64_t *shape, size_t rank, int dtype, handle *value) {
	return CALL(a, CreateTensorWithDataAsOrtValue, (handle, void *, size_t, const int64_t *, size_t, int, handle *),
		memory, data, bytes, shape, rank, dtype, value);
}
static inline status pmx_is_tensor(api a, handle value, int *is) { return CALL(a, IsTensor, (handle, int *), value, is); }
static inline status pmx_type_and_shape(api a, handle value, handle *info) {
	return CALL(a, GetTensorTypeAndShape, (handle, handle *), value, info);
}
static inline status pmx_element_type(api a, handle info, int *dtype) { return CALL(a, GetTensorElementType, (handle, int *), info, dtype); }
static inline status pmx_rank(api a, handle info, size_t *rank) { return CALL(a, GetDimensionsCount, (handle, size_t *), info, rank); }
static inline status pmx_dims(api a, handle info, int64_t *dims, size_t rank) {
	return CALL(a, GetDimensions, (handle, int64_t *, size_t), info, dims, rank);
}
static inline status pmx_data(api a, handle value, void **data) { return CALL(a, GetTensorMutableData, (handle, void **), value, data); }

// Sessions.

static inline status pmx_create_session(api a, handle env, const char *path, handle options, handle *session) {
	return CALL(a, CreateSession, (handle, const char *, handle, handle *), env, path, options, session);
}
static inline status pmx_create_session_bytes(api a, handle env, const void *model, size_t bytes, handle options, handle *session) {
	return CALL(a, CreateSessionFromArray, (handle, const void *, size_t, handle, handle *), env, model, bytes, options, session);
}
// pmx_count and pmx_name call functions on the names of inputs and outputs, of
// either table.
static inline status pmx_count(api a, int place, handle session, size_t *n) {
	return CALL(a, place, (handle, size_t *), session, n);
}
static inline status pmx_name(api a, int place, handle session, size_t i, handle allocator, char **name) {
	return CALL(a, place, (handle, size_t, handle, char **), session, i, allocator, name);
}
static inline status pmx_run(api a, handle session, const char *const *names, const handle *inputs, size_t n,
	const char *const *output_names, size_t outputs_n, handle *outputs) {
	return CALL(a, Run, (handle, handle, const char *const *, const handle *, size_t, const char *const *, size_t, handle *),
		session, NULL, names, inputs, n, output_names, outputs_n, outputs);
}

// Training. t is the OrtTrainingApi.

static inline status pmx_load_checkpoint(api t, const char *path, handle *state) {
	return CALL(t, LoadCheckpoint, (const char *, handle *), path, state);
}
static inline status pmx_load_checkpoint_bytes(api t, const void *data, size_t bytes, handle *state) {
	return CALL(t, LoadCheckpointFromBuffer, (const void *, size_t, handle *), data, bytes, state);
}
static inline status pmx_save_checkpoint(api t, handle state, const char *path, bool optimizer) {
	return CALL(t, SaveCheckpoint, (handle, const char *, bool), state, path, optimizer);
}
static inline status pmx_get_parameter(api t, handle state, const char *name, handle allocator, handle *value) {
	return CALL(t, GetParameter, (handle, const char *, handle, handle *), state, name, allocator, value);
}
static inline status pmx_update_parameter(api t, handle state, const char *name, handle value) {
	return CALL(t, UpdateParameter, (handle, const char *, handle), state, name, value);
}
static inline status pmx_add_property(api t, handle state, const char *name, int type, const void *value) {
	return CALL(t, AddProperty, (handle, const char *, int, const void *), state, name, type, value);
}
static inline status pmx_get_property(api t, handle state, const char *name, handle allocator, int *type, void **value) {
	return CALL(t, GetProperty, (handle, const char *, handle, int *, void **), state, name, allocator, type, value);
}
static inline status pmx_create_training(api t, handle env, handle options, handle state,
	const char *train, const char *eval, const char *optimizer, handle *session) {
	return CALL(t, CreateTrainingSession, (handle, handle, handle, const char *, const char *, const char *, handle *),
		env, options, state, train, eval, optimizer, session);
}
static inline status pmx_create_training_bytes(api t, handle env, handle options, handle state, const void *train, size_t train_bytes,
	const void *eval, size_t eval_bytes, const void *optimizer, size_t optimizer_bytes, handle *session) {
	return CALL(t, CreateTrainingSessionFromBuffer,
		(handle, handle, handle, const void *, size_t, const void *, size_t, const void *, size_t, handle *),
		env, options, state, train, train_bytes, eval, eval_bytes, optimizer, optimizer_bytes, session);
}
// pmx_step calls TrainStep or EvalStep.
static inline status pmx_step(api t, int place, handle session, size_t n, const handle *inputs, size_t outputs_n, handle *outputs) {
	return CALL(t, place, (handle, handle, size_t, const handle *, size_t, handle *), session, NULL, n, inputs, outputs_n, outputs);
}
static inline status pmx_optimizer_step(api t, handle session) { return CALL(t, OptimizerStep, (handle, handle), session, NULL); }
static inline status pmx_reset_gradients(api t, handle session) { return CALL(t, LazyResetGrad, (handle), session); }
static inline status pmx_set_learning_rate(api t, handle session, float rate) { return CALL(t, SetLearningRate, (handle, float), session, rate); }
static inline status pmx_get_learning_rate(api t, handle session, float *rate) { return CALL(t, GetLearningRate, (handle, float *), session, rate); }
static inline status pmx_export(api t, handle session, const char *path, size_t n, const char *const *outputs) {
	return CALL(t, ExportModelForInferencing, (handle, const char *, size_t, const char *const *), session, path, n, outputs);
}

#endif
