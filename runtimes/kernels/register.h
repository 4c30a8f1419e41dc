#ifndef PMX_REGISTER_H
#define PMX_REGISTER_H

#include <stddef.h>

// pmx_register adds the kernels of a domain, for an instruction set (NULL: the
// widest that the processor has), to session options. base is the library's
// OrtApiBase. The result is NULL, or a message that the caller frees.
char *pmx_register(const void *base, void *options, const char *isa, const char *domain);

// pmx_isa_name gives the name of instruction set i if the processor has it, widest
// first; "" if it has not; NULL past the last.
const char *pmx_isa_name(int i);

// pmx_kernel_name gives the domain and name of kernel i, as domain.name; NULL past
// the last.
const char *pmx_kernel_name(int i);

#endif
