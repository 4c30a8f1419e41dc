package onnxgraph

import (
	"fmt"
	"runtime"
	"strings"
)

// Error is a fault in a model: the operator, what it was given, why that does
// not fit, and the line of the builder that asked for it.
type Error struct {
	Op       string   // operator, or "" for a fault of the graph itself
	Operands []string // each operand's type, shape and name
	Reason   string
	Site     string // file:line of the caller outside onnxgraph, op and autodiff
}

// Error prints "onnxgraph: Mul(float[2 3] q, float[2 4] k): reason at vit.go:21".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("onnxgraph: ")
	if e.Op != "" {
		fmt.Fprintf(&b, "%s(%s): ", e.Op, strings.Join(e.Operands, ", "))
	}
	b.WriteString(e.Reason)
	if e.Site != "" {
		b.WriteString(" at " + e.Site)
	}
	return b.String()
}

// Fail panics with an *Error for the operator. Constructors call it where the
// fault shows before a node exists.
func Fail(op string, operands []*Value, format string, args ...any) {
	panic(newError(op, operands, fmt.Sprintf(format, args...)))
}

func newError(op string, operands []*Value, reason string) *Error {
	e := &Error{Op: op, Reason: reason, Site: callSite()}
	for _, v := range operands {
		e.Operands = append(e.Operands, v.describe())
	}
	return e
}

// callSite is the file:line of the innermost caller that is neither this
// package, nor an operator's constructor, nor autodiff.
func callSite() string {
	var pcs [48]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !more {
			return ""
		}
		inside := strings.HasPrefix(f.Function, "pmx/onnxgraph.") || strings.HasPrefix(f.Function, "pmx/onnxgraph/op.") ||
			strings.HasPrefix(f.Function, "pmx/onnxgraph/autodiff.") || strings.HasPrefix(f.Function, "runtime.")
		if inside && !strings.HasSuffix(f.File, "_test.go") {
			continue
		}
		return fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
	}
}
