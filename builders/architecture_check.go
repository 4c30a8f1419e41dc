package builders

import (
	"encoding/json"
	"fmt"
)

// CheckConfig compares the architecture that a file of weights names with the
// configuration, as JSON, of the run that it is of. The error names what differs. A number
// that the configuration does not have is not compared.
func (a ArchitectureInfo) CheckConfig(config []byte) error {
	var c ViTConfig
	if err := json.Unmarshal(config, &c); err != nil {
		return fmt.Errorf("builders: configuration: %w", err)
	}
	for _, n := range []struct {
		name, key string
		is, want  int
	}{
		{"image_size", "image_size", a.ImageSize, c.ImageSize},
		{"patch_size", "patch_size", a.PatchSize, c.PatchSize},
		{"embed_dim", "dim", a.Dim, c.Dim},
		{"depth", "depth", a.Depth, c.Depth},
		{"num_heads", "heads", a.Heads, c.Heads},
		{"mlp_ratio", "mlp_ratio", a.MLPRatio, c.MLPRatio},
	} {
		if n.want != 0 && n.is != n.want {
			return fmt.Errorf("its architecture has %s %d, the run's configuration %s %d: one of them is damaged", n.name, n.is, n.key, n.want)
		}
	}
	return nil
}
