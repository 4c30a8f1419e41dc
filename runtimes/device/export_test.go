package device

import "unsafe"

// Data is where a tensor lies.
func Data(x *Tensor) unsafe.Pointer { return x.data }
