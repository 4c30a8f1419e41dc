package images

import (
	"bytes"
	"strings"
	"testing"

	"pmx/internal/recording"
)

// transformFixtures are the recordings of timm 0.6.11 and Pillow: photographs of COCO
// and records of CIFAR-10.
var transformFixtures = []string{"supervised/transforms.safetensors", "supervised/transforms_cifar.safetensors"}

func fixtureImage(t *testing.T, f *recording.File, name string) *Image {
	t.Helper()
	shape := f.Shape(t, name)
	if len(shape) != 3 || shape[2] != 3 {
		t.Fatalf("%s has shape %v, want height, width, 3", name, shape)
	}
	return &Image{W: shape[1], H: shape[0], Pix: bytes.Clone(f.Bytes(t, name))}
}

// TestOperatorsRecorded: every operator of RandAugment gives timm's argument and
// Pillow's bytes.
func TestOperatorsRecorded(t *testing.T) {
	for _, path := range transformFixtures {
		f := recording.Open(t, path)
		var cases []struct {
			Op, Input, Output string
			Level, Sign       float64
			Argument          *float64
		}
		f.Meta(t, "randaugment", &cases)
		var fill [3]int
		f.Meta(t, "fill", &fill)
		a := augmenter{work: new(Workspace), filter: Bicubic, fill: MeanColor(ImageNetMean)}
		if got := [3]int{int(a.fill[0]), int(a.fill[1]), int(a.fill[2])}; got != fill {
			t.Errorf("the fill colour is %v, want %v", got, fill)
		}
		seen := map[string]bool{}
		for _, c := range cases {
			op := operatorNamed(t, strings.TrimSuffix(c.Op, "Increasing"))
			seen[op.name] = true
			argument := op.argument(true)(c.Level/10, c.Sign)
			if c.Argument != nil && argument != *c.Argument {
				t.Errorf("%s at level %g, sign %g: argument %v, want %v", c.Op, c.Level, c.Sign, argument, *c.Argument)
			}
			img := fixtureImage(t, f, c.Input)
			if got, want := op.change(a, img, argument), fixtureImage(t, f, c.Output); !bytes.Equal(got.Pix, want.Pix) {
				mean, most := difference(t, got, want)
				t.Errorf("%s: mean difference %.4f of 255, largest %d, want none", c.Output, mean, most)
			}
		}
		if len(seen) != len(operators) {
			t.Errorf("%s has %d operators, of %d", path, len(seen), len(operators))
		}
	}
}

func operatorNamed(t *testing.T, name string) *operator {
	t.Helper()
	for i := range operators {
		if operators[i].name == name {
			return &operators[i]
		}
	}
	t.Fatalf("no operator %s", name)
	return nil
}

// TestEvaluationRecorded: resizing and cropping by the rules of the published scripts
// give torchvision's bytes.
func TestEvaluationRecorded(t *testing.T) {
	for _, path := range transformFixtures {
		f := recording.Open(t, path)
		var cases []struct {
			Rules         []string
			Input, Output string
			Size, Resize  int
		}
		f.Meta(t, "evaluation", &cases)
		if len(cases) == 0 {
			t.Fatalf("%s has no evaluation", path)
		}
		rules := map[string]func(int) EvalTransform{"linear": LinearEval, "finetune": FinetuneEval}
		for _, c := range cases {
			for _, rule := range c.Rules {
				e := rules[rule](c.Size)
				if e.Resize != c.Resize || e.Size != c.Size {
					t.Errorf("%s at %d pixels is %+v, want %d before the crop", rule, c.Size, e, c.Resize)
				}
				got := e.Apply(fixtureImage(t, f, c.Input), nil, new(Workspace))
				if want := fixtureImage(t, f, c.Output); got.W != want.W || got.H != want.H || !bytes.Equal(got.Pix, want.Pix) {
					t.Errorf("%s by the rule %s differs", c.Output, rule)
				}
			}
		}
	}
}
