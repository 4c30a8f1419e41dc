package builders_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"pmx/builders"
	"pmx/internal/recording"
	"pmx/onnxgraph"
)

// TestLayerDecayRecorded compares the rate and the weight decay of every parameter
// with the groups that timm 0.6.11 and BEiT make.
func TestLayerDecayRecorded(t *testing.T) {
	text, err := os.ReadFile(recording.Glob(t, "supervised/schedules.json")[0])
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		LayerScales map[string]struct {
			Decay  float64
			Groups map[builders.LayerGroups]map[string][2]float64 `json:"rate_scale_and_weight_decay"`
		} `json:"layer_scales"`
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	const weightDecay = .05
	compared := 0
	for key, r := range recorded.LayerScales {
		depth, err := strconv.Atoi(key)
		if err != nil {
			t.Fatal(err)
		}
		for groups, params := range r.Groups {
			if err := groups.Check(); err != nil {
				t.Fatal(err)
			}
			groupOf := builders.LayerDecay(groups, depth, r.Decay)
			for name, want := range params {
				got := groupOf(&builders.Param{Name: name, Shape: shapeOf(name)})
				if !(math.Abs(got.Rate-want[0]) <= 1e-12*want[0]) {
					t.Errorf("%s groups, depth %d: %s has %.17g of the rate, want %.17g", groups, depth, name, got.Rate, want[0])
				}
				if got.Decay*weightDecay != want[1] {
					t.Errorf("%s groups, depth %d: %s has weight decay %g, want %g", groups, depth, name, got.Decay*weightDecay, want[1])
				}
				compared++
			}
		}
	}
	if want := 2*32 + 2*152; compared != want {
		t.Errorf("%d parameters are compared, want %d of depths 2 and 12 in two groupings", compared, want)
	}
}

// shapeOf is a shape with the number of dimensions that a ViT's parameter has in timm.
func shapeOf(name string) onnxgraph.Shape {
	switch {
	case name == "cls_token", name == "pos_embed":
		return onnxgraph.Shape{1, 5, 8}
	case name == "patch_embed.proj.weight":
		return onnxgraph.Shape{8, 3, 4, 4}
	case strings.HasSuffix(name, ".bias"), strings.Contains(name, "norm"):
		return onnxgraph.Shape{8}
	}
	return onnxgraph.Shape{8, 8}
}

// TestLayerRatesByHand: the table for depth 12, and what is not in the recording.
func TestLayerRatesByHand(t *testing.T) {
	for _, c := range []struct {
		groups builders.LayerGroups
		name   string
		power  int
	}{
		{builders.LayerGroupsTimm, "patch_embed.proj.weight", 13},
		{builders.LayerGroupsTimm, "blocks.0.attn.qkv.weight", 12},
		{builders.LayerGroupsTimm, "blocks.11.mlp.fc2.bias", 1},
		{builders.LayerGroupsTimm, "norm.weight", 1},
		{builders.LayerGroupsBEiT, "norm.weight", 0},
		{builders.LayerGroupsTimm, "fc_norm.weight", 0},
		{builders.LayerGroupsBEiT, "fc_norm.weight", 0},
		{builders.LayerGroupsBEiT, "head.bias", 0},
	} {
		want := 1.
		for range c.power {
			want *= .75
		}
		got := builders.LayerDecay(c.groups, 12, .75)(&builders.Param{Name: c.name, Shape: shapeOf(c.name)}).Rate
		if !(math.Abs(got-want) <= 1e-15) {
			t.Errorf("%s groups: %s has %g of the rate, want .75^%d = %g", c.groups, c.name, got, c.power, want)
		}
	}
	if err := builders.LayerGroups("vit").Check(); err == nil || !strings.Contains(err.Error(), `"vit", choose "timm" or "beit"`) {
		t.Errorf("error %v", err)
	}
}
