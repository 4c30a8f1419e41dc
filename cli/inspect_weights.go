package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"pmx/artifacts"
	"pmx/artifacts/weights"
	"pmx/internal/table"
)

// torchExts are the usual endings of PyTorch files.
var torchExts = []string{".pth", ".pt", ".tar", ".bin", ".ckpt"}

// looksLikeTorch: such a file is a zip archive or begins with a pickle, or has the name.
func looksLikeTorch(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [2]byte
	if _, err := io.ReadFull(f, head[:]); err == nil && (string(head[:]) == "PK" || head[0] == 0x80) {
		return true, nil
	}
	return slices.Contains(torchExts, filepath.Ext(path)), nil
}

// isWeightsFolder reports whether a folder is not a run and may be weights.
func isWeightsFolder(path string) bool {
	_, err := os.Stat(artifacts.ManifestPath(path))
	return err != nil && hasAny(path, "config.json", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
}

func hasAny(dir string, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// inspectForeign prints which vision transformer weights of others hold, and where its
// keys go.
func inspectForeign(out io.Writer, path string) error {
	e, report, err := weights.Read(path, weights.Options{})
	heads := ""
	if _, keys := errors.AsType[*weights.KeysError](err); err != nil && report != nil && !keys {
		// Any width can be cut into one head: what else there is shows all the same.
		if one, report1, without := weights.Read(path, weights.Options{Heads: 1}); without == nil {
			e, report, err = one, report1, nil
			heads = "not in the file, so --heads says how many"
		}
	}
	if err != nil {
		return err
	}
	if heads == "" {
		heads = fmt.Sprintf("%d (%s)", e.Heads, report.HeadsFrom)
	}
	fmt.Fprintf(out, "weights of a vision transformer, %s: images of %d, patches of %d, %d wide, %d blocks, mlp ratio %g\n",
		report.Layout, e.ImageSize, e.PatchSize, e.Dim, e.Depth, e.MLPRatio)
	fmt.Fprintf(out, "heads: %s\n", heads)
	fmt.Fprintf(out, "images: normalised with mean %v, std %v; positions are resized by the rule %s\n", e.Mean, e.Std, report.Rule)
	if report.Encoder != "" {
		fmt.Fprintf(out, "encoder: %s, of %v\n", report.Encoder, append([]string{report.Encoder}, report.Others...))
	}
	fmt.Fprintf(out, "keys: %d taken, %d under other names, %d dropped\n", len(report.Taken), len(report.Mapped), len(report.Dropped))
	w := table.New(out)
	if len(report.Mapped) > 0 {
		w.Row("\nunder other names:")
	}
	for _, m := range report.Mapped {
		w.Row("  "+m.From, m.To)
	}
	if len(report.Dropped) > 0 {
		w.Row("\ndropped:")
	}
	for _, key := range report.Dropped {
		w.Row("  " + key)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printNotes(out, report.Notes)
	return nil
}
