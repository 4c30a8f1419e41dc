package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pmx/step"
	"pmx/tasks"

	"github.com/urfave/cli/v2"

	"pmx/artifacts"
	"pmx/builders"
	"pmx/export"
	"pmx/internal/cancel"
	"pmx/internal/memory"
	"pmx/internal/progress"
	"pmx/internal/table"
	"pmx/onnxgraph"
)

var _ = register("inspect", func() *cli.Command {
	return &cli.Command{
		Usage:     "say what a file or a run contains",
		ArgsUsage: "FILE...",
		Description: `pmx inspect step.onnx                              a training step: state, batch, metrics
pmx inspect runs/first/encoder.onnx                an encoder, or any other ONNX model
pmx inspect runs/first/checkpoints/000100.safetensors
pmx inspect dino.pth                               weights of others: architecture, where each key goes
pmx inspect ort-artifacts/checkpoint               a checkpoint of ONNX Runtime Training
pmx inspect runs/first runs/second                 runs
pmx inspect --json step.onnx                       the step's description as JSON, as step.json has it`,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print a line of JSON for each file"}},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return usageErrorf("name a file or a run, see `pmx inspect --help`")
			}
			// A large checkpoint takes a while to read and verify.
			text, err := cancel.Unless(c.Context, func() (*bytes.Buffer, error) {
				text := new(bytes.Buffer)
				return text, inspectAll(text, c.Args().Slice(), c.Bool("json"))
			})
			if text != nil {
				if _, err := text.WriteTo(c.App.Writer); err != nil {
					return err
				}
			}
			return err
		},
	}
})

// inspectAll prints what each file contains, up to the first that cannot be read.
func inspectAll(out io.Writer, paths []string, asJSON bool) error {
	for i, path := range paths {
		inspect := inspectFile
		if asJSON {
			inspect = inspectJSON
		} else if len(paths) > 1 {
			if i > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "%s:\n", path)
		}
		if err := inspect(out, path); err != nil {
			return err
		}
	}
	return nil
}

// inspectFile prints what a file contains, going by its content, not its name.
func inspectFile(out io.Writer, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: name %s", path, inspected)
	case err != nil:
		return err
	case info.IsDir() && isWeightsFolder(path):
		return inspectForeign(out, path)
	case info.IsDir():
		return inspectRun(out, path)
	}
	for _, kind := range []struct {
		like    func(path string) (bool, error)
		inspect func(out io.Writer, path string) error
	}{
		{looksLikeSafetensors, inspectSafetensors},
		{looksLikeORTCheckpoint, inspectORTCheckpoint},
		{looksLikeTorch, inspectForeign},
	} {
		if like, err := kind.like(path); err != nil {
			return err
		} else if like {
			return kind.inspect(out, path)
		}
	}
	return inspectModel(out, path)
}

const inspected = "an ONNX model, a safetensors file, weights of a vision transformer, a checkpoint of ONNX Runtime Training or a run"

// missingFiles are the data files that a model refers to and that are not beside it.
func missingFiles(path string, d *onnxgraph.Description) (missing []string) {
	for _, name := range d.ExternalFiles {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), name)); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// looksLikeSafetensors: such a file begins with the length of its JSON header.
// An ONNX message begins with a field tag and a small number.
func looksLikeSafetensors(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [9]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return strings.HasSuffix(path, ".safetensors"), nil // its reader explains what is wrong
	}
	return head[8] == '{' && binary.LittleEndian.Uint64(head[:8]) < 1<<32, nil
}

func inspectModel(out io.Writer, path string) error {
	d, err := onnxgraph.DescribeFile(path)
	if err != nil {
		return fmt.Errorf("%w: want %s", err, inspected)
	}
	for _, name := range missingFiles(path, d) {
		fmt.Fprintf(out, "missing: its data file %s is not in %s: put it there\n", shorten(name, 200), filepath.Dir(path))
	}
	if text, ok := d.Metadata[step.Property]; ok {
		if err := describeStep(out, text); err != nil {
			return fmt.Errorf("%s: metadata %s: %w", path, step.Property, err)
		}
		return describeGraph(out, d, "numbers", false)
	}
	if text, ok := d.Metadata[builders.EncoderProperty]; ok {
		var a builders.ArchitectureInfo
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			return fmt.Errorf("%s: metadata %s: %w", path, builders.EncoderProperty, err)
		}
		fmt.Fprintf(out, "an encoder of pmx: %s\n", architectureLine(a))
		printTrained(out, d.Metadata)
		printParameters(out, a)
		return describeGraph(out, d, "numbers", true)
	}
	if text, ok := d.Metadata[builders.ClassifierProperty]; ok {
		var info builders.ClassifierInfo
		if err := json.Unmarshal([]byte(text), &info); err != nil {
			return fmt.Errorf("%s: metadata %s: %w", path, builders.ClassifierProperty, err)
		}
		fmt.Fprintf(out, "a classifier of pmx: %s, %d classes%s\n", architectureLine(info.ArchitectureInfo), info.NumClasses, classList(info.Classes))
		p := info.Preprocessing
		fmt.Fprintf(out, "images: the shorter side to %d pixels (%s), the centred %d x %d, normalised with mean %v, std %v\n", p.Resize, p.Interpolation, p.Crop, p.Crop, info.Mean, info.Std)
		printTrained(out, d.Metadata)
		return describeGraph(out, d, "numbers", true)
	}
	fmt.Fprintln(out, "an ONNX model")
	return describeGraph(out, d, "parameters", true)
}

func architectureLine(a builders.ArchitectureInfo) string {
	return fmt.Sprintf("%s, images of %d, patches of %d, %d wide, %d blocks of %d heads, mlp ratio %d",
		a.Architecture, a.ImageSize, a.PatchSize, a.Dim, a.Depth, a.Heads, a.MLPRatio)
}

// classList is the beginning of a classifier's class names, behind a colon.
func classList(names []string) string {
	const shown = 10
	switch {
	case len(names) == 0:
		return ""
	case len(names) > shown:
		return fmt.Sprintf(": %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return ": " + strings.Join(names, ", ")
}

// printTrained prints how long an exported encoder was trained, if it says so.
func printTrained(out io.Writer, metadata map[string]string) {
	if steps, err := strconv.ParseInt(metadata[export.StepsProperty], 10, 64); err == nil {
		fmt.Fprintf(out, "trained: %s steps\n", progress.Count(steps))
	}
}

func printParameters(out io.Writer, a builders.ArchitectureInfo) {
	if a.PatchSize > 0 {
		fmt.Fprintf(out, "parameters: %s\n", progress.Count(a.Parameters()))
	}
}

// describeStep prints the roles of a step file's inputs and outputs.
func describeStep(out io.Writer, text string) error {
	var s step.Step
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	fmt.Fprintf(out, "a training step of pmx: %s\n", s.Task)
	var vit builders.ViTConfig
	if json.Unmarshal(s.Config, &vit) == nil && vit.Dim > 0 {
		fmt.Fprintf(out, "encoder: %s\n", architectureLine(builders.Architecture(vit)))
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(s.Config, &config); err != nil {
		return fmt.Errorf("its configuration: %w", err)
	}
	w := table.New(out)
	w.Row("\nconfiguration:")
	for _, key := range slices.Sorted(maps.Keys(config)) {
		w.Row("  "+key, string(config[key]))
	}
	if err := w.Flush(); err != nil {
		return err
	}

	fmt.Fprintln(out, "\nstate (inputs NAME, outputs NAME.next):")
	var roles stateRoles
	for _, t := range s.State {
		roles.add(t.Kind, t.Shape)
	}
	if err := roles.print(out); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nbatch:")
	w = table.New(out)
	for _, p := range s.Batch {
		w.Row("  "+p.Name, p.DType, p.Shape)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var hyper []string
	for _, h := range s.Hyper {
		hyper = append(hyper, h.Name)
	}
	fmt.Fprintf(out, "\nhyper-parameters: %s\n", strings.Join(hyper, ", "))
	_, err := fmt.Fprintf(out, "metrics: %s\n", strings.Join(s.Metrics, ", "))
	return err
}

// stateRoles counts the tensors of a training state by their role.
type stateRoles struct {
	kinds   []step.Kind // in the order of their first tensors
	tensors map[step.Kind]int
	numbers map[step.Kind]int64
}

func (s *stateRoles) add(kind step.Kind, shape []int) {
	if s.tensors == nil {
		s.tensors, s.numbers = map[step.Kind]int{}, map[step.Kind]int64{}
	}
	if s.tensors[kind] == 0 {
		s.kinds = append(s.kinds, kind)
	}
	s.tensors[kind]++
	s.numbers[kind] += product(shape)
}

func (s *stateRoles) print(out io.Writer) error {
	w := table.New(out)
	for _, kind := range s.kinds {
		unit := " numbers"
		if kind == step.Param || kind == step.EMA {
			unit = " parameters"
		}
		w.Row("  "+string(kind), fmt.Sprintf("%d tensors", s.tensors[kind]), progress.Count(s.numbers[kind])+unit)
	}
	return w.Flush()
}

func product(shape []int) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	return n
}

// describeGraph prints a model's size, its inputs and outputs if asked for, and
// how often it has each operator. numbers is what its constants hold: the
// parameters of a step are inputs, and those of an encoder are partly folded.
func describeGraph(out io.Writer, d *onnxgraph.Description, numbers string, ports bool) error {
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(d.Opsets)) {
		name := domain
		if name == "" {
			name = "ai.onnx"
		}
		opsets = append(opsets, fmt.Sprintf("%s %d", name, d.Opsets[domain]))
	}
	fmt.Fprintf(out, "\ngraph: %s nodes, IR version %d, operator sets %s\n", progress.Count(int64(d.Nodes)), d.IRVersion, strings.Join(opsets, ", "))
	if d.Producer != "" {
		fmt.Fprintf(out, "made by: %s\n", strings.TrimSpace(d.Producer+" "+d.ProducerVersion))
	}
	fmt.Fprintf(out, "constants: %d, %s, %s %s\n", d.Initializers, memory.Human(d.InitializerBytes), progress.Count(d.Parameters), numbers)
	if len(d.ExternalFiles) > 0 {
		fmt.Fprintf(out, "data files: %s\n", strings.Join(d.ExternalFiles, ", "))
	}
	w := table.New(out)
	if ports {
		for _, list := range []struct {
			title string
			ports []onnxgraph.PortDescription
		}{{"inputs", d.Inputs}, {"outputs", d.Outputs}} {
			w.Row("\n" + list.title + ":")
			for _, p := range list.ports {
				w.Row("  "+p.Name, p.Type)
			}
		}
	}
	if len(d.Metadata) > 0 {
		w.Row("\nmetadata: " + strings.Join(slices.Sorted(maps.Keys(d.Metadata)), ", "))
	}
	w.Row("\noperators:")
	names := slices.SortedFunc(maps.Keys(d.Operators), func(a, b string) int {
		if d.Operators[a] != d.Operators[b] {
			return d.Operators[b] - d.Operators[a]
		}
		return strings.Compare(a, b)
	})
	functions := map[string]int{}
	for _, f := range d.Functions {
		functions[f.ID] = f.Nodes
	}
	for _, name := range names {
		note := ""
		if nodes, ok := functions[name]; ok {
			note = fmt.Sprintf("function of %d nodes", nodes)
		}
		w.Row("  "+name, d.Operators[name], note)
	}
	return w.Flush()
}

// otherData says what a session of a run was the first to be trained on; "" where
// it went on with the data that there was.
func otherData(m artifacts.Manifest, session int) string {
	before := m.Sessions[session].DataBefore
	if before == nil {
		return ""
	}
	now := m.Data
	for _, later := range m.Sessions[session+1:] {
		if later.DataBefore != nil {
			now = *later.DataBefore
			break
		}
	}
	return fmt.Sprintf(", with %d images of %s, until then %d of %s", now.Samples, now.Name, before.Samples, before.Name)
}

// printInit says what weights a run started from, if it was given any.
func printInit(out io.Writer, i *artifacts.InitInfo) {
	if i == nil {
		return
	}
	var about []string
	for _, part := range []string{i.Layout, i.Encoder} {
		if part != "" {
			about = append(about, part)
		}
	}
	if i.Steps > 0 {
		about = append(about, fmt.Sprintf("%s steps of pmx", progress.Count(i.Steps)))
	}
	fmt.Fprintf(out, "started from: %s (%s)", i.Path, strings.Join(about, ", "))
	if i.PositionsResized != "" {
		fmt.Fprintf(out, ", positions resized: %s", i.PositionsResized)
	}
	if i.NormalisationFolded != "" {
		fmt.Fprintf(out, ", normalisation folded: %s", i.NormalisationFolded)
	}
	fmt.Fprintln(out)
}

func inspectRun(out io.Writer, path string) error {
	run, err := artifacts.ViewRun(path)
	if err != nil {
		return err
	}
	m, err := run.ReadManifest()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "a run of pmx: %s on %s (%s images), seed %d\n", m.Method, m.Data.Name, progress.Count(int64(m.Data.Samples)), m.Seed)
	r, configErr := tasks.RunRecipe(run) // told at the end: the rest of the run is good without it
	if encoded, ok := r.(tasks.Encoded); ok {
		fmt.Fprintf(out, "encoder: %s\n", architectureLine(encoded.Architecture()))
	}
	printInit(out, m.Init)
	for i, s := range m.Sessions {
		fmt.Fprintf(out, "session: %s from step %d, pmx %s, %s %s on %s%s\n",
			s.Started.Format("2006-01-02 15:04:05Z07:00"), s.FromStep, s.PMX, s.Runtime, s.Library, s.Device, otherData(m, i))
	}
	steps, err := run.Checkpoints().List()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "checkpoints: steps %v\n", steps)
	last, err := run.LastMetrics()
	if err != nil {
		return err
	}
	w := table.New(out)
	if len(last) > 0 {
		w.Row("\nlast metrics:")
	}
	for _, tag := range slices.Sorted(maps.Keys(last)) {
		w.Row("  "+tag, fmt.Sprintf("%.6g", last[tag].Value), fmt.Sprintf("step %d", last[tag].Step))
	}
	if _, err := os.Stat(run.Path(artifacts.EncoderName)); err == nil {
		w.Row("\nencoder: " + filepath.Join(path, artifacts.EncoderName))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return configErr
}
