package weights_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pmx/artifacts"
	"pmx/artifacts/safetensors"
	"pmx/artifacts/torchfile"
	"pmx/artifacts/weights"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

// file is a PyTorch file to be: roots of keys, "" for the outermost dictionary.
type file map[string]map[string]*onnxgraph.Tensor

func (f file) write(t testing.TB, beside map[string]any) string {
	t.Helper()
	object := &torchfile.Dict{}
	for _, root := range slices.Sorted(maps.Keys(f)) {
		dict := &torchfile.Dict{}
		if root == "" {
			dict = object
		}
		for _, key := range slices.Sorted(maps.Keys(f[root])) {
			dict.Set(key, f[root][key])
		}
		if root != "" {
			object.Set(root, dict)
		}
	}
	for key, value := range beside {
		object.Set(key, value)
	}
	path := filepath.Join(t.TempDir(), "x.pth")
	if err := torchfile.WriteFile(path, object); err != nil {
		t.Fatal(err)
	}
	return path
}

// under renames every key by pairs of old and new parts, behind a prefix.
func under(prefix string, plain map[string]*onnxgraph.Tensor, pairs ...string) map[string]*onnxgraph.Tensor {
	out := map[string]*onnxgraph.Tensor{}
	for name, w := range plain {
		out[prefix+strings.NewReplacer(pairs...).Replace(name)] = w
	}
	return out
}

func with(dict map[string]*onnxgraph.Tensor, more ...string) map[string]*onnxgraph.Tensor {
	out := maps.Clone(dict)
	for _, key := range more {
		out[key] = onnxgraph.Zeros(onnxgraph.Float32, []int{1, 24})
	}
	return out
}

func joined(dicts ...map[string]*onnxgraph.Tensor) map[string]*onnxgraph.Tensor {
	out := map[string]*onnxgraph.Tensor{}
	for _, d := range dicts {
		maps.Copy(out, d)
	}
	return out
}

// split cuts qkv in three under a layout's names.
func split(dict map[string]*onnxgraph.Tensor, names [3]string) map[string]*onnxgraph.Tensor {
	out := map[string]*onnxgraph.Tensor{}
	for key, w := range dict {
		if !strings.Contains(key, "QKV") {
			out[key] = w
			continue
		}
		shape := w.Shape().Clone()
		shape[0] /= 3
		data := onnxgraph.Data[float32](w)
		for i, name := range names {
			n := len(data) / 3
			out[strings.Replace(key, "QKV", name, 1)] = onnxgraph.NewTensor(shape, data[i*n:(i+1)*n])
		}
	}
	return out
}

// TestOtherLayouts: layouts without a recorded file, with the keys that their projects
// write: the plain weights come out, every bit.
func TestOtherLayouts(t *testing.T) {
	plain, base := expected(t, "plain/"), expected(t, "base/")
	halves := joined(plain)
	for i := range 2 {
		for _, g := range []struct{ gamma, scaled string }{{"ls1.gamma", "attn.proj"}, {"ls2.gamma", "mlp.fc2"}} {
			gamma := onnxgraph.Zeros(onnxgraph.Float32, []int{24})
			for d := range 24 {
				onnxgraph.Data[float32](gamma)[d] = float32(int(1) << (d % 5)) // exact
			}
			halves[fmt.Sprintf("blocks.%d.%s", i, g.gamma)] = gamma
			for _, suffix := range []string{".weight", ".bias"} {
				name := fmt.Sprintf("blocks.%d.%s%s", i, g.scaled, suffix)
				w := plain[name].Clone()
				data := onnxgraph.Data[float32](w)
				for k := range data {
					data[k] /= onnxgraph.Data[float32](gamma)[k/(len(data)/24)]
				}
				halves[name] = w
			}
		}
	}
	old := joined(plain)
	old["patch_embed.proj.weight"] = plain["patch_embed.proj.weight"].WithShape([]int{24, 48})
	dinov2 := []string{
		"cls_token", "embeddings.cls_token", "pos_embed", "embeddings.position_embeddings", "patch_embed.proj", "embeddings.patch_embeddings.projection",
		"blocks.", "encoder.layer.", "attn.qkv", "attention.attention.QKV", "attn.proj", "attention.output.dense",
		"ls1.gamma", "layer_scale1.lambda1", "ls2.gamma", "layer_scale2.lambda1", "norm1", "norm1", "norm2", "norm2", "norm.", "layernorm.",
	}
	inMemory := []string{
		"cls_token", "embeddings.cls_token", "pos_embed", "embeddings.position_embeddings", "patch_embed.proj", "embeddings.patch_embeddings.projection",
		"blocks.", "layers.", "attn.qkv", "attention.QKV", "attn.proj", "attention.o_proj", "norm1", "layernorm_before", "norm2", "layernorm_after", "norm.", "layernorm.",
	}
	torchvision := []string{
		"cls_token", "class_token", "pos_embed", "encoder.pos_embedding", "patch_embed.proj", "conv_proj", "blocks.", "encoder.layers.encoder_layer_",
		"norm1", "ln_1", "norm2", "ln_2", "attn.qkv.weight", "self_attention.in_proj_weight", "attn.qkv.bias", "self_attention.in_proj_bias",
		"attn.proj", "self_attention.out_proj", "mlp.fc1", "mlp.linear_1", "mlp.fc2", "mlp.linear_2", "norm.", "encoder.ln.",
	}
	mmcv := []string{
		"patch_embed.proj", "patch_embed.projection", "blocks.", "layers.", "norm1", "ln1", "norm2", "ln2", "attn.qkv.weight", "attn.attn.in_proj_weight",
		"attn.qkv.bias", "attn.attn.in_proj_bias", "attn.proj", "attn.attn.out_proj", "mlp.fc1", "ffn.layers.0.0", "mlp.fc2", "ffn.layers.1", "norm.", "ln1.",
	}
	qkv := [3]string{"query", "key", "value"}
	for name, c := range map[string]struct {
		file     file
		beside   map[string]any
		layout   string
		other    string // encoder that is base
		rule     weights.PositionRule
		ofDrop   string
		ofMapped string
	}{
		"LayerScale of BEiT":     {file: file{"model": under("", halves, "ls1.gamma", "gamma_1", "ls2.gamma", "gamma_2")}, layout: "plain", rule: weights.RuleOffset, ofMapped: "blocks.1.gamma_2"},
		"DINOv2 in chunks":       {file: file{"": with(under("", halves, "blocks.1.", "blocks.0.1.", "blocks.0.", "blocks.0.0."), "mask_token")}, layout: "DINOv2", rule: weights.RuleOffset, ofDrop: "mask_token", ofMapped: "blocks.0.1.norm1.bias"},
		"DINOv2 in training":     {file: file{"teacher": with(under("backbone.", halves), "backbone.mask_token", "dino_head.mlp.0.weight")}, layout: "DINOv2", rule: weights.RuleOffset, ofDrop: "teacher: dino_head.mlp.0.weight"},
		"Dinov2Model":            {file: file{"": with(split(under("dinov2.", halves, dinov2...), qkv), "dinov2.embeddings.mask_token", "classifier.weight")}, layout: "Dinov2Model", rule: weights.RuleOffset, ofDrop: "classifier.weight"},
		"ViTModel in memory":     {file: file{"": with(split(under("vit.", plain, inMemory...), [3]string{"q_proj", "k_proj", "v_proj"}), "classifier.weight")}, layout: "ViTModel", rule: weights.RuleSize, ofDrop: "classifier.weight", ofMapped: "layers.1.attention.v_proj.bias"},
		"torchvision, older":     {file: file{"": with(under("", plain, torchvision...), "heads.weight")}, layout: "torchvision", rule: weights.RuleSize, ofDrop: "heads.weight"},
		"mmcv, older":            {file: file{"state_dict": with(under("backbone.", plain, mmcv...), "neck.x", "head.y")}, layout: "OpenMMLab", rule: weights.RuleSize, ofDrop: "state_dict: neck.x"},
		"OpenMMLab backbone":     {file: file{"": under("", plain, mmcv...)}, layout: "OpenMMLab", rule: weights.RuleSize},
		"MoCo v3 linear":         {file: file{"state_dict": with(under("module.", plain), "module.head.weight", "module.head.bias")}, layout: "plain", rule: weights.RuleOffset, ofDrop: "state_dict: module.head.bias"},
		"PatchMix, distributed":  {file: file{"state_dict": joined(under("module.momentum_encoder.", plain), under("module.base_encoder.", base))}, beside: map[string]any{"arch": "vit-small"}, layout: "PatchMix", other: "base", rule: weights.RuleOffset},
		"PatchMix T":             {file: file{"state_dict": with(under("base_encoder.", plain), "base_encoder.head.0.weight", "predictor.0.weight")}, layout: "PatchMix", rule: weights.RuleOffset, ofDrop: "state_dict: predictor.0.weight"},
		"iBOT full":              {file: file{"teacher": with(under("backbone.", plain), "backbone.masked_embed", "head.mlp.0.weight"), "student": with(under("module.backbone.", base), "module.backbone.masked_embed")}, layout: "iBOT", other: "student", rule: weights.RuleOffset, ofDrop: "teacher: backbone.masked_embed"},
		"solo-learn":             {file: file{"state_dict": joined(with(under("backbone.", plain), "classifier.weight", "projector.0.weight"), under("momentum_backbone.", base))}, layout: "solo-learn", other: "momentum", rule: weights.RuleAntialias, ofDrop: "state_dict: classifier.weight"},
		"lightly":                {file: file{"state_dict": joined(with(under("backbone.", plain), "projection_head.layers.0.weight"), under("backbone_momentum.", base))}, layout: "lightly", other: "momentum", rule: weights.RuleAntialias},
		"lightly, distilled":     {file: file{"state_dict": joined(with(under("teacher_backbone.", plain), "student_head.x"), under("student_backbone.", base))}, layout: "lightly", other: "student", rule: weights.RuleAntialias},
		"timm, trained by timm":  {file: file{"state_dict": with(plain, "head.weight", "head.bias"), "state_dict_ema": base}, beside: map[string]any{"epoch": 3, "arch": "vit_tiny"}, layout: "timm", rule: weights.RuleAntialias},
		"timm, pre_logits":       {file: file{"": with(plain, "pre_logits.fc.weight", "head.weight")}, layout: "timm", rule: weights.RuleAntialias, ofDrop: "pre_logits.fc.weight"},
		"patches as a matrix":    {file: file{"model": old}, layout: "plain", rule: weights.RuleOffset},
		"MAE, a file of its own": {file: file{"": with(plain, "mask_token", "decoder_embed.weight")}, layout: "MAE", rule: weights.RuleSize, ofDrop: "decoder_embed.weight"},
		"detectron2 model":       {file: file{"model": with(under("backbone.net.", plain), "backbone.simfp_2.0.weight", "proposal_generator.x")}, layout: "detectron2", rule: weights.RuleSize, ofDrop: "model: proposal_generator.x"},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.file.write(t, c.beside)
			e, report, err := weights.Read(path, weights.Options{Heads: 3})
			if err != nil {
				t.Fatal(err)
			}
			equalTensors(t, name, e.Tensors, plain)
			if !strings.Contains(report.Layout, c.layout) || report.Rule != c.rule {
				t.Errorf("layout %q, positions by %s", report.Layout, report.Rule)
			}
			if c.ofDrop != "" && !slices.Contains(report.Dropped, c.ofDrop) {
				t.Errorf("dropped %v", report.Dropped)
			}
			if c.ofMapped != "" && !slices.ContainsFunc(report.Mapped, func(m weights.Mapping) bool { return m.From == c.ofMapped }) {
				t.Errorf("mapped %v", report.Mapped)
			}
			if c.other == "" {
				if len(report.Others) > 0 {
					t.Errorf("others %v", report.Others)
				}
				return
			}
			if e, _, err = weights.Read(path, weights.Options{Heads: 3, Encoder: c.other}); err != nil {
				t.Fatal(err)
			}
			equalTensors(t, name+" "+c.other, e.Tensors, base)
		})
	}
}

// TestHeadsOfLayouts: a published width has its layout's heads; the same weights
// without a layout have none, and the message says who has how many.
func TestHeadsOfLayouts(t *testing.T) {
	small := map[string]*onnxgraph.Tensor{}
	shapes := map[string][]int{
		"cls_token": {1, 1, 384}, "pos_embed": {1, 5, 384}, "patch_embed.proj.weight": {384, 3, 2, 2}, "attn.qkv.weight": {1152, 384}, "attn.qkv.bias": {1152},
		"attn.proj.weight": {384, 384}, "mlp.fc1.weight": {8, 384}, "mlp.fc1.bias": {8}, "mlp.fc2.weight": {384, 8},
	}
	for _, name := range weights.ParameterNames(1) {
		shape, ok := shapes[strings.TrimPrefix(name, "blocks.0.")]
		if !ok {
			shape = []int{384}
		}
		small[name] = onnxgraph.Zeros(onnxgraph.Float32, shape)
	}
	for layout, c := range map[string]struct {
		file  file
		heads int
	}{
		"MoCo v3": {file{"state_dict": under("module.base_encoder.", small)}, 12}, "PatchMix": {file{"state_dict": under("momentum_encoder.", small)}, 12},
		"DINO full checkpoint": {file{"teacher": under("backbone.", small)}, 6}, "iBOT": {file{"state_dict": with(small, "masked_embed")}, 6},
		"DeiT": {file{"model": with(small, "head.weight")}, 6},
	} {
		path := c.file.write(t, nil)
		e, report, err := weights.Read(path, weights.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if report.Layout != layout || e.Heads != c.heads || report.HeadsFrom != "layout" || e.Hidden() != 8 {
			t.Errorf("%s: %d heads from %s, %d hidden, want %s with %d", report.Layout, e.Heads, report.HeadsFrom, e.Hidden(), layout, c.heads)
		}
		e, report, err = weights.Read(path, weights.Options{Heads: 16})
		if err != nil {
			t.Fatal(err)
		}
		if e.Heads != 16 || report.HeadsFrom != "given" || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], layout) {
			t.Errorf("%d heads, report %+v", e.Heads, report)
		}
	}
	for _, f := range []file{{"": small}, {"": with(small, "head.weight")}} {
		_, _, err := weights.Read(f.write(t, nil), weights.Options{})
		errtest.OneLine(t, err, "--heads", "a width of 384", "6 in DeiT, DINO full checkpoint", "12 in MoCo v3, PatchMix")
	}
}

// folder writes safetensors and JSON files.
func folder(t testing.TB, tensors map[string]*onnxgraph.Tensor, files map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	if err := safetensors.WriteFile(filepath.Join(dir, safetensors.ModelFile), safetensors.Sorted(tensors), map[string]string{"format": "pt"}); err != nil {
		t.Fatal(err)
	}
	for name, object := range files {
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

type object = map[string]any

// TestTimmFolders: heads come from model_args, or from the architecture's name.
func TestTimmFolders(t *testing.T) {
	plain := expected(t, "plain/")
	cfg := object{"mean": []float64{.5, .5, .5}, "std": []float64{.25, .5, .75}}
	dir := folder(t, plain, object{"config.json": object{"architecture": "vit_tiny_patch16_224", "model_args": object{"num_heads": 4, "img_size": 16}, "pretrained_cfg": cfg}})
	for _, path := range []string{dir, filepath.Join(dir, safetensors.ModelFile)} {
		e, report, err := weights.Read(path, weights.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if e.Heads != 4 || report.HeadsFrom != "config.json" || e.Mean != [3]float32{.5, .5, .5} || e.Std != [3]float32{.25, .5, .75} || report.Rule != weights.RuleAntialias {
			t.Errorf("%+v, heads from %s", e.Architecture, report.HeadsFrom)
		}
	}
	e, report, err := weights.Read(folder(t, plain, object{"config.json": object{"architecture": "vit_tiny_patch16_224.augreg_in21k"}}), weights.Options{})
	if err != nil || e.Heads != 3 || !strings.Contains(report.HeadsFrom, "vit_tiny_patch16_224") {
		t.Errorf("%v, %+v", err, report)
	}
	for _, c := range []struct {
		config object
		want   []string
	}{
		{object{"architecture": "vit_tiny", "model_args": object{"act_layer": "quick_gelu"}}, []string{"model_args.act_layer", "another graph"}},
		{object{"architecture": "vit_tiny", "model_args": object{"img_size": 32}}, []string{"config.json says image_size 32, the weights have 16"}},
		{object{"architecture": "vit_tiny", "pretrained_cfg": object{"mean": []float64{1}}}, []string{"mean of [1]", "three numbers"}},
		{object{"architecture": "vit_tiny", "pretrained_cfg": object{"std": []float64{0, 1, 1}}}, []string{"std of", "three numbers"}},
		{object{"architecture": "beit_base"}, []string{"--heads"}},
	} {
		_, _, err := weights.Read(folder(t, plain, object{"config.json": c.config}), weights.Options{})
		errtest.OneLine(t, err, c.want...)
	}
	broken := folder(t, plain, nil)
	if err := os.WriteFile(filepath.Join(broken, "config.json"), []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, err = weights.Read(broken, weights.Options{})
	errtest.OneLine(t, err, "config.json")
	_, _, err = weights.Read(t.TempDir(), weights.Options{})
	errtest.OneLine(t, err, "is a folder without model.safetensors")
	_, _, err = weights.Read(filepath.Join(t.TempDir(), "absent.pth"), weights.Options{})
	errtest.OneLine(t, err, "absent.pth")
}

// TestTransformersConfig: what config.json says of another graph is refused, and the
// normalisation is the image processor's.
func TestTransformersConfig(t *testing.T) {
	tensors, _, err := safetensors.ReadFile(filepath.Join(fixtures, "hf_vit", safetensors.ModelFile))
	if err != nil {
		manifest(t)
		t.Fatal(err)
	}
	byName := map[string]*onnxgraph.Tensor{}
	for _, n := range tensors {
		byName[n.Name] = n.Tensor
	}
	config := func(change object) object {
		c := object{"model_type": "vit", "num_attention_heads": 3, "hidden_size": 24, "num_hidden_layers": 2, "intermediate_size": 96, "image_size": 16, "patch_size": 4, "hidden_act": "gelu"}
		maps.Copy(c, change)
		return c
	}
	dir := folder(t, byName, object{
		"config.json":              config(object{"layer_norm_eps": 1e-5}),
		"preprocessor_config.json": object{"image_mean": []float64{.5, .5, .5}, "image_std": []float64{.5, .5, .5}},
	})
	e, report, err := weights.Read(dir, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Epsilon != 1e-5 || e.Mean != [3]float32{.5, .5, .5} || len(report.Notes) != 0 {
		t.Errorf("%+v, notes %v", e.Architecture, report.Notes)
	}
	e, report, err = weights.Read(folder(t, byName, object{"config.json": config(nil)}), weights.Options{})
	if err != nil || e.Epsilon != 1e-12 || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "normalised") {
		t.Errorf("%v, %+v", err, report)
	}
	_, _, err = weights.Read(folder(t, byName, object{"config.json": config(object{"hidden_act": "quick_gelu"})}), weights.Options{})
	errtest.OneLine(t, err, `hidden_act "quick_gelu"`, "another graph")
	_, _, err = weights.Read(folder(t, byName, object{"config.json": config(object{"intermediate_size": 97})}), weights.Options{})
	errtest.OneLine(t, err, "config.json says hidden width 97, the weights have 96")
}

// TestCheckpoint reads both encoders of a run's checkpoint, and no damaged one.
func TestCheckpoint(t *testing.T) {
	plain, base := expected(t, "plain/"), expected(t, "base/")
	arch := `{"architecture":"vision_transformer","image_size":16,"patch_size":4,"embed_dim":24,"depth":2,"num_heads":3,"mlp_ratio":4,"layer_norm_eps":1e-6,"mean":[0.1,0.2,0.3],"std":[1,2,3]}`
	state := with(joined(under("momentum_encoder.", plain), under("base_encoder.", base)), "predictor.0.weight", "base_encoder.head.0.weight")
	path := filepath.Join(t.TempDir(), "000007.safetensors")
	write := func(arch string, state map[string]*onnxgraph.Tensor) {
		t.Helper()
		c := artifacts.Checkpoint{CheckpointHeader: artifacts.CheckpointHeader{Step: 7, Arch: json.RawMessage(arch)}, Tensors: safetensors.Sorted(state)}
		if err := artifacts.WriteCheckpoint(path, &c); err != nil {
			t.Fatal(err)
		}
	}
	write(arch, state)
	for encoder, want := range map[string]map[string]*onnxgraph.Tensor{"": plain, "momentum": plain, "base": base} {
		e, report, err := weights.Read(path, weights.Options{Encoder: encoder})
		if err != nil {
			t.Fatal(err)
		}
		equalTensors(t, encoder, e.Tensors, want)
		if e.Heads != 3 || report.HeadsFrom != "metadata" || e.Std != [3]float32{1, 2, 3} {
			t.Errorf("%+v, heads from %s", e.Architecture, report.HeadsFrom)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	_, _, err = weights.Read(path, weights.Options{})
	errtest.OneLine(t, err, "does not match its checksum")
	write(strings.Replace(arch, `"depth":2`, `"depth":3`, 1), state)
	_, _, err = weights.Read(path, weights.Options{})
	errtest.OneLine(t, err, "says depth 3, the weights have 2")
	write(`{"heads":3}`, state)
	_, _, err = weights.Read(path, weights.Options{})
	errtest.OneLine(t, err, "does not describe a vision transformer")
}

// TestNoFileIsTwoLayouts: at most one layout that is not a fallback recognises a file,
// so that their order decides nothing.
func TestNoFileIsTwoLayouts(t *testing.T) {
	for _, f := range manifest(t) {
		if f.Expect != "load" && !strings.HasPrefix(f.File, "refuse/") {
			continue
		}
		if names := weights.RecognisedBy(f.path()); len(names) > 1 {
			t.Errorf("%s is %v", f.File, names)
		}
	}
}
