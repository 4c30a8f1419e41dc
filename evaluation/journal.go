package evaluation

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math"
	"os"

	"pmx/artifacts/filelock"
	"pmx/internal/atomicfile"
	"pmx/onnxgraph"
)

// Journal is a file of features that are computed batch by batch, so that a computation
// that was stopped continues where it was: a mark of what the features are of, then a
// record for each batch, with a checksum. A record that was not written whole does not
// count. One process at a time has a journal.
type Journal struct {
	path string
	lock *filelock.Lock
	f    *os.File
	dim  int   // 0: there are no features yet
	n    int   // images
	end  int64 // of the records

	// Dropped reports that the file held features of another encoder or other images,
	// which are gone.
	Dropped bool
}

// journalMark begins a journal; the SHA-256 of its key follows.
const journalMark = "pmxfeat1"

// recordHeader is before the numbers of a batch: how many images, how many numbers each,
// and the CRC-32C of both and the numbers, all of 32 bits, little-endian.
const recordHeader = 12

// OpenJournal opens the journal at path, or begins one, for features of a model and
// images. path must be a regular file or nothing.
func OpenJournal(path string, key Key) (*Journal, error) {
	lock, err := filelock.Try(path)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("evaluation: %s is %w: wait for it, or write to another name", path, err)
	}
	if err != nil {
		return nil, err
	}
	f, err := atomicfile.OpenRegular(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		lock.Release()
		return nil, err
	}
	j := &Journal{path: path, lock: lock, f: f}
	if err := j.begin(key); err != nil {
		j.Close()
		return nil, fmt.Errorf("evaluation: %s: %w", path, err)
	}
	return j, nil
}

// begin reads what is there, and leaves what can be continued.
func (j *Journal) begin(key Key) error {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", key.Model, key.Data))
	want := append([]byte(journalMark), sum[:]...)
	have := make([]byte, len(want))
	if _, err := j.f.ReadAt(have, 0); err != nil && err != io.EOF {
		return err
	}
	if string(have) != string(want) {
		j.Dropped = string(have[:len(journalMark)]) == journalMark
		if foreign := bytes.Trim(have, "0123456789\n\x00"); !j.Dropped && len(foreign) > 0 { // else what a lock writes
			return errors.New("it does not hold features: move it away, or write to another name")
		}
		if err := j.f.Truncate(0); err != nil {
			return err
		}
		_, err := j.f.WriteAt(want, 0)
		j.end = int64(len(want))
		return err
	}
	j.end = int64(len(want))
	for rows, err := range j.read(math.MaxInt64) {
		if errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return err
		}
		j.n += len(rows) / j.dim
		j.end += recordHeader + 4*int64(len(rows))
	}
	return j.f.Truncate(j.end)
}

// errTorn is a record that is not whole.
var errTorn = errors.New("a record is damaged: delete the file and start again")

// read yields the numbers of each record up to an offset of the file. They are valid
// until the next.
func (j *Journal) read(end int64) iter.Seq2[[]float32, error] {
	start := int64(len(journalMark) + sha256.Size)
	return func(yield func([]float32, error) bool) {
		r := bufio.NewReaderSize(io.NewSectionReader(j.f, start, end-start), 1<<20)
		var data []byte
		var rows []float32
		for {
			var header [recordHeader]byte
			if _, err := io.ReadFull(r, header[:]); err == io.EOF {
				return
			} else if err != nil {
				yield(nil, torn(err))
				return
			}
			n, dim := binary.LittleEndian.Uint32(header[0:]), binary.LittleEndian.Uint32(header[4:])
			if n == 0 || dim == 0 || uint64(n)*uint64(dim) > maxRecord || j.dim != 0 && int(dim) != j.dim {
				yield(nil, errTorn)
				return
			}
			size := 4 * int(n) * int(dim)
			if cap(data) < size {
				data, rows = make([]byte, size), make([]float32, size/4)
			}
			data, rows = data[:size], rows[:size/4]
			if _, err := io.ReadFull(r, data); err != nil {
				yield(nil, torn(err))
				return
			}
			if recordCRC(header[:8], data) != binary.LittleEndian.Uint32(header[8:]) {
				yield(nil, errTorn)
				return
			}
			j.dim = int(dim)
			for i := range rows {
				rows[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
			}
			if !yield(rows, nil) {
				return
			}
		}
	}
}

// maxRecord is more numbers than a batch of features has: a larger record is damaged.
const maxRecord = 1 << 28

// torn is errTorn for a file that ends within a record.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn
	}
	return err
}

func recordCRC(sizes, data []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(sizes, table), table, data)
}

// Len is the number of images that have features.
func (j *Journal) Len() int { return j.n }

// Dim is how many numbers a feature has, 0 as long as there are none.
func (j *Journal) Dim() int { return j.dim }

// Append adds the features [n dim] of the next images.
func (j *Journal) Append(rows *onnxgraph.Tensor) error {
	s := rows.Shape()
	if rows.DType() != onnxgraph.Float32 || len(s) != 2 || s[0] == 0 || s[1] == 0 || rows.Size() > maxRecord || j.dim != 0 && s[1] != j.dim {
		return fmt.Errorf("evaluation: features %v after features of %d numbers: images must have one size", rows, j.dim)
	}
	data := rows.Bytes()
	record := make([]byte, recordHeader, recordHeader+len(data))
	binary.LittleEndian.PutUint32(record[0:], uint32(s[0]))
	binary.LittleEndian.PutUint32(record[4:], uint32(s[1]))
	binary.LittleEndian.PutUint32(record[8:], recordCRC(record[:8], data))
	if _, err := j.f.WriteAt(append(record, data...), j.end); err != nil {
		return fmt.Errorf("evaluation: %s: %w", j.path, err)
	}
	j.end += int64(recordHeader + len(data))
	j.dim = s[1]
	j.n += s[0]
	return nil
}

// Rows yields the features of the images in order, [n dim] of some at a time. They are
// valid until the next.
func (j *Journal) Rows() iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for rows, err := range j.read(j.end) {
			if err != nil {
				err = fmt.Errorf("evaluation: %s: %w", j.path, err)
			}
			if !yield(rows, err) {
				return
			}
		}
	}
}

// Close keeps the features for the next time.
func (j *Journal) Close() error {
	err := j.f.Close()
	j.lock.Release()
	return err
}

// Remove deletes the journal, which is closed.
func (j *Journal) Remove() error {
	err := os.Remove(j.path)
	return errors.Join(err, j.Close())
}

// Similar compares the journal's images with each other.
func (j *Journal) Similar() (*Similar, error) {
	data := make([]float32, 0, j.n*j.dim)
	for rows, err := range j.Rows() {
		if err != nil {
			return nil, err
		}
		data = append(data, rows...)
	}
	return NewSimilar(data, j.dim)
}
