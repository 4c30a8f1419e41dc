package weights

import (
	"strings"

	"pmx/artifacts"
	"pmx/artifacts/torchfile"
)

// pmx's own encoder.safetensors: the format of pmx export.
var _ = register("pmx", &Layout{
	Title: "pmx encoder",
	Recognise: func(s *Source) []Branch {
		if s.ours == nil || s.Folder || !looksLikeTimm(s.Roots[""], "") {
			return nil
		}
		return []Branch{{}}
	},
	Rule: RuleOffset,
})

var _ = newFormat("safetensors", Format{
	Help: "the weights under timm's names, the architecture in the metadata",
	Ext:  ".safetensors",
	write: func(path string, e *Encoder) error {
		return e.writeSafetensors(path, e.renamed(sameName))
	},
})

// Roots of a run's state, in checkpoints and in initial.safetensors.
const (
	baseRoot     = "base_encoder."
	momentumRoot = "momentum_encoder."
)

// A checkpoint of a run of pmx: the whole training state. The architecture is in its
// header (artifacts.CheckpointHeader).
var _ = register("pmx-checkpoint", &Layout{
	Title: "pmx checkpoint",
	Recognise: func(s *Source) []Branch {
		if _, ok := s.Metadata[artifacts.CheckpointProperty]; !ok {
			return nil
		}
		return encoders(s.Roots[""], "", momentumRoot, baseRoot)
	},
	Drop:      []string{"head.*"},
	Beside:    []string{"*"},
	Rule:      RuleOffset,
	Configure: configureCheckpoint,
})

// encoders lists which of the momentum and the base encoder a dictionary has; the
// prefixes say which is taken unless another is asked for.
func encoders(dict *StateDict, root string, prefixes ...string) []Branch {
	var branches []Branch
	for _, prefix := range prefixes {
		if dict.HasPrefix(prefix + "blocks.") {
			name := "base"
			if strings.HasSuffix(prefix, momentumRoot) {
				name = "momentum"
			}
			branches = append(branches, Branch{Name: name, Root: root, Prefix: prefix})
		}
	}
	return branches
}

// configureCheckpoint verifies the checksum of all tensors and reads the architecture.
func configureCheckpoint(s *Source, _ *Settings) error {
	r, err := artifacts.OpenCheckpoint(s.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Verify(); err != nil {
		return err
	}
	a, err := parseArchitecture(string(r.Arch))
	if err != nil {
		return err
	}
	s.ours = a
	return nil
}

// A PyTorch file of one dictionary that any program loads by itself.
var _ = newFormat("pth", Format{
	Help: "a PyTorch state_dict under timm's names: model.load_state_dict(torch.load(FILE))",
	Ext:  ".pth",
	write: func(path string, e *Encoder) error {
		return torchfile.WriteFile(path, stateDict(e.renamed(sameName)))
	},
})
