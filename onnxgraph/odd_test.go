package onnxgraph_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pmx/onnxgraph"
)

// What odd nodes are made of; %d stands for one of oddNumbers.
var (
	oddNumbers    = []string{"-1", "0", "1", "2", "-9", "9223372036854775807", "-9223372036854775808"}
	oddTypes      = []string{"float", "float", "float", "float", "double", "int64", "bool", "uint8", "float16"}
	oddDims       = []string{"0", "1", "2", "3", "3", "n", "?"}
	oddAttributes = []string{
		"axis = %d", "axes = [%d]", "axes = [%d, %d]", "axes: ints = []", "perm = [%d, %d]", "keepdims = %d", "to = %d", "num_heads = %d",
		"strides = [%d, %d]", "pads = [%d, %d, %d, %d]", "dilations = [%d]", "group = %d", "kernel_shape = [%d, %d]", "transA = 1", "allowzero = 1",
		"start = %d", "end = %d", "largest = 0", `mode = "reflect"`, `auto_pad = "SAME_UPPER"`, "axis = 1.5", `axis = "one"`, "epsilon = nan",
		"value = float[1] {1}", "value = int64[2] {%d, 1}", "output_shape = [%d]", "output_padding = [%d]", "noop_with_empty_axes = 1", `reduction = "add"`,
	}
)

// TestInferenceOfOddNodes reads nodes of every registered operator with operands
// and attributes that no constructor would give it. An error is fine; a crash of
// shape inference, or of a body that is built for writing, is not.
func TestInferenceOfOddNodes(t *testing.T) {
	accepted := 0
	for _, schema := range onnxgraph.Operators() {
		t.Run(schema.ID(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				text := drawOddNode(t, schema)
				m, err := onnxgraph.ParseText(text)
				if err == nil {
					accepted++
					_, err = m.Marshal()
				}
				if err != nil && (strings.Contains(err.Error(), "shape inference failed") || strings.Contains(err.Error(), ": line ")) {
					t.Fatalf("%v\n%s", err, text)
				}
			})
		})
	}
	if accepted == 0 {
		t.Error("no node was accepted: what is drawn here is too odd to test anything")
	}
}

// drawOddNode is a graph of one node and the shape of its first output.
func drawOddNode(t *rapid.T, schema *onnxgraph.OpSchema) string {
	draw := func(from []string, what string) string {
		s := rapid.SampledFrom(from).Draw(t, what)
		for strings.Contains(s, "%d") {
			s = strings.Replace(s, "%d", rapid.SampledFrom(oddNumbers).Draw(t, "number"), 1)
		}
		return s
	}
	count := len(schema.Inputs)
	for count > 1 && strings.HasSuffix(schema.Inputs[count-1], "?") && rapid.Bool().Draw(t, "leave out") {
		count--
	}
	if strings.HasSuffix(schema.Inputs[count-1], "...") {
		count += rapid.IntRange(0, 2).Draw(t, "more")
	}
	var inputs, operands []string
	constants := []string{"float unused = {1}"}
	floats := draw(oddTypes, "common type")
	for i := range count {
		name := fmt.Sprintf("x%d", i)
		switch kind := rapid.IntRange(0, 19).Draw(t, "kind"); {
		case kind == 0:
			name = `""`
		case kind < 8:
			list := make([]string, rapid.IntRange(0, 3).Draw(t, "length"))
			for k := range list {
				list[k] = draw(oddNumbers, "element")
			}
			constants = append(constants, fmt.Sprintf("int64[%d] %s = {%s}", len(list), name, strings.Join(list, ", ")))
		default:
			typ := floats
			if kind < 10 {
				typ = draw(oddTypes, "type")
			}
			if rank := rapid.IntRange(0, 4).Draw(t, "rank"); rank > 0 {
				shape := make([]string, rank)
				for k := range shape {
					shape[k] = draw(oddDims, "dim")
				}
				typ += "[" + strings.Join(shape, ",") + "]"
			}
			inputs = append(inputs, typ+" "+name)
		}
		operands = append(operands, name)
	}
	var given []string
	names := map[string]bool{}
	for range rapid.IntRange(0, 3).Draw(t, "attributes") {
		if a := draw(oddAttributes, "attribute"); !names[strings.Fields(a)[0]] {
			given = append(given, a)
			names[strings.Fields(a)[0]] = true
		}
	}
	attributes := ""
	if len(given) > 0 {
		attributes = "<" + strings.Join(given, ", ") + "> "
	}
	outputs := "y" + strings.Repeat(", z", rapid.IntRange(0, 1).Draw(t, "outputs"))
	return fmt.Sprintf("g (%s) => (int64[] shape) <%s> { %s = %s %s(%s) shape = Shape (y) }",
		strings.Join(inputs, ", "), strings.Join(constants, ", "), outputs, schema.ID(), attributes, strings.Join(operands, ", "))
}
