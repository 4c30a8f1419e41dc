package require

import (
	"cmp"
	"os"
)

// Device is where tests of stock ONNX Runtime run their models: what PMX_TEST_DEVICE
// says, "cpu" or "cuda", and the CPU if it is not set.
func Device() string { return cmp.Or(os.Getenv("PMX_TEST_DEVICE"), "cpu") }
