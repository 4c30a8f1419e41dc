package artifacts

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
)

// maxMetricsLine bounds a row: one of the largest recipe has some 600 bytes.
const maxMetricsLine = 1 << 20

// Metrics reads the run's metrics, one row at a time in little memory: those of some
// kinds, or all where none is named. A torn last line, which another process may be
// writing, is left out. An error ends the rows: of a line that is not a row, or whose step
// is smaller than that of the row before. Rows of other kinds are passed over by their
// beginnings.
func (r *RunDir) Metrics(kinds ...MetricsKind) iter.Seq2[*MetricsRow, error] {
	return func(yield func(*MetricsRow, error) bool) {
		skip := func(kind MetricsKind) bool { return len(kinds) > 0 && !slices.Contains(kinds, kind) }
		for line, err := range r.metricsLines(skip) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !skip(line.row.Kind) && !yield(&line.row, nil) {
				return
			}
		}
	}
}

// metricsLine is a line of metrics.jsonl. Its row has no fields where it was skipped.
type metricsLine struct {
	number int // from 1
	text   []byte
	row    MetricsRow
}

// metricsLines reads the run's metrics. Of rows of the kinds to skip it reads kind and
// step only, where they are written as Append does.
func (r *RunDir) metricsLines(skip func(MetricsKind) bool) iter.Seq2[*metricsLine, error] {
	return func(yield func(*metricsLine, error) bool) {
		path := r.Path(MetricsName)
		f, err := openFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(nil, fmt.Errorf("artifacts: %w", err))
			return
		}
		defer f.Close()
		var l metricsLine
		for text, err := range lines(f) {
			last := l.row.Step
			l.number++
			l.text = text
			if err == nil && !(l.row.parseStart(text) && skip(l.row.Kind)) {
				err = l.row.parse(text)
			}
			if err == nil && l.row.Step < last {
				err = fmt.Errorf("step %d follows step %d", l.row.Step, last)
			}
			if err != nil {
				yield(nil, numberedLineError(path, l.number, err))
				return
			}
			if !yield(&l, nil) {
				return
			}
		}
	}
}

// MetricsBackward is Metrics of all kinds from the last row to the first. It reads no more
// of the file than what is looked at.
func (r *RunDir) MetricsBackward() iter.Seq2[*MetricsRow, error] {
	return func(yield func(*MetricsRow, error) bool) {
		path := r.Path(MetricsName)
		f, err := openFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		var info fs.FileInfo
		if err == nil {
			defer f.Close()
			info, err = f.Stat()
		}
		if err != nil {
			yield(nil, fmt.Errorf("artifacts: %w", err))
			return
		}
		var row MetricsRow
		for line, err := range linesBackward(f, info.Size()) {
			if err == nil {
				err = row.parse(line.text)
			}
			if err != nil {
				yield(nil, lineError(f, path, line.begin, err))
				return
			}
			if !yield(&row, nil) {
				return
			}
		}
	}
}

// LastNumber is the newest number under a tag.
type LastNumber struct {
	Step  int64
	Value float64
}

// LastMetrics gives the numbers of the newest row of each kind, and of evaluations, which
// may be several, the newest under each tag.
func (r *RunDir) LastMetrics() (map[string]LastNumber, error) {
	last := map[string]LastNumber{}
	add := func(row *MetricsRow) {
		for tag, v := range row.Metrics().Tags {
			last[tag] = LastNumber{row.Step, v}
		}
	}
	newest := map[MetricsKind]*metricsLine{}
	notEval := func(kind MetricsKind) bool { return kind != MetricsEval }
	for line, err := range r.metricsLines(notEval) {
		if err != nil {
			return nil, err
		}
		if kind := line.row.Kind; kind == MetricsEval {
			add(&line.row)
		} else if before := newest[kind]; before != nil {
			before.number, before.text = line.number, append(before.text[:0], line.text...)
		} else {
			newest[kind] = &metricsLine{number: line.number, text: bytes.Clone(line.text)}
		}
	}
	for _, line := range newest {
		if err := line.row.parse(line.text); err != nil {
			return nil, numberedLineError(r.Path(MetricsName), line.number, err)
		}
		add(&line.row)
	}
	return last, nil
}

// lines gives the complete lines of a file, without their newlines. Each is good until the
// next.
func lines(f io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		reader := bufio.NewReaderSize(f, maxMetricsLine)
		for {
			line, err := reader.ReadSlice('\n')
			tooLong := errors.Is(err, bufio.ErrBufferFull)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = reader.ReadSlice('\n')
			}
			switch {
			case errors.Is(err, io.EOF): // torn, if anything is left
				return
			case err == nil && tooLong:
				err = errLongLine
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(line[:len(line)-1], nil) {
				return
			}
		}
	}
}

var errLongLine = fmt.Errorf("is longer than %d bytes", maxMetricsLine)

// placedLine is a line of a file.
type placedLine struct {
	begin, end int64  // its place in the file, with its newline
	text       []byte // without
}

// linesBackward gives the complete lines of a file of size bytes, the last first. Each is
// good until the next.
func linesBackward(f io.ReaderAt, size int64) iter.Seq2[placedLine, error] {
	const block = 1 << 16
	return func(yield func(placedLine, error) bool) {
		var buf, spare []byte // buf is the file from begin on; it ends with a newline once one is found
		begin := size
		for ended := false; ; {
			at := -1 // the newline before the last line in buf
			if ended {
				at = bytes.LastIndexByte(buf[:len(buf)-1], '\n')
			}
			switch {
			case at >= 0 || ended && begin == 0:
				line := placedLine{begin + int64(at) + 1, begin + int64(len(buf)), buf[at+1 : len(buf)-1]}
				if len(line.text) >= maxMetricsLine {
					yield(line, errLongLine)
					return
				}
				if buf = buf[:at+1]; !yield(line, nil) || len(buf) == 0 {
					return
				}
				continue
			case begin == 0:
				return
			case len(buf) > maxMetricsLine:
				yield(placedLine{begin: begin, end: begin + int64(len(buf))}, errLongLine)
				return
			}
			n := min(block, begin)
			begin -= n
			longer := slices.Grow(spare[:0], int(n)+len(buf))[:n]
			if _, err := f.ReadAt(longer, begin); err != nil {
				yield(placedLine{begin: begin}, err)
				return
			}
			buf, spare = append(longer, buf...), buf
			if !ended { // what follows the last newline is torn
				newline := bytes.LastIndexByte(buf, '\n')
				ended, buf = newline >= 0, buf[:newline+1]
			}
		}
	}
}

// lineError says which line of a file begins at a place, and what is wrong with it.
func lineError(f io.ReaderAt, path string, begin int64, err error) error {
	number := 1
	for line, readErr := range lines(io.NewSectionReader(f, 0, begin)) {
		if _ = line; readErr != nil {
			return fmt.Errorf("artifacts: %s: %w", path, err)
		}
		number++
	}
	return numberedLineError(path, number, err)
}

func numberedLineError(path string, number int, err error) error {
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
		return fmt.Errorf("artifacts: %w", err)
	}
	return fmt.Errorf("artifacts: %s line %d: %w: remove this line", path, number, err)
}
