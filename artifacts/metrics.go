package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"pmx/internal/atomicfile"
)

// MetricsKind says what a row of metrics.jsonl is of.
type MetricsKind string

// The kinds of rows.
const (
	MetricsStep  MetricsKind = "step"  // one step
	MetricsEpoch MetricsKind = "epoch" // the means of an epoch, after its last step
	MetricsEval  MetricsKind = "eval"  // an evaluation after a step
)

// Metrics is one row of metrics.jsonl, a JSON object:
//
//	{"kind":"step","step":12,"epoch":0.5,"time":"2026-11-30T19:44:26.015Z","hyper/lr":0.0012,"train/loss":8.93}
type Metrics struct {
	Kind  MetricsKind
	Step  int64              // steps done
	Epoch float64            // epochs done, a fraction within one
	Time  time.Time          // when the row was written; zero in a row of an older pmx
	Tags  map[string]float64 // the numbers, under the tags that TensorBoard shows them with
}

// MetricsLog appends to metrics.jsonl: one row a line, in the order in which they
// happened, so that no row has a smaller step than the one before.
type MetricsLog struct {
	f    *os.File
	size int64 // of the complete lines
}

// OpenMetrics opens the run's metrics to continue after fromStep: rows of later steps, and a
// last line that a killed process left torn, are cut off. It reads no more of the file
// than that and the row before. A new run passes 0.
func (r *RunDir) OpenMetrics(fromStep int64) (*MetricsLog, error) {
	path := r.Path(MetricsName)
	f, err := atomicfile.OpenRegular(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("artifacts: %w", err)
	}
	m := &MetricsLog{f: f}
	if err := m.cut(path, fromStep); err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

// cut truncates the file behind the last row that is not past a step.
func (m *MetricsLog) cut(path string, step int64) error {
	info, err := m.f.Stat()
	if err != nil {
		return fmt.Errorf("artifacts: %w", err)
	}
	var row MetricsRow
	for line, err := range linesBackward(m.f, info.Size()) {
		if err == nil {
			err = row.parse(line.text)
		}
		if err != nil {
			return lineError(m.f, path, line.begin, err)
		}
		if row.Step <= step {
			m.size = line.end
			break
		}
	}
	if m.size == info.Size() {
		return nil
	}
	if err := m.f.Truncate(m.size); err != nil {
		return fmt.Errorf("artifacts: %w", err)
	}
	return nil
}

// Append writes one row; a zero Time is now. NaN and infinities, which JSON cannot
// express, become the strings "NaN", "+Inf", "-Inf". A row that does not fit on the disk
// leaves no part of itself.
func (m *MetricsLog) Append(row Metrics) error {
	if row.Time.IsZero() {
		row.Time = time.Now()
	}
	line, err := row.appendJSON(nil)
	if err != nil {
		return fmt.Errorf("artifacts: metrics of step %d: %w", row.Step, err)
	}
	n, err := m.f.Write(append(line, '\n'))
	if err != nil {
		if truncateErr := m.f.Truncate(m.size); truncateErr != nil {
			err = errors.Join(err, truncateErr)
		}
		return fmt.Errorf("artifacts: metrics of step %d were not written: %w", row.Step, err)
	}
	m.size += int64(n)
	return nil
}

// Sync flushes the rows to the disk; call it before saving a checkpoint.
func (m *MetricsLog) Sync() error {
	if err := m.f.Sync(); err != nil {
		return fmt.Errorf("artifacts: metrics: %w", err)
	}
	return nil
}

// Close closes the file.
func (m *MetricsLog) Close() error { return m.f.Close() }

// The keys of a row that are not tags.
const (
	kindKey  = "kind"
	stepKey  = "step"
	epochKey = "epoch"
	timeKey  = "time"
)

// metricsTime is RFC 3339 with milliseconds, in UTC.
const metricsTime = "2006-01-02T15:04:05.000Z"

func (m Metrics) appendJSON(b []byte) ([]byte, error) {
	if m.Kind == "" {
		return nil, errors.New("a row without a kind")
	}
	b = fmt.Appendf(b, `{"%s":"%s","%s":%d,"%s":`, kindKey, m.Kind, stepKey, m.Step, epochKey)
	b = appendNumber(b, m.Epoch)
	b = fmt.Appendf(b, `,"%s":"%s"`, timeKey, m.Time.UTC().Format(metricsTime))
	for _, tag := range slices.Sorted(maps.Keys(m.Tags)) {
		switch tag {
		case kindKey, stepKey, epochKey, timeKey:
			return nil, fmt.Errorf("%q is not a tag: rows have it already", tag)
		}
		key, err := json.Marshal(tag)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, ','), key...), ':')
		b = appendNumber(b, m.Tags[tag])
	}
	return append(b, '}'), nil
}

func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendQuote(b, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}
