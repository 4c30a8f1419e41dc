package artifacts

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"
)

// longRun is how many steps the longest published recipe has: 300 epochs of ImageNet.
const longRun = 375_300

// BenchmarkMetrics reads what inspect and a resume need of the log of the longest run.
//
//	go test -run '^$' -bench Metrics ./artifacts
func BenchmarkMetrics(b *testing.B) {
	run, err := CreateRun(b.TempDir(), Manifest{}, struct{}{}, false)
	if err != nil {
		b.Fatal(err)
	}
	defer run.Close()
	for _, log := range []struct {
		name  string
		write func(testing.TB, *RunDir, int) int64
	}{{"new", writeManyMetrics}, {"old", writeOldMetrics}} {
		size := log.write(b, run, longRun)
		b.Run(log.name+"/inspect", func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if last, err := run.LastMetrics(); err != nil || last["train/loss"].Step != longRun {
					b.Fatal(last, err)
				}
			}
		})
		b.Run(log.name+"/resume", func(b *testing.B) { // the last row, all rows for damage, and the file to continue with
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				for row, err := range run.MetricsBackward() {
					if err != nil || row.Step != longRun {
						b.Fatal(row, err)
					}
					break
				}
				for _, err := range run.Metrics(MetricsEval) {
					if err != nil {
						b.Fatal(err)
					}
				}
				log, err := run.OpenMetrics(longRun)
				if err != nil {
					b.Fatal(err)
				}
				log.Close()
			}
		})
	}
}

// writeManyMetrics writes the log of a run of so many steps, with a momentum encoder and
// local crops, and gives its size.
func writeManyMetrics(t testing.TB, run *RunDir, steps int) int64 {
	return writeRows(t, run, steps, func(rng *rand.Rand, step int) string {
		row := Metrics{Kind: MetricsStep, Step: int64(step), Epoch: float64(step) / 1251, Time: time.Unix(int64(step), 0), Tags: map[string]float64{}}
		for _, tag := range []string{
			"hyper/ema_momentum", "hyper/lr", "hyper/temperature", "hyper/weight_decay", "speed/data_wait_s", "speed/images_per_s", "speed/step_s",
			"train/grad_norm", "train/loss", "train/loss_mix_mix", "train/loss_mix_source", "train/loss_multi_mix_source", "train/loss_multi_source", "train/loss_source",
		} {
			row.Tags[tag] = rng.Float64()
		}
		line, err := row.appendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	})
}

// writeOldMetrics is writeManyMetrics of a pmx whose rows had no kind.
func writeOldMetrics(t testing.TB, run *RunDir, steps int) int64 {
	return writeRows(t, run, steps, func(rng *rand.Rand, step int) string {
		v := func() float64 { return rng.Float64() }
		return fmt.Sprintf(`{"data_wait_s":%v,"ema_momentum":%v,"epoch":%v,"grad_norm":%v,"images_per_s":%v,"loss":%v,"loss_mix_mix":%v,"loss_mix_source":%v,`+
			`"loss_multi_mix_source":%v,"loss_multi_source":%v,"loss_source":%v,"lr":%v,"step":%d,"step_s":%v,"temperature":%v,"weight_decay":%v}`,
			v(), v(), v(), v(), v(), v(), v(), v(), v(), v(), v(), v(), step, v(), v(), v())
	})
}

func writeRows(t testing.TB, run *RunDir, steps int, row func(rng *rand.Rand, step int) string) (size int64) {
	t.Helper()
	f, err := os.Create(run.Path(MetricsName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	rng := rand.New(rand.NewPCG(1, 0))
	for step := 1; step <= steps; step++ {
		n, _ := fmt.Fprintln(w, row(rng, step))
		size += int64(n)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return size
}

// allocatedBytes is what the process has allocated so far.
func allocatedBytes() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}
