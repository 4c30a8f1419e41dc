// The part of ONNX Runtime's C API that this package calls: entries of OrtApi by their
// places in it, see package ortapi. All objects are opaque, and void * here.
#ifndef PMX_DEVICE_API_H
#define PMX_DEVICE_API_H

#include <stddef.h>
#include <stdint.h>

typedef void *const *api; // OrtApi
typedef void *status;     // OrtStatus; NULL is success
typedef void *handle;     // any other object

// Places in OrtApi.
enum {
	Run = 9,
	CreateTensorAsOrtValue = 48,
	CreateTensorWithDataAsOrtValue = 49,
	GetTensorMutableData = 51,
	CreateMemoryInfo = 68,
	ReleaseMemoryInfo = 94,
	ReleaseValue = 96,
	CreateAllocator = 131,
	ReleaseAllocator = 132,
};

enum { DEVICE_ALLOCATOR = 0, MEMORY_DEFAULT = 0, TENSOR_UINT8 = 2 };

// CALL(a, place, (types), arguments...) calls a function that gives a status.
#define CALL(a, place, types, ...) (((status (*) types)(a)[place])(__VA_ARGS__))

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
	void (*release)(handle) = (void (*)(handle))a[ReleaseValue];
	if (out) release(out);
	if (in) release(in);
	return s;
}

#endif
