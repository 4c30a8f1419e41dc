#!/bin/sh
# The plugin that protoc calls, at the version that go.mod pins.
exec go run google.golang.org/protobuf/cmd/protoc-gen-go "$@"
