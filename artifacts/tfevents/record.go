package tfevents

import (
	"encoding/binary"
	"hash/crc32"
)

// record frames data as a TFRecord
// (https://www.tensorflow.org/tutorials/load_data/tfrecord):
//
//	uint64 length; uint32 masked CRC-32C of it; data; uint32 masked CRC-32C of data
func record(data []byte) []byte {
	b := make([]byte, 0, len(data)+16)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, maskedCRC(data))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedCRC turns the checksum by 15 bits and adds a constant, so that a
// checksum of data with checksums in it stays a good one.
func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}
