// A stand-in for ONNX Runtime's extension module: the same few features that
// the converter looks for, and enough of the C API to be loaded and asked.
#include <stddef.h>
#include <stdint.h>

// What Python would provide.
extern int PyModule_Stub(void *);
extern volatile int _Py_Stub;

typedef struct {
	void **(*get_api)(uint32_t);
	const char *(*get_version)(void);
} api_base;

static char *names[] = {"CPUExecutionProvider"};
static void *available(char ***out, int *n) {
	*out = names;
	*n = 1;
	return NULL;
}
static void *release(char **p, int n) { return NULL; }
static void *training(uint32_t version) { return NULL; }
static void *table[300] = {[125] = available, [126] = release, [219] = training};
static void **get_api(uint32_t version) { return version == 19 ? table : NULL; }
static const char *get_version(void) { return VERSION; }

static const api_base base = {get_api, get_version};

#ifdef TWO_BASES
static const char *get_version_2(void) { return "1.18.1"; }
static const api_base base_2 = {get_api, get_version_2};
#else
#define base_2 base
#endif

#ifdef TWO_EXPORTS
__attribute__((visibility("default"))) int extra(void) { return 7; }
#endif

// Several instructions long, and referring to all of the above.
__attribute__((visibility("default"))) const void *ENTRY(int which) {
	PyModule_Stub(&which);
	return which + _Py_Stub ? (const void *)&base : (const void *)&base_2;
}
