// Package onnxpb holds the protobuf messages of ONNX files, generated from
// pmx_onnx.proto. To regenerate after a change of that file, with protoc 3.21
// (Debian's protobuf-compiler) on the path:
//
//	go generate ./internal/onnxpb
//
// The Go plugin is built from the google.golang.org/protobuf of go.mod.
package onnxpb

//go:generate protoc --plugin=protoc-gen-go=./protoc-gen-go.sh --proto_path=../.. --go_out=../.. --go_opt=module=pmx internal/onnxpb/pmx_onnx.proto
