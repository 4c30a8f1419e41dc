package training_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"pmx/training"
)

func TestTensorBoardHook(t *testing.T) {
	dir := t.TempDir()
	s := newFakeSession()
	knn := &training.EvalHook{EveryEpochs: 1, Evaluate: func(context.Context, *training.Loop) (map[string]float64, error) {
		return map[string]float64{"knn_top1": 61.5}, nil
	}}
	if err := fakeLoop(s, 3, 3, &training.TensorBoardHook{Dir: dir, Every: 2}, knn).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := scalars(t, dir)
	want := map[string]float64{
		"2 train/loss": s.losses[1], "2 train/grad_norm": 2 * s.losses[1],
		"2 hyper/lr": schedules(3)["lr"](1), "2 hyper/weight_decay": schedules(3)["weight_decay"](1),
		"2 hyper/temperature": .2, "2 hyper/ema_momentum": schedules(3)["ema_momentum"](1),
		"3 epoch/loss": (s.losses[0] + s.losses[1] + s.losses[2]) / 3, "3 epoch/grad_norm": (s.losses[0] + s.losses[1] + s.losses[2]) / 1.5,
		"3 eval/knn_top1": 61.5,
	}
	for _, varies := range []string{"2 speed/images_per_s", "2 speed/step_s", "2 speed/data_wait_s",
		"3 epoch/images_per_s", "3 epoch/step_s", "3 epoch/data_wait_s", "3 epoch/wait_share", "3 epoch/time_s"} {
		want[varies] = got[varies]
	}
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("points %v, want %v", g, w)
	}
	for key, v := range want {
		if !(math.Abs(got[key]-v) <= 1e-6*math.Abs(v)) { // a file holds float32
			t.Errorf("%s is %g, want %g", key, got[key], v)
		}
	}
	// 4 images in the time of a step.
	if rate := 4 / (got["2 speed/step_s"] + got["2 speed/data_wait_s"]); !(math.Abs(got["2 speed/images_per_s"]/rate-1) <= 1e-5) {
		t.Errorf("%g images/s, want %g", got["2 speed/images_per_s"], rate)
	}
}

// scalars are the points of the event file in dir by "step tag".
func scalars(t *testing.T, dir string) map[string]float64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("event files %v, error %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	points := map[string]float64{}
	for len(data) > 0 {
		n := binary.LittleEndian.Uint64(data) // and two checksums of 4 bytes, around the event
		event := fields(t, data[12:12+n])
		data = data[16+n:]
		for _, summary := range event[5] {
			for _, value := range fields(t, summary.([]byte))[1] {
				v := fields(t, value.([]byte))
				step := any(0) // which is not written
				if len(event[2]) > 0 {
					step = event[2][0]
				}
				key := fmt.Sprintf("%d %s", step, v[1][0])
				if _, twice := points[key]; twice {
					t.Errorf("%s was written twice", key)
				}
				points[key] = float64(math.Float32frombits(v[2][0].(uint32)))
			}
		}
	}
	return points
}

// fields parses one level of a protobuf message.
func fields(t *testing.T, message []byte) map[protowire.Number][]any {
	t.Helper()
	out := map[protowire.Number][]any{}
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			t.Fatal("not a message")
		}
		message = message[n:]
		var v any
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			v, n = protowire.ConsumeFixed32(message)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(message)
		default:
			t.Fatalf("field %d of type %d", number, kind)
		}
		if n < 0 {
			t.Fatalf("field %d is cut off", number)
		}
		message = message[n:]
		out[number] = append(out[number], v)
	}
	return out
}
