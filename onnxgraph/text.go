package onnxgraph

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// elideAbove is the number of elements past which String shows a digest.
const elideAbove = 16

// String prints the graph in ONNX text syntax
// (https://onnx.ai/onnx/repo-docs/Syntax.html), the form of golden files.
// Constants of more than 16 elements show a digest in place of the elements.
func (g *Graph) String() string { return g.Text(elideAbove) }

// Text is String with another limit: constants of more than most elements show
// a digest. A negative most prints them all, which ParseText reads back.
//
// A node's name stands before it in brackets where its first output is called
// otherwise. Names that are no identifiers are quoted, as onnx.parser wants them.
func (g *Graph) Text(most int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) => (%s)\n", nameText(g.Name), listOf(g.inputs, declarationText), listOf(g.outputs, declarationText))
	for i, v := range g.constants {
		open, end := "  ", ",\n"
		if i == 0 {
			open = "<\n  "
		}
		if i == len(g.constants)-1 {
			end = "\n>\n"
		}
		fmt.Fprintf(&b, "%s %s = %s%s", open, declarationText(v), elementsText(v.constant, most), end)
	}
	b.WriteString("{\n")
	g.writeNodes(&b, most)
	b.WriteString("}\n")
	return b.String()
}

// String prints the model in ONNX text syntax, its functions included, or the
// reason why it cannot be a model.
func (m *Model) String() string {
	text, err := m.Text(elideAbove)
	if err != nil {
		return "# " + err.Error() + "\n"
	}
	return text
}

// Text prints the model: a header, the graph as Graph.Text has it, and each
// function that the graph calls.
func (m *Model) Text(most int) (string, error) {
	functions, err := m.Graph.Functions()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	header := []string{fmt.Sprintf("ir_version: %d", IRVersion), "opset_import: " + opsetText(m.Graph, functions)}
	for _, field := range []struct{ name, value string }{
		{"producer_name", m.Producer}, {"producer_version", m.ProducerVersion}, {"doc_string", m.Doc},
	} {
		if field.value != "" {
			header = append(header, field.name+": "+quoted(field.value))
		}
	}
	if len(m.Metadata) > 0 {
		props := listOf(slices.Sorted(maps.Keys(m.Metadata)), func(key string) string {
			return quoted(key) + ": " + quoted(m.Metadata[key])
		})
		header = append(header, "metadata_props: ["+props+"]")
	}
	fmt.Fprintf(&b, "<\n   %s\n>\n", strings.Join(header, ",\n   "))
	b.WriteString(m.Graph.Text(most))
	for _, f := range functions {
		fmt.Fprintf(&b, "<\n   domain: %s,\n   opset_import: %s\n>\n", quoted(f.Domain), opsetText(f.Body, nil))
		b.WriteString(nameText(f.Name))
		if declared := schemas[opID(f.Domain, f.Name)].Attributes; len(declared) > 0 {
			fmt.Fprintf(&b, " <%s>", listOf(declared, declaredText))
		}
		fmt.Fprintf(&b, " (%s) => (%s)\n{\n", listOf(functionInputs(f), nameText), nameList(f.Body.outputs))
		for _, v := range f.Body.constants {
			fmt.Fprintf(&b, "   %s = Constant <value = %s> ()\n", nameText(v.Name), tensorText(v.constant, most))
		}
		f.Body.writeNodes(&b, most)
		b.WriteString("}\n")
	}
	return b.String(), nil
}

func opsetText(g *Graph, functions []*Function) string {
	domains := domainsOf(g)
	for _, f := range functions {
		domains = append(append(domains, f.Domain), domainsOf(f.Body)...)
	}
	parts := make([]string, 0, 3)
	for _, set := range opsetImports(domains) {
		parts = append(parts, fmt.Sprintf("%s : %d", quoted(set.GetDomain()), set.GetVersion()))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (g *Graph) writeNodes(b *strings.Builder, most int) {
	for _, n := range g.nodes {
		b.WriteString("   ")
		if n.Name != n.Outputs[0].Name {
			fmt.Fprintf(b, "[%s] ", nameText(n.Name))
		}
		fmt.Fprintf(b, "%s = %s %s(%s)\n", nameList(n.Outputs), n.Op.ID(), spaced(n.Attributes.text(most)), nameList(n.Inputs))
	}
}

// untypedText is the graph without types: what a function body is to a runtime.
func (g *Graph) untypedText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%s) => (%s)\n", nameList(g.inputs), nameList(g.outputs))
	for _, v := range g.constants {
		fmt.Fprintf(&b, "%s = %s\n", nameText(v.Name), tensorText(v.constant, elideAbove))
	}
	g.writeNodes(&b, elideAbove)
	return b.String()
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

// declarationText prints float[batch,3] x.
func declarationText(v *Value) string { return typeText(v.Type, v.dimNames) + " " + nameText(v.Name) }

// typeText prints float[2,3]; float alone is a scalar. Dynamic dimensions print
// as their name, or as ? where they have none.
func typeText(t Type, dimNames []string) string {
	if len(t.Shape) == 0 {
		return t.DType.String()
	}
	parts := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		switch {
		case d != Dynamic:
			parts[i] = strconv.Itoa(d)
		case i < len(dimNames) && dimNames[i] != "":
			parts[i] = nameText(dimNames[i])
		default:
			parts[i] = "?"
		}
	}
	return t.DType.String() + "[" + strings.Join(parts, ",") + "]"
}

func nameList(vs []*Value) string {
	return listOf(vs, func(v *Value) string {
		if v == nil {
			return `""`
		}
		return nameText(v.Name)
	})
}

func listOf[T any](list []T, text func(T) string) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = text(v)
	}
	return strings.Join(parts, ", ")
}

// nameText prints a name, in quotes unless it is an identifier.
func nameText(name string) string {
	for i := range len(name) {
		if !isIdentifierByte(name[i], i == 0) {
			return quoted(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

func isIdentifierByte(c byte, first bool) bool {
	letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	return letter || !first && '0' <= c && c <= '9'
}

// quoted prints a string in ONNX text: a backslash makes the next byte stand for
// itself, and there are no other escapes.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// text prints <axis = -1, epsilon = 1e-06>, or nothing where there are none.
// The type of a value shows in how it is written; an empty list has it said.
func (a Attributes) text(most int) string {
	if len(a) == 0 {
		return ""
	}
	return "<" + listOf(a.Names(), func(name string) string { return nameText(name) + attributeText(a[name], most) }) + ">"
}

// declaredText prints an attribute of a function: num_heads, or epsilon = 1e-05.
func declaredText(a Attribute) string {
	if a.Default == nil {
		return nameText(a.Name)
	}
	return nameText(a.Name) + attributeText(a.Default, -1)
}

func attributeText(value any, most int) string {
	switch v := value.(type) {
	case attributeRef:
		return ": " + attributeKind(v.value) + " = @" + nameText(v.name)
	case int64:
		return " = " + strconv.FormatInt(v, 10)
	case float32:
		return " = " + floatLiteral(v)
	case string:
		return " = " + quoted(v)
	case *Tensor:
		return " = " + tensorText(v, most)
	case []int64:
		return attributeList(v, func(x int64) string { return strconv.FormatInt(x, 10) })
	case []float32:
		return attributeList(v, floatLiteral)
	case []string:
		return attributeList(v, quoted)
	}
	return " = " + attributeKind(value)
}

// attributeKind is the text syntax's name of an attribute's type.
func attributeKind(value any) string {
	switch value.(type) {
	case int64:
		return "int"
	case float32:
		return "float"
	case string:
		return "string"
	case *Tensor:
		return "tensor"
	case []int64:
		return "ints"
	case []float32:
		return "floats"
	case []string:
		return "strings"
	}
	return fmt.Sprintf("# %T is no attribute", value)
}

func attributeList[T any](v []T, text func(T) string) string {
	if len(v) == 0 {
		return ": " + attributeKind(v) + " = []"
	}
	return " = [" + listOf(v, text) + "]"
}

// floatLiteral prints a float so that it cannot be taken for an integer.
func floatLiteral(x float32) string {
	s := floatText(float64(x), 32)
	if strings.Trim(s, "-0123456789") == "" {
		s += ".0"
	}
	return s
}

func floatText(x float64, bits int) string {
	switch {
	case math.IsNaN(x):
		return "nan"
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	}
	return strconv.FormatFloat(x, 'g', -1, bits)
}

// tensorText prints int64[2] {1, -1}.
func tensorText(t *Tensor, most int) string {
	return typeText(Type{t.dtype, t.shape}, nil) + " " + elementsText(t, most)
}

// elementsText prints {1, 2.5}, every element exactly, or the number of elements
// and the start of the SHA-256 of their bytes. The 16-bit floats print as bit
// patterns: so onnx.parser reads them.
func elementsText(t *Tensor, most int) string {
	if most >= 0 && t.Size() > most {
		sum := sha256.Sum256(t.Bytes())
		return fmt.Sprintf("{...%d elements, sha256 %x}", t.Size(), sum[:8])
	}
	var elements string
	switch d := t.data.(type) {
	case []float32:
		elements = listOf(d, func(x float32) string { return floatText(float64(x), 32) })
	case []float64:
		elements = listOf(d, func(x float64) string { return floatText(x, 64) })
	case []bool:
		elements = listOf(d, func(x bool) string { return map[bool]string{false: "0", true: "1"}[x] })
	case []int8:
		elements = integersText(d)
	case []int16:
		elements = integersText(d)
	case []int32:
		elements = integersText(d)
	case []int64:
		elements = integersText(d)
	case []uint8:
		elements = integersText(d)
	case []uint16:
		elements = integersText(d)
	case []uint32:
		elements = integersText(d)
	case []uint64:
		elements = integersText(d)
	}
	return "{" + elements + "}"
}

func integersText[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](d []T) string {
	return listOf(d, func(x T) string { return fmt.Sprint(x) })
}
