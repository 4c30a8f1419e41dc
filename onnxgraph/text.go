package onnxgraph

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// String prints the graph in ONNX text syntax
// (https://onnx.ai/onnx/repo-docs/Syntax.html), the form of golden files.
// Constants of more than 16 elements show their type and a digest.
func (g *Graph) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) => (%s)\n", g.Name, typedList(g.inputs), typedList(g.outputs))
	if len(g.constants) > 0 {
		b.WriteString("<\n")
		for _, v := range g.constants {
			fmt.Fprintf(&b, "   %s %s = %s\n", v.Type, v.Name, tensorText(v.constant))
		}
		b.WriteString(">\n")
	}
	b.WriteString("{\n")
	for _, n := range g.nodes {
		fmt.Fprintf(&b, "   %s = %s %s(%s)\n", nameList(n.Outputs), n.Op.ID(), spaced(n.Attributes.String()), nameList(n.Inputs))
	}
	b.WriteString("}\n")
	return b.String()
}

// untypedText is the graph without types: what a function body is to a runtime.
func (g *Graph) untypedText() string {
	var b strings.Builder
	for _, n := range g.nodes {
		fmt.Fprintf(&b, "%s = %s %s(%s)\n", nameList(n.Outputs), n.Op.ID(), spaced(n.Attributes.String()), nameList(n.Inputs))
	}
	for _, v := range g.constants {
		fmt.Fprintf(&b, "%s = %s\n", v.Name, tensorText(v.constant))
	}
	return b.String()
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

func typedList(vs []*Value) string {
	return listOf(vs, func(v *Value) string { return v.Type.String() + " " + v.Name })
}

func nameList(vs []*Value) string {
	return listOf(vs, func(v *Value) string {
		if v == nil {
			return ""
		}
		return v.Name
	})
}

func listOf(vs []*Value, text func(*Value) string) string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = text(v)
	}
	return strings.Join(parts, ", ")
}

func tensorText(t *Tensor) string {
	const most = 16
	if t.Size() > most {
		return fmt.Sprintf("{...%d elements}", t.Size())
	}
	return "{" + strings.Trim(listText(t.Float64s(), func(x float64) string { return floatText(x, 32) }), "[]") + "}"
}

func floatText(x float64, bits int) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return strings.ToLower(strconv.FormatFloat(x, 'g', -1, bits))
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}
