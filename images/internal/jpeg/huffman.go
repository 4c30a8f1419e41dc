package jpeg

// A symbol of the entropy coding is a byte: the upper half says how many zeros
// come first (run), the lower how many bits the value has that follows (size).
// For DC coefficients the upper half is 0.

// fastBits of the data are looked up at once.
const fastBits = 10

// huffman is a code table.
type huffman struct {
	defined bool
	// fast is indexed by the next fastBits bits:
	//
	//	bits 0-7    how many of them are used, 0 if the code is longer
	//	bits 8-15   the symbol; if hasValue, just the run
	//	bit  16     hasValue: the value's bits are among those used
	//	bits 20-31  the value, signed
	fast [1 << fastBits]uint32
	// short is indexed by the next 8 bits: the symbol and how many of them it takes,
	// symbol<<8 | n, or 0 if the code is longer.
	short [1 << 8]uint16
	// For longer codes: the codes of n bits are below limit[n], in units of
	// 2^-16, and code c of them has the symbol values[c - base[n]].
	limit  [17]int32
	base   [17]int32
	values [256]uint8
}

const (
	hasValue   = 1 << 16
	valueShift = 20
)

// huffmanTables reads DHT (B.2.4.2).
func (d *Decoder) huffmanTables(body []byte) bool {
	for len(body) > 0 {
		if len(body) < 17 {
			return false
		}
		class, id := body[0]>>4, body[0]&15
		counts, total := body[1:17], 0
		for _, n := range counts {
			total += int(n)
		}
		if class > 1 || id > 3 || total > 256 || len(body) < 17+total {
			return false
		}
		t, most := &d.dc[id], byte(11)
		if class == 1 {
			t, most = &d.ac[id], 255
		}
		if !t.build(counts, body[17:][:total], most) {
			return false
		}
		body = body[17+total:]
	}
	return true
}

// build makes the table of a code that has counts[n-1] codes of n bits, for
// these symbols in order, none above most (C.2).
func (t *huffman) build(counts, symbols []byte, most byte) bool {
	t.defined = true
	clear(t.fast[:])
	clear(t.short[:])
	copy(t.values[:], symbols)
	code, index := int32(0), 0
	for n := 1; n <= 16; n++ {
		t.base[n] = code - int32(index)
		for range counts[n-1] {
			if code >= 1<<n {
				return false // more codes than fit
			}
			symbol := symbols[index]
			if symbol > most {
				return false
			}
			if n <= fastBits {
				t.addFast(uint32(code), n, symbol)
			}
			if n <= 8 {
				for tail := range 1 << (8 - n) {
					t.short[int(code)<<(8-n)|tail] = uint16(symbol)<<8 | uint16(n)
				}
			}
			code++
			index++
		}
		t.limit[n] = code << (16 - n)
		code <<= 1
	}
	return true
}

// addFast fills the entries of fast that begin with a code of n bits.
func (t *huffman) addFast(code uint32, n int, symbol byte) {
	free := fastBits - n
	for tail := range uint32(1) << free {
		entry := uint32(n) | uint32(symbol)<<8
		if size := int(symbol & 15); size > 0 && size <= free {
			value := extend(tail>>(free-size), size)
			entry = uint32(n+size) | uint32(symbol>>4)<<8 | hasValue | uint32(value)<<valueShift
		}
		t.fast[code<<free|tail] = entry
	}
}

// extend is the signed value that size bits stand for (F.2.2.1).
func extend(bits uint32, size int) int32 {
	v := int32(bits)
	if v < 1<<(size-1) {
		v += 1 - 1<<size
	}
	return v
}

// long finds the symbol of a code longer than fastBits among the next 16 bits.
// n is 0 if there is none.
func (t *huffman) long(next int32) (symbol byte, n uint) {
	for n := fastBits + 1; n <= 16; n++ {
		if next < t.limit[n] {
			return t.values[uint8(next>>(16-n)-t.base[n])], uint(n)
		}
	}
	return 0, 0
}
