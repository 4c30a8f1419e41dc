package runtimes

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Part is the part of a training step that a node belongs to, told by its name.
type Part string

// The parts. What ONNX Runtime itself inserts without a scope, such as layout
// transposes, is PartOther, as is the time between nodes.
const (
	PartForward   Part = "forward"
	PartBackward  Part = "backward"
	PartOptimizer Part = "optimizer" // AdamW, the gradient's norm, the momentum encoder's update
	PartOther     Part = "other"
)

// Profile sums up a trace of training steps. Times are means over Steps.
type Profile struct {
	Steps int
	// Step is the time of a whole step, the runtime's own work between nodes and
	// the tracing, which is part of that, included.
	Step time.Duration
	// Between is the part of Step in which no node ran.
	Between time.Duration
	// Products is the time in nodes that are matrix products, see IsProduct.
	Products  time.Duration
	Parts     map[Part]time.Duration // of nodes; they and Between make Step
	Operators []OperatorTime         // the longest first
}

// OperatorTime is what the nodes of one operator take in a step.
type OperatorTime struct {
	Name    string
	Nodes   float64 // that ran in a step
	Time    time.Duration
	Product bool
}

// ProductShare is the share of matrix products in the step, 0 to 1.
func (p *Profile) ProductShare() float64 { return p.Share(p.Products) }

// Share is the share of a time in the step.
func (p *Profile) Share(t time.Duration) float64 { return float64(t) / float64(max(p.Step, 1)) }

// IsProduct reports whether an operator's work is matrix products: Gemm, MatMul,
// convolution, what ONNX Runtime fuses with one of them, and ours for linear layers
// and attention with their gradients. What such a kernel does on the way (bias,
// activation, softmax) counts as part of it, as it has no time of its own.
func IsProduct(operator string) bool {
	for _, name := range []string{"Gemm", "MatMul", "Conv"} {
		if strings.Contains(operator, name) {
			return true
		}
	}
	for _, prefix := range []string{"Linear", "Attention", "ClassAttention"} {
		if strings.HasPrefix(operator, prefix) {
			return true
		}
	}
	return false
}

// PartOf tells the part of a step from a node's name in a trace. Nodes carry the
// scope that they were built in: "optimizer/...", "ema/...", and the gradient of node
// x is under "x_grad". Where a function's body runs instead of a kernel, ONNX Runtime
// names its nodes "_inlfunc_<function>_[token_<n>_]<node>", without the scope.
func PartOf(node string) Part {
	if inlined, ok := strings.CutPrefix(node, "_inlfunc_"); ok {
		function, _, _ := strings.Cut(inlined, "_")
		switch {
		case function == "AdamW" || function == "EMA":
			return PartOptimizer
		case strings.Contains(function, "Grad"):
			return PartBackward
		}
		return PartForward
	}
	scope := strings.Split(node, "/")
	switch {
	case scope[0] == "optimizer" || scope[0] == "ema":
		return PartOptimizer
	case slices.ContainsFunc(scope, func(s string) bool { return strings.HasSuffix(s, "_grad") }):
		return PartBackward
	case strings.Contains(node, "_token_"): // made again by ONNX Runtime
		return PartOther
	}
	return PartForward
}

// traceEvent is one event of ONNX Runtime's trace, a file in the Chrome trace format: a
// JSON array. A node's time is an event of category Node whose name ends in
// _kernel_time; a step is one called model_run, which comes after its nodes.
// Times are microseconds.
type traceEvent struct {
	Category string `json:"cat"`
	Name     string `json:"name"`
	Duration int64  `json:"dur"`
	Args     struct {
		Operator string `json:"op_name"`
	} `json:"args"`
}

// ReadProfile sums up the trace that a session with Options.ProfilePrefix has written,
// without its first skip steps. A trace that is cut off, is no trace of ONNX Runtime
// or has no other steps is an error.
func ReadProfile(r io.Reader, skip int) (*Profile, error) {
	bad := func(err error) error {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("runtimes: the trace is cut off: ONNX Runtime completes it when the session closes; trace again")
		}
		return fmt.Errorf("runtimes: not a trace of ONNX Runtime: %w", err)
	}
	d := json.NewDecoder(r)
	if begin, err := d.Token(); err != nil {
		return nil, bad(err)
	} else if begin != json.Delim('[') {
		return nil, bad(fmt.Errorf("begins with %v, want [", begin))
	}
	p := &Profile{Parts: map[Part]time.Duration{}}
	operators := map[string]*OperatorTime{}
	var step []traceEvent // nodes since the last model_run
	runs := 0
	for d.More() {
		var e traceEvent
		if err := d.Decode(&e); err != nil {
			return nil, bad(err)
		}
		name, isKernel := strings.CutSuffix(e.Name, "_kernel_time")
		switch {
		case e.Duration < 0:
			return nil, bad(fmt.Errorf("event %s lasts %d µs", e.Name, e.Duration))
		case e.Category == "Node" && isKernel:
			if e.Args.Operator == "" {
				return nil, bad(fmt.Errorf("node %s has no op_name", name))
			}
			e.Name = name
			step = append(step, e)
		case e.Category == "Session" && e.Name == "model_run":
			if runs++; runs > skip {
				p.add(e.Duration, step, operators)
			}
			step = step[:0]
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, bad(err)
	}
	switch _, err := d.Token(); {
	case err == nil:
		return nil, bad(errors.New("more than one JSON value"))
	case !errors.Is(err, io.EOF):
		return nil, bad(err)
	case len(step) > 0:
		return nil, fmt.Errorf("runtimes: the trace ends with %d nodes of a step that did not end", len(step))
	case runs == 0:
		return nil, errors.New("runtimes: the trace has no steps")
	case p.Steps == 0:
		return nil, fmt.Errorf("runtimes: the trace has %d steps, of which the first %d are left out: trace more", runs, skip)
	case len(operators) == 0:
		return nil, errors.New("runtimes: the trace has steps, but no nodes")
	}
	p.divide(operators)
	return p, nil
}

// add adds a step that took so many microseconds.
func (p *Profile) add(step int64, nodes []traceEvent, operators map[string]*OperatorTime) {
	p.Steps++
	p.Step += time.Duration(step) * time.Microsecond
	for _, e := range nodes {
		t := time.Duration(e.Duration) * time.Microsecond
		o := operators[e.Args.Operator]
		if o == nil {
			o = &OperatorTime{Name: e.Args.Operator, Product: IsProduct(e.Args.Operator)}
			operators[o.Name] = o
		}
		o.Nodes++
		o.Time += t
		p.Parts[PartOf(e.Name)] += t
	}
}

// divide makes the sums means.
func (p *Profile) divide(operators map[string]*OperatorTime) {
	n := time.Duration(p.Steps)
	p.Step /= n
	p.Between = p.Step
	for part := range p.Parts {
		p.Parts[part] /= n
		p.Between -= p.Parts[part]
	}
	for _, o := range operators {
		o.Nodes /= float64(p.Steps)
		o.Time /= n
		if o.Product {
			p.Products += o.Time
		}
		p.Operators = append(p.Operators, *o)
	}
	slices.SortFunc(p.Operators, func(a, b OperatorTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), strings.Compare(a.Name, b.Name))
	})
}

// ErrNoTrace is the error of FindTrace where there is none.
var ErrNoTrace = errors.New("runtimes: the runtime wrote no trace")

// FindTrace is the path of the trace that a session wrote for a ProfilePrefix: ONNX
// Runtime appends "_", the time and ".json". There must be one.
func FindTrace(prefix string) (string, error) {
	dir := filepath.Dir(prefix)
	entries, err := filepath.Glob(filepath.Join(escapeGlob(dir), escapeGlob(filepath.Base(prefix))+"_[0-9]*.json"))
	switch {
	case err != nil:
		return "", fmt.Errorf("runtimes: trace %s: %w", prefix, err)
	case len(entries) == 0:
		return "", fmt.Errorf("%w: there is no %s_*.json", ErrNoTrace, prefix)
	case len(entries) > 1:
		return "", fmt.Errorf("runtimes: %d files begin with %s_: which trace is meant? give another prefix", len(entries), prefix)
	}
	return entries[0], nil
}

// escapeGlob makes a path a pattern that matches it alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
