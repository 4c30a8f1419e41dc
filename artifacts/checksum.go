package artifacts

import (
	"fmt"
	"hash/crc32"

	"pmx/artifacts/safetensors"
)

// checksum is the CRC-32C of a checkpoint: of the header's text, then of each tensor, in
// the order of the file, name, type, shape and bytes. Version 1 summed the bytes alone, so
// that another number of heads in the header, or other names of tensors, passed.
type checksum struct {
	crc       uint32
	bytesOnly bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newChecksum begins the sum of a checkpoint of a format version.
func newChecksum(version int, header string) checksum {
	if version == 1 {
		return checksum{bytesOnly: true}
	}
	return checksum{crc: crc32.Checksum([]byte(header), castagnoli)}
}

func (c *checksum) add(t safetensors.Named) {
	if !c.bytesOnly {
		c.crc = crc32.Update(c.crc, castagnoli, fmt.Appendf(nil, "%q %v %v", t.Name, t.DType(), t.Shape()))
	}
	c.crc = crc32.Update(c.crc, castagnoli, t.Bytes())
}

// String is the sum in eight hexadecimal digits.
func (c checksum) String() string { return fmt.Sprintf("%08x", c.crc) }
