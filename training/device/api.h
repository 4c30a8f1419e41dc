// The part of ONNX Runtime's C API that this package calls: entries of OrtApi, a
// table of functions that only ever grows at its end, by their places in it. The
// places are those of onnxruntime_c_api.h, which a test reads. All objects are
// opaque, and void * here.
#ifndef PMX_DEVICE_API_H
#define PMX_DEVICE_API_H

#include <stddef.h>
#include <stdint.h>

enum { PMX_API_VERSION = 19 }; // of the oldest library that is driven

typedef struct {
	void *const *(*get_api)(uint32_t version);
	const char *(*get_version_string)(void);
} pmx_base;

typedef void *const *api; // OrtApi
typedef void *status;     // OrtStatus; NULL is success
typedef void *handle;     // any other object

enum {
	GetErrorMessage = 2,
	Run = 9,
	CreateTensorAsOrtValue = 48,
	CreateTensorWithDataAsOrtValue = 49,
	GetTensorMutableData = 51,
	CreateMemoryInfo = 68,
	ReleaseStatus = 93,
	ReleaseMemoryInfo = 94,
	ReleaseValue = 96,
	CreateAllocator = 131,
	ReleaseAllocator = 132,
};

enum { DEVICE_ALLOCATOR = 0, MEMORY_DEFAULT = 0, TENSOR_UINT8 = 2 };

// CALL(a, place, (types), arguments...) calls a function that gives a status.
#define CALL(a, place, types, ...) (((status (*) types)(a)[place])(__VA_ARGS__))

static inline api pmx_get_api(const pmx_base *base) { return base->get_api(PMX_API_VERSION); }
static inline const char *pmx_error_message(api a, status s) { return ((const char *(*)(status))a[GetErrorMessage])(s); }
// pmx_release calls one of the Release functions.
static inline void pmx_release(api a, int place, handle h) { ((void (*)(handle))a[place])(h); }

static inline status pmx_memory_info(api a, const char *name, handle *info) {
	return CALL(a, CreateMemoryInfo, (const char *, int, int, int, handle *), name, DEVICE_ALLOCATOR, 0, MEMORY_DEFAULT, info);
}
static inline status pmx_allocator(api a, handle session, handle info, handle *allocator) {
	return CALL(a, CreateAllocator, (handle, handle, handle *), session, info, allocator);
}
static inline status pmx_allocate(api a, handle allocator, const int64_t *shape, size_t rank, int dtype, handle *value) {
	return CALL(a, CreateTensorAsOrtValue, (handle, const int64_t *, size_t, int, handle *), allocator, shape, rank, dtype, value);
}
static inline status pmx_data(api a, handle value, void **data) { return CALL(a, GetTensorMutableData, (handle, void **), value, data); }

static inline status pmx_bytes(api a, handle info, void *data, int64_t n, handle *value) {
	return CALL(a, CreateTensorWithDataAsOrtValue, (handle, void *, size_t, const int64_t *, size_t, int, handle *),
		info, data, n, &n, 1, TENSOR_UINT8, value);
}

// pmx_copy runs a session of the copying model on n bytes, each side of which lies
// in the memory that its info says.
static inline status pmx_copy(api a, handle session, handle from_info, void *from, handle to_info, void *to, int64_t n) {
	static const char *const input = "from", *const output = "to";
	handle in = NULL, out = NULL;
	status s = pmx_bytes(a, from_info, from, n, &in);
	if (!s) s = pmx_bytes(a, to_info, to, n, &out);
	if (!s)
		s = CALL(a, Run, (handle, handle, const char *const *, const handle *, size_t, const char *const *, size_t, handle *),
			session, NULL, &input, &in, 1, &output, 1, &out);
	if (out) pmx_release(a, ReleaseValue, out);
	if (in) pmx_release(a, ReleaseValue, in);
	return s;
}

#endif
