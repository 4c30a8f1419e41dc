// Package tfevents writes scalars for TensorBoard: event files, which are
// records of Event messages. The fields used, of
// https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto:
//
//	Event       1 wall_time double, 2 step int64, 3 file_version string, 5 summary, 7 session_log
//	Summary     1 repeated value: 1 tag string, 2 simple_value float
//	SessionLog  1 status enum, START = 1
package tfevents

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// fileVersion is in the first event of every file.
const fileVersion = "brain.Event:2"

// namePrefix is what TensorBoard knows event files by. Seconds since 1970,
// host, process and a number follow.
const namePrefix = "events.out.tfevents."

// Writer appends events to one file.
type Writer struct {
	f   *os.File
	now func() time.Time
}

// Create makes a new event file in dir, one for each process that trains.
// A run resumed behind fromStep > 0 makes TensorBoard drop what earlier files
// hold of later steps.
func Create(dir string, fromStep int64) (*Writer, error) {
	f, err := createFile(dir, time.Now())
	if err != nil {
		return nil, fmt.Errorf("tfevents: %w", err)
	}
	w := &Writer{f: f, now: time.Now}
	if err := w.start(fromStep); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// createFile makes a file whose name sorts behind those that are there, since
// TensorBoard reads them in that order.
func createFile(dir string, now time.Time) (*os.File, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	host = strings.ReplaceAll(host, string(filepath.Separator), "_")
	seconds := now.Unix()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		var last int64
		if _, err := fmt.Sscanf(e.Name(), namePrefix+"%d", &last); err == nil && last >= seconds {
			seconds = last + 1
		}
	}
	name := fmt.Sprintf("%s%010d.%s.%d.0", namePrefix, seconds, host, os.Getpid())
	return os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o666)
}

func (w *Writer) start(fromStep int64) error {
	version := protowire.AppendTag(nil, 3, protowire.BytesType)
	version = protowire.AppendString(version, fileVersion)
	if err := w.event(0, version); err != nil || fromStep <= 0 {
		return err
	}
	status := protowire.AppendTag(nil, 1, protowire.VarintType)
	status = protowire.AppendVarint(status, 1)
	log := protowire.AppendTag(nil, 7, protowire.BytesType)
	log = protowire.AppendBytes(log, status)
	return w.event(fromStep+1, log) // TensorBoard drops this step and later ones
}

// Scalars writes values of one step, in the order of their names. A name such
// as "loss/source" puts the curve into the group "loss".
func (w *Writer) Scalars(step int64, values map[string]float64) error {
	var summary []byte
	for _, tag := range slices.Sorted(maps.Keys(values)) {
		value := protowire.AppendTag(nil, 1, protowire.BytesType)
		value = protowire.AppendString(value, tag)
		value = protowire.AppendTag(value, 2, protowire.Fixed32Type)
		value = protowire.AppendFixed32(value, math.Float32bits(float32(values[tag])))
		summary = protowire.AppendTag(summary, 1, protowire.BytesType)
		summary = protowire.AppendBytes(summary, value)
	}
	content := protowire.AppendTag(nil, 5, protowire.BytesType)
	return w.event(step, protowire.AppendBytes(content, summary))
}

// Close flushes the file to the disk and closes it.
func (w *Writer) Close() error {
	if err := w.f.Sync(); err != nil {
		w.f.Close()
		return fmt.Errorf("tfevents: %w", err)
	}
	return w.f.Close()
}

// event writes an Event in one call, so that a killed process leaves no more
// than its last record torn, which TensorBoard passes over.
func (w *Writer) event(step int64, content []byte) error {
	seconds := float64(w.now().UnixNano()) / 1e9
	event := protowire.AppendTag(nil, 1, protowire.Fixed64Type)
	event = protowire.AppendFixed64(event, math.Float64bits(seconds))
	if step != 0 {
		event = protowire.AppendTag(event, 2, protowire.VarintType)
		event = protowire.AppendVarint(event, uint64(step))
	}
	if _, err := w.f.Write(record(append(event, content...))); err != nil {
		return fmt.Errorf("tfevents: %w", err)
	}
	return nil
}
