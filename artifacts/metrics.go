package artifacts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"pmx/internal/atomicfile"
)

// MetricsLog appends to metrics.jsonl: one JSON object a line, each with its
// "step", in the order in which they happened.
type MetricsLog struct {
	f    *os.File
	size int64 // of the complete lines
}

// OpenMetrics opens the run's metrics to go on behind fromStep: lines of later
// steps, and a last line that a killed process left torn, are dropped.
// A new run passes 0.
func (r *RunDir) OpenMetrics(fromStep int64) (*MetricsLog, error) {
	path := r.Path(MetricsName)
	if err := atomicfile.CheckReplaceable(path); err != nil {
		return nil, err
	}
	if err := dropLines(path, fromStep); err != nil {
		return nil, err
	}
	f, err := atomicfile.OpenRegular(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	stat, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	return &MetricsLog{f: f, size: stat.Size()}, nil
}

// Append writes one line: the step and the values, sorted by key. NaN and
// infinities, which JSON cannot express, become the strings "NaN", "+Inf", "-Inf".
// A line that does not fit on the disk leaves no part of itself.
func (m *MetricsLog) Append(step int64, values map[string]any) error {
	line := make(map[string]any, len(values)+1)
	for key, v := range values {
		line[key] = jsonSafe(v)
	}
	line["step"] = step
	data, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("artifacts: metrics of step %d: %w", step, err)
	}
	n, err := m.f.Write(append(data, '\n'))
	if err != nil {
		if truncateErr := m.f.Truncate(m.size); truncateErr != nil {
			err = errors.Join(err, truncateErr)
		}
		return fmt.Errorf("artifacts: metrics of step %d were not written: %w", step, err)
	}
	m.size += int64(n)
	return nil
}

// Sync flushes the lines to the disk; call it before saving a checkpoint.
func (m *MetricsLog) Sync() error {
	if err := m.f.Sync(); err != nil {
		return fmt.Errorf("artifacts: metrics: %w", err)
	}
	return nil
}

// Close closes the file.
func (m *MetricsLog) Close() error { return m.f.Close() }

// Metrics is one line of metrics.jsonl.
type Metrics struct {
	Step   int64
	Values map[string]any // as encoding/json gives them; without the step
}

// Float gives a value as a number; NaN and infinities come back as such.
func (m Metrics) Float(key string) (float64, bool) {
	switch v := m.Values[key].(type) {
	case float64:
		return v, true
	case string:
		switch v {
		case "NaN":
			return math.NaN(), true
		case "+Inf":
			return math.Inf(1), true
		case "-Inf":
			return math.Inf(-1), true
		}
	}
	return 0, false
}

// ReadMetrics reads the run's metrics. A torn last line is left out.
func (r *RunDir) ReadMetrics() ([]Metrics, error) {
	var list []Metrics
	_, err := eachLine(r.Path(MetricsName), func(_ []byte, m Metrics) error {
		list = append(list, m)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return list, nil
}

// dropLines rewrites the file without lines past step and without a torn end.
func dropLines(path string, step int64) error {
	drop := false
	torn, err := eachLine(path, func(_ []byte, m Metrics) error {
		drop = drop || m.Step > step
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !drop && !torn {
		return nil
	}
	return atomicfile.WriteRegular(path, func(w io.Writer) error {
		_, err := eachLine(path, func(line []byte, m Metrics) error {
			if m.Step > step {
				return nil
			}
			_, err := w.Write(line)
			return err
		})
		return err
	})
}

// eachLine calls visit with each complete line, its newline included, and
// reports whether an incomplete one follows.
func eachLine(path string, visit func(line []byte, m Metrics) error) (torn bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("artifacts: %w", err)
	}
	defer f.Close()
	reader := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return len(line) > 0, nil
		}
		if err != nil {
			return false, fmt.Errorf("artifacts: %w", err)
		}
		m, err := parseMetrics(line)
		if err != nil {
			return false, fmt.Errorf("artifacts: %s line %d: %w: remove this line", path, number, err)
		}
		if err := visit(line, m); err != nil {
			return false, err
		}
	}
}

func parseMetrics(line []byte) (Metrics, error) {
	var m Metrics
	var head struct {
		Step *int64 `json:"step"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return m, errors.New("not a JSON object with a step")
	}
	if head.Step == nil {
		return m, errors.New("no step")
	}
	if err := json.Unmarshal(line, &m.Values); err != nil {
		return m, err
	}
	m.Step = *head.Step
	delete(m.Values, "step")
	return m, nil
}

func jsonSafe(v any) any {
	var x float64
	switch v := v.(type) {
	case float64:
		x = v
	case float32:
		x = float64(v)
	default:
		return v
	}
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "+Inf"
	case math.IsInf(x, -1):
		return "-Inf"
	}
	return v // a float32 keeps its short form: 0.1, not 0.10000000149011612
}
