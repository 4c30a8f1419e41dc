#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel.h"

// A block's header takes one cache line, so that what follows is aligned.
typedef struct block {
  struct block *next;
  int64_t size; // floats
} block;

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *unused; // smallest first

// allocate gives memory of at least so many bytes, NULL if there is none. Where it is
// large, it asks for huge pages: packed matrices are read across many pages in turn.
static void *allocate(size_t bytes) {
  size_t unit = bytes < HUGE_PAGE ? LINE : HUGE_PAGE;
  bytes = (bytes + unit - 1) / unit * unit;
  void *p = aligned_alloc(unit, bytes);
#ifdef MADV_HUGEPAGE
  if (p && unit == HUGE_PAGE) madvise(p, bytes, MADV_HUGEPAGE); // pages of the usual size will do
#endif
  return p;
}

float *pmx_take(pmx_call *call, int64_t n) {
  pthread_mutex_lock(&lock);
  block **at = &unused;
  while (*at && (*at)->size < n) at = &(*at)->next;
  block *b = *at;
  if (b) *at = b->next;
  pthread_mutex_unlock(&lock);
  if (b && b->size > 4 * n + 4096) { // leave large blocks to those who need them
    pmx_give((float *)((char *)b + LINE));
    b = NULL;
  }
  if (!b) {
    size_t bytes = LINE + (size_t)n * sizeof(float);
    if (!(b = allocate(bytes))) {
      __atomic_store_n(&call->missing, (int64_t)bytes, __ATOMIC_RELAXED);
      return NULL;
    }
    b->size = n;
  }
  return (float *)((char *)b + LINE);
}

void pmx_give(float *p) {
  block *b = (block *)((char *)p - LINE);
  pthread_mutex_lock(&lock);
  block **at = &unused;
  while (*at && (*at)->size < b->size) at = &(*at)->next;
  b->next = *at, *at = b;
  pthread_mutex_unlock(&lock);
}
