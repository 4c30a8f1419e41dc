package coco

import (
	"fmt"
	"math"
)

// The string form of run lengths writes every count in groups of five bits,
// lowest first, one character each: the bits, plus 32 if more groups follow, plus
// 48 to make it printable. From the fourth count on (index 3) the difference to the count two
// before is written instead, which may be negative: the highest bit of the last
// group is the sign.
const (
	groupBits  = 5
	groupMask  = 1<<groupBits - 1
	groupSign  = 1 << (groupBits - 1)
	groupMore  = 1 << groupBits
	groupFirst = 48 // '0'
	groupLast  = groupFirst + groupMask + groupMore
	// deltaFrom is the first index at which a difference is written.
	deltaFrom = 3
	// maxGroups suffices for any 32-bit count or difference of two.
	maxGroups = 7
)

// Compress returns the string form of the counts, as it stands in COCO's files.
func (r RLE) Compress() string { return string(appendCounts(nil, r.Counts)) }

func appendCounts(dst []byte, counts []uint32) []byte {
	for i, n := range counts {
		v := int64(n)
		if i >= deltaFrom {
			v -= int64(counts[i-2])
		}
		for more := true; more; {
			group := byte(v & groupMask)
			v >>= groupBits
			if group&groupSign != 0 {
				more = v != -1
			} else {
				more = v != 0
			}
			if more {
				group |= groupMore
			}
			dst = append(dst, group+groupFirst)
		}
	}
	return dst
}

// ParseRLE reads the string form. Malformed strings, and runs that do not cover
// height x width pixels exactly, are errors.
func ParseRLE(height, width int, counts string) (RLE, error) {
	parsed, err := parseCounts(nil, counts)
	if err != nil {
		return RLE{}, err
	}
	r := RLE{Height: height, Width: width, Counts: parsed}
	return r, r.Validate()
}

// parseCounts appends the counts that a string holds to dst, which must be empty.
func parseCounts[T string | []byte](dst []uint32, s T) ([]uint32, error) {
	for at := 0; at < len(s); {
		var v int64
		for shift := 0; ; shift += groupBits {
			if at == len(s) {
				return dst, fmt.Errorf("coco: malformed RLE, its string of %d characters ends in the middle of run %d", len(s), len(dst))
			}
			c := s[at]
			if c < groupFirst || c > groupLast {
				return dst, fmt.Errorf("coco: malformed RLE, character %d of its string is %q, only '0' to 'o' occur", at, rune(c))
			}
			if shift == maxGroups*groupBits {
				return dst, fmt.Errorf("coco: malformed RLE, run %d has more than %d characters", len(dst), maxGroups)
			}
			at++
			group := c - groupFirst
			v |= int64(group&groupMask) << shift
			if group&groupMore == 0 {
				if group&groupSign != 0 {
					v -= 1 << (shift + groupBits)
				}
				break
			}
		}
		if len(dst) >= deltaFrom {
			v += int64(dst[len(dst)-2])
		}
		if v < 0 || v > math.MaxUint32 {
			return dst, fmt.Errorf("coco: malformed RLE, run %d has length %d", len(dst), v)
		}
		dst = append(dst, uint32(v))
	}
	return dst, nil
}
