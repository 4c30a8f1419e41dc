package cli

import (
	"strings"
	"testing"

	"pmx/runtimes/runtimelib"
)

// TestPrintInstalled: whoever installs is told that a converted library is not a
// file of its makers.
func TestPrintInstalled(t *testing.T) {
	lib := runtimelib.Library{
		Kind: runtimelib.ORTTrainingCUDA, Version: "1.19.2", Source: "pip onnxruntime-training==1.19.2", Licence: "MIT", Path: "/x/lib.so",
		Providers: []string{"CUDAExecutionProvider", "CPUExecutionProvider"}, Converted: "lib.so is not a file of its makers",
	}
	var b strings.Builder
	printInstalled(&b, lib)
	want := `ONNX Runtime Training for CUDA 1.19.2 (pip onnxruntime-training==1.19.2, licence MIT) is at /x/lib.so
Its execution providers: CUDA, CPU.
The file lib.so is not a file of its makers.
It needs an NVIDIA driver, CUDA 11.8 (cudart, cublas, cufft, curand) and cuDNN 8 on the machine that uses it.
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	printInstalled(&b, runtimelib.Library{Kind: runtimelib.ORT, Providers: []string{"CPUExecutionProvider"}})
	if strings.Contains(b.String(), "makers") || strings.Contains(b.String(), "needs") {
		t.Errorf("got %s", b.String())
	}
	b.Reset()
	printInstalled(&b, runtimelib.Library{Kind: runtimelib.ORT, Version: "1.27.0", Source: "npm", Licence: "MIT", Path: "/x/lib.so"})
	if want := "ONNX Runtime 1.27.0 (npm, licence MIT) is at /x/lib.so\n"; b.String() != want {
		t.Errorf("for another machine: got %s, want %s", b.String(), want)
	}
}
