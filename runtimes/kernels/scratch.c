#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel.h"

// A block's header takes one cache line, so that what follows is aligned.
typedef struct block {
  struct block *next;
  int64_t size; // floats
} block;

enum { LINE = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *unused; // smallest first

float *pmx_take(int64_t n) {
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
    size_t bytes = (LINE + (size_t)n * sizeof(float) + LINE - 1) / LINE * LINE;
    if (!(b = aligned_alloc(LINE, bytes))) {
      fprintf(stderr, "pmx: kernels: no memory for %zu bytes of scratch\n", bytes);
      abort();
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
