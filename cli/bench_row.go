package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"pmx/internal/child"
)

// benchRow is one line of bench step --against: a program that times steps in a
// process of its own, so that its peak memory is its own, and ends its output
// with one JSON object.
type benchRow struct {
	name    string
	program string
	args    []string

	rounds []measurement
	gflops []float64 // of bench gemm
}

// measurement is what a row's program says of one round.
type measurement struct {
	MedianMS   float64 `json:"median_ms"`
	ImagesPerS float64 `json:"images_per_s"`
	PeakMiB    int64   `json:"peak_mib"`
	// Of pmx itself: the mean step, and the part of it that waits for the data.
	MeanMS    float64 `json:"mean_ms,omitempty"`
	WaitShare float64 `json:"wait_share,omitempty"`
}

// measure runs the program once.
func (r *benchRow) measure(ctx context.Context) error {
	line, err := lastLine(ctx, r.program, r.args...)
	if err != nil {
		return r.fail(err)
	}
	var m measurement
	if err := json.Unmarshal(line, &m); err != nil {
		return r.fail(fmt.Errorf("its last line is not the JSON of a measurement: %.80q", line))
	}
	if !(m.MedianMS > 0) {
		return r.fail(fmt.Errorf("its last line has no positive median_ms: %.80q", line))
	}
	r.rounds = append(r.rounds, m)
	return nil
}

// measureGemm is measure where the program is bench gemm.
func (r *benchRow) measureGemm(ctx context.Context) error {
	line, err := lastLine(ctx, r.program, r.args...)
	if err != nil {
		return r.fail(err)
	}
	var g gemmTiming
	if err := json.Unmarshal(line, &g); err != nil {
		return r.fail(fmt.Errorf("its last line is not the JSON of a product: %.80q", line))
	}
	if !(g.GFLOPs > 0) {
		return r.fail(fmt.Errorf("its last line has no positive gflop_per_s: %.80q", line))
	}
	r.gflops = append(r.gflops, g.GFLOPs)
	return nil
}

func (r *benchRow) fail(err error) error {
	if _, stopped := errors.AsType[*signalError](err); stopped {
		return err
	}
	return fmt.Errorf("%s: %w", r.name, err)
}

// result is the median of the rounds, with the rate of so many images in that
// time, and the largest memory of any round.
func (r *benchRow) result(images int) measurement {
	var times, means, waits []float64
	var sum measurement
	for _, m := range r.rounds {
		times, means, waits = append(times, m.MedianMS), append(means, m.MeanMS), append(waits, m.WaitShare)
		sum.PeakMiB = max(sum.PeakMiB, m.PeakMiB)
	}
	sum.MedianMS, sum.MeanMS, sum.WaitShare = median(times), median(means), median(waits)
	sum.ImagesPerS = float64(images) / sum.MedianMS * 1e3
	return sum
}

// median sorts values and gives their middle.
func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// lastLine is the last line that a program prints. An error has the last line of
// its standard error, which a Python traceback ends with what went wrong.
func lastLine(ctx context.Context, program string, args ...string) ([]byte, error) {
	cmd := child.Command(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if _, ended := errors.AsType[*exec.ExitError](err); !ended {
			return nil, withCode(ExitMissing, err)
		}
		if said := lastOf(stderr.Bytes()); len(said) > 0 {
			err = fmt.Errorf("%w: %s", err, strings.TrimPrefix(string(said), "pmx: "))
		}
		return nil, err
	}
	return lastOf(stdout.Bytes()), nil
}

func lastOf(output []byte) []byte {
	output = bytes.TrimSpace(output)
	return output[bytes.LastIndexByte(output, '\n')+1:]
}

// selfRow is pmx itself on a runtime, bench step or bench train, with a recipe in a file.
func selfRow(name, command, config string, o benchOptions) (*benchRow, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program, to run it in processes of its own: %w", err)
	}
	args := []string{"bench", command, "--json", "--config", config, "--steps", strconv.Itoa(o.steps), "--warmup", strconv.Itoa(o.warmup),
		"--runtime", o.runtime, "--kernels", o.kernels, "--device", o.device, "--threads", strconv.Itoa(o.threads)}
	if o.library != "" {
		args = append(args, "--ort-lib", o.library)
	}
	return &benchRow{name: name, program: self, args: args}, nil
}

// benchOptions are what bench step's rows are run with.
type benchOptions struct {
	steps, warmup    int
	runtime, kernels string
	device, library  string
	threads          int
}
