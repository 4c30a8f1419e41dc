package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pmx/internal/errtest"
	"pmx/internal/require"
)

func TestMetrics(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	if rows := allMetrics(t, run.Metrics()); len(rows) != 0 {
		t.Errorf("a new run has metrics %v", rows)
	}
	log := openMetrics(t, run, 0)
	written := time.Date(2026, 11, 30, 19, 44, 26, 15e6, time.UTC)
	rows := []Metrics{
		{Kind: MetricsEval, Time: written, Tags: map[string]float64{"eval/knn_top1": 21.5}},
		{Kind: MetricsStep, Step: 1, Epoch: .25, Time: written, Tags: map[string]float64{"train/loss": 8.934812545776367, "hyper/lr": 1e-7}},
		{Kind: MetricsStep, Step: 2, Epoch: .5, Time: written, Tags: map[string]float64{"train/loss": 3e30, "hyper/lr": 0, "speed/step_s": -.25}},
		{Kind: MetricsEpoch, Step: 4, Epoch: 1, Time: written},
	}
	for _, row := range rows {
		if err := log.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Append(Metrics{Kind: "other", Step: 5, Tags: map[string]float64{"a": math.NaN(), "b": math.Inf(1), "c": math.Inf(-1), `"ü`: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(log.Sync(), log.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(run.Path(MetricsName))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if want := `{"kind":"step","step":1,"epoch":0.25,"time":"2026-11-30T19:44:26.015Z","hyper/lr":1e-07,"train/loss":8.934812545776367}`; lines[1] != want {
		t.Errorf("wrote %s, want %s", lines[1], want)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("%s is not JSON", line)
		}
	}
	rows[3].Tags = map[string]float64{}
	got := allMetrics(t, run.Metrics())
	if len(got) != 5 || !reflect.DeepEqual(got[:4], rows) {
		t.Errorf("read %v, want %v", got, rows)
	}
	odd := got[4]
	if age := time.Since(odd.Time); age < 0 || age > time.Minute {
		t.Errorf("a row of now is of %v", odd.Time)
	}
	if tags := odd.Tags; odd.Kind != "other" || !math.IsNaN(tags["a"]) || !math.IsInf(tags["b"], 1) || !math.IsInf(tags["c"], -1) || tags[`"ü`] != 1 {
		t.Errorf("read %v", odd)
	}
	backward := allMetrics(t, run.MetricsBackward())
	slices.Reverse(backward)
	if fmt.Sprint(backward) != fmt.Sprint(got) {
		t.Errorf("backward %v, want %v", backward, got)
	}
	for row, err := range run.Metrics() {
		v, ok := row.Number("eval/knn_top1")
		if want := row.Step == 0; err != nil || ok != want || want && v != 21.5 {
			t.Errorf("step %d: %g, %t, %v", row.Step, v, ok, err)
		}
	}
	log = openMetrics(t, run, 9)
	defer log.Close()
	errtest.OneLine(t, log.Append(Metrics{Kind: MetricsStep, Tags: map[string]float64{"time": 1}}), `"time" is not a tag`)
	errtest.OneLine(t, log.Append(Metrics{}), "without a kind")
}

// TestOldMetrics reads what an earlier pmx wrote: its rows have no kind and no time, and
// names of their own.
func TestOldMetrics(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	writeMetrics(t, run, `{"knn_top1":12.5,"knn_top5":50,"step":0}
{"data_wait_s":0.5,"epoch":0.5,"grad_norm":2,"images_per_s":64,"loss":"NaN","loss_mix_mix":3,"lr":0.1,"step":1,"step_s":0.25,"temperature":0.2,"weight_decay":0.04,"ema_momentum":0.99}
{"epoch":1,"epoch_data_wait_s":0.1,"epoch_grad_norm":4,"epoch_images_per_s":60,"epoch_loss":5,"epoch_s":6,"epoch_step_s":0.2,"epoch_wait_share":0.3,"step":2}
{"kind":"step","step":3,"epoch":1.5,"time":"2026-11-30T19:44:26Z","train/loss":1}
`)
	want := []Metrics{
		{Kind: MetricsEval, Tags: map[string]float64{"eval/knn_top1": 12.5, "eval/knn_top5": 50}},
		{Kind: MetricsStep, Step: 1, Epoch: .5, Tags: map[string]float64{
			"speed/data_wait_s": .5, "speed/images_per_s": 64, "speed/step_s": .25, "train/grad_norm": 2, "train/loss": math.NaN(), "train/loss_mix_mix": 3,
			"hyper/lr": .1, "hyper/temperature": .2, "hyper/weight_decay": .04, "hyper/ema_momentum": .99,
		}},
		{Kind: MetricsEpoch, Step: 2, Epoch: 1, Tags: map[string]float64{
			"epoch/data_wait_s": .1, "epoch/grad_norm": 4, "epoch/images_per_s": 60, "epoch/loss": 5, "epoch/time_s": 6, "epoch/step_s": .2, "epoch/wait_share": .3,
		}},
		{Kind: MetricsStep, Step: 3, Epoch: 1.5, Time: time.Date(2026, 11, 30, 19, 44, 26, 0, time.UTC), Tags: map[string]float64{"train/loss": 1}},
	}
	if got := allMetrics(t, run.Metrics()); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read\n%v, want\n%v", got, want)
	}
	last, err := run.LastMetrics()
	if err != nil || last["train/loss"] != (LastNumber{3, 1}) || last["epoch/loss"] != (LastNumber{2, 5}) || last["eval/knn_top1"] != (LastNumber{0, 12.5}) {
		t.Errorf("last %v, %v", last, err)
	}
}

// TestMetricsOfAnOldRun reads a log that an earlier pmx wrote.
func TestMetricsOfAnOldRun(t *testing.T) {
	const folder = "../../shared/cases/old_run/run"
	if _, err := os.Stat(folder); err != nil {
		require.Missing(t, err)
	}
	run, err := ViewRun(folder)
	if err != nil {
		t.Fatal(err)
	}
	rows := allMetrics(t, run.Metrics())
	if n := len(rows); n != 203 || rows[0].Step != 1 || rows[0].Tags["train/loss"] != 8.934812545776367 || rows[n-1].Step != 202 || rows[n-1].Tags["hyper/lr"] != .0029321039393295644 {
		t.Errorf("%d rows, from %v to %v", n, rows[0], rows[n-1])
	}
	if epoch := rows[156]; epoch.Kind != MetricsEpoch || epoch.Step != 156 || epoch.Epoch != 1 || epoch.Tags["epoch/loss"] == 0 {
		t.Errorf("row of the epoch %v", epoch)
	}
}

// TestLastMetrics: of steps the numbers of the last one, of evaluations those of the last
// of each.
func TestLastMetrics(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	if last, err := run.LastMetrics(); err != nil || len(last) != 0 {
		t.Errorf("a new run has %v, %v", last, err)
	}
	log := openMetrics(t, run, 0)
	for step := range int64(100) {
		row := Metrics{Kind: MetricsStep, Step: step, Tags: map[string]float64{"train/loss": float64(step)}}
		if step < 50 { // a resumed run may have others
			row.Tags["hyper/ema_momentum"] = .99
		}
		if step%10 == 0 {
			row.Kind = MetricsEval
			row.Tags = map[string]float64{fmt.Sprintf("eval/measure%d", step%3): float64(step)}
		}
		if err := log.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	log.Close()
	want := map[string]LastNumber{"train/loss": {99, 99}, "eval/measure0": {90, 90}, "eval/measure1": {70, 70}, "eval/measure2": {80, 80}}
	if got, err := run.LastMetrics(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("last %v, %v, want %v", got, err, want)
	}
	var evaluated []int64
	for row, err := range run.Metrics(MetricsEval, MetricsEpoch) {
		if err != nil {
			t.Fatal(err)
		}
		evaluated = append(evaluated, row.Step)
	}
	if want := []int64{0, 10, 20, 30, 40, 50, 60, 70, 80, 90}; !slices.Equal(evaluated, want) {
		t.Errorf("evaluations after steps %v, want %v", evaluated, want)
	}
}

func TestMetricsResume(t *testing.T) {
	long := fmt.Sprintf(`{"step":1,"note":"%s"}`, strings.Repeat("x", 200_000)) + "\n" // longer than a block
	for name, tt := range map[string]struct {
		file string
		from int64
		want string
	}{
		"absent":              {"", 3, ""},
		"torn":                {"{\"step\":1}\n{\"step\":2,\"lo", 5, "{\"step\":1}\n"},
		"only torn":           {"{\"ste", 5, ""},
		"torn and long":       {"{\"step\":1}\n" + strings.Repeat("\x00", 300_000), 5, "{\"step\":1}\n"},
		"torn but whole":      {"{\"step\":1}\n{\"step\":2}", 5, "{\"step\":1}\n"},
		"later steps":         {"{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n", 2, "{\"step\":1}\n{\"step\":2}\n"},
		"later and torn":      {"{\"step\":1}\n{\"step\":3}\n{\"st", 2, "{\"step\":1}\n"},
		"all later":           {"{\"step\":1}\n{\"step\":3}\n{\"st", 0, ""},
		"behind a long line":  {long + "{\"step\":3}\n{\"st", 2, long},
		"nothing to drop":     {"{\"step\":2,  \"odd  spaces\":1 }\n", 2, "{\"step\":2,  \"odd  spaces\":1 }\n"},
		"several of one step": {"{\"step\":2}\n{\"step\":2}\n{\"step\":4}\n{\"step\":4}\n", 2, "{\"step\":2}\n{\"step\":2}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			run := create(t, t.TempDir())
			defer run.Close()
			if tt.file != "" {
				writeMetrics(t, run, tt.file)
			}
			log := openMetrics(t, run, tt.from)
			if err := errors.Join(log.Append(Metrics{Kind: MetricsStep, Step: 9, Time: time.Unix(0, 0)}), log.Close()); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(run.Path(MetricsName))
			if err != nil {
				t.Fatal(err)
			}
			if want := tt.want + `{"kind":"step","step":9,"epoch":0,"time":"1970-01-01T00:00:00.000Z"}` + "\n"; string(got) != want {
				t.Errorf("file is %.200q, want %.200q", got, want)
			}
		})
	}
}

// TestMetricsRefusals: a damaged row is told with its line, forward wherever it lies, and
// backward and on resume where it is come upon. The file stays as it is.
func TestMetricsRefusals(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"not JSON":       {"hello", "not a JSON object with a step"},
		"no step":        {`{"loss":1}`, "no step"},
		"step a word":    {`{"step":"1"}`, "not a JSON object with a step"},
		"step a part":    {`{"step":1.5}`, "not a JSON object with a step"},
		"a list":         {"[1]", "not a JSON object with a step"},
		"null":           {"null", "not a JSON object with a step"},
		"cut off":        {`{"step":2,"loss":1`, "not a JSON object with a step"},
		"zeros":          {"\x00\x00\x00", "not a JSON object with a step"},
		"two rows":       {`{"step":2,"lo{"step":3}`, "not a JSON object with a step"},
		"a number":       {`{"step":2,"loss":1.2.3}`, "not a JSON object with a step"},
		"an older row":   {`{"step":0}`, "step 0 follows step 1"},
		"a row in a row": {`{"kind":"step","step":1,"epoch":0,"ti{"kind":"step","step":2,"epoch":0}`, "not a JSON object with a step"},
		"a row of zeros": {`{"kind":"step","step":1,"epoch":0,"ti` + strings.Repeat("\x00", 4096) + `}`, "not a JSON object with a step"},
		"a row cut off":  {`{"kind":"step","step":1,"epoch":0,"train/loss":3`, "not a JSON object with a step"},
		"without an end": {strings.Repeat("x", maxMetricsLine), "is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			run := create(t, t.TempDir())
			defer run.Close()
			file := "{\"step\":1}\n" + c.line + "\n"
			writeMetrics(t, run, file)
			want := []string{"line 2: " + c.want, run.Path(MetricsName), "remove this line"}
			if name != "an older row" {
				for _, err := range run.MetricsBackward() {
					errtest.OneLine(t, err, want...)
					break
				}
				_, err := run.OpenMetrics(5)
				errtest.OneLine(t, err, want...)
			}
			writeMetrics(t, run, file+"{\"step\":2}\n")
			_, err := run.LastMetrics()
			errtest.OneLine(t, err, want...)
			for _, err := range run.Metrics(MetricsEval) {
				errtest.OneLine(t, err, want...)
			}
			if got, _ := os.ReadFile(run.Path(MetricsName)); string(got) != file+"{\"step\":2}\n" {
				t.Error("the file was changed")
			}
		})
	}
}

// TestMetricsStart: the beginning of a row tells what the whole of it does.
func TestMetricsStart(t *testing.T) {
	for _, line := range []string{
		`{"kind":"step","step":12,"epoch":0.5,"train/loss":3}`, `{"kind":"eval","step":0}`, `{"kind":"other","step":7,"epoch":1}`,
		`{"data_wait_s":0.5,"loss":"NaN","step":1,"step_s":0.25}`,
	} {
		var start, whole MetricsRow
		if ok, err := start.parseStart([]byte(line)), whole.parse([]byte(line)); !ok || err != nil || start.Kind != whole.Kind || start.Step != whole.Step || start.old != whole.old {
			t.Errorf("%s: %t, %v; %+v, want %+v", line, ok, err, start, whole)
		}
	}
	for _, line := range []string{
		`{"epoch":1,"epoch_loss":5,"epoch_s":6,"step":2}`, `{"knn_top1":1,"step":3}`, `{"step":4}`,
		``, `{`, `}`, `{}`, `{"kind":"step"}`, `{"kind":"step","step":}`, `{"kind":"step","step":1.5}`, `{"kind":"step","step":"1"}`, `{"step": 1}`, `{"a":{"step":1}}`, `[1]`,
	} {
		var row MetricsRow
		if row.parseStart([]byte(line)) {
			t.Errorf("%s is taken as %+v", line, row)
		}
	}
}

// TestMetricsPassedOver: rows of other kinds are not decoded, and the newest of each is.
func TestMetricsPassedOver(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	const bad = `{"kind":"step","step":1,"epoch":0,"train/loss":3,,}` + "\n"
	const good = `{"kind":"step","step":2,"epoch":0,"train/loss":4}` + "\n"
	writeMetrics(t, run, bad+good)
	if last, err := run.LastMetrics(); err != nil || last["train/loss"] != (LastNumber{2, 4}) {
		t.Errorf("last %v, %v", last, err)
	}
	writeMetrics(t, run, good+strings.Replace(bad, "1", "2", 1))
	_, err := run.LastMetrics()
	errtest.OneLine(t, err, run.Path(MetricsName), "line 2: not a JSON object", "remove this line")
}

// TestMetricsMemory: however many rows there are, little memory is taken for them.
func TestMetricsMemory(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	const rows = 30_000
	size := writeManyMetrics(t, run, rows)
	for name, read := range map[string]func() error{
		"last": func() error {
			_, err := run.LastMetrics()
			return err
		},
		"backward": func() error {
			for row, err := range run.MetricsBackward() {
				if err != nil || row.Step < rows/2 {
					return err
				}
			}
			return nil
		},
		"resume": func() error {
			log, err := run.OpenMetrics(rows - 1000)
			if err != nil {
				return err
			}
			return log.Close()
		},
	} {
		before := allocatedBytes()
		if err := read(); err != nil {
			t.Fatal(err)
		}
		if allocated := allocatedBytes() - before; allocated > uint64(size/2) || allocated > 8<<20 {
			t.Errorf("%s: %d bytes were allocated for a file of %d", name, allocated, size)
		}
	}
}

// FuzzMetricsRow: what the scanner takes, encoding/json reads as the same members.
func FuzzMetricsRow(f *testing.F) {
	for _, seed := range []string{`{"kind":"step","step":1,"epoch":0.25,"time":"2026","hyper/lr":1e-07}`, `{"step":-0.5E+3}`, `{}`, `{"a":01}`, `{"a":1,}`, `{"a":"b\"c"}`, `{"a":1}}`, `{"a":-}`, `{ "a": 1, "b": "c"}`, `{"a":1}"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		fields, ok := scanFlat(nil, line)
		if !ok {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("%q was taken, though %v", line, err)
		}
		got := map[string]json.RawMessage{}
		for _, f := range fields {
			got[string(f.key)] = f.value
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q has members %q, want %q", line, got, want)
		}
	})
}

func openMetrics(t *testing.T, run *RunDir, from int64) *MetricsLog {
	t.Helper()
	log, err := run.OpenMetrics(from)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func allMetrics(t *testing.T, rows iter.Seq2[*MetricsRow, error]) (list []Metrics) {
	t.Helper()
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, row.Metrics())
	}
	return list
}

func writeMetrics(t testing.TB, run *RunDir, content string) {
	t.Helper()
	if err := os.WriteFile(run.Path(MetricsName), []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}
