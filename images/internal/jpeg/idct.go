package jpeg

// The inverse discrete cosine transform of 8x8 blocks by 1-D transforms of
// columns, then rows, with 12 multiplications each (C. Loeffler, A. Ligtenberg,
// G. Moschytz: Practical fast 1-D DCT algorithms with 11 multiplications, 1989).
// Constants have 13 bits after the point and intermediate values 2, as in
// libjpeg's "islow", so that the results are the same.
const (
	constBits = 13
	pass1Bits = 2

	c0298 = 2446 // .298631336 * 2^13, and so on
	c0390 = 3196
	c0541 = 4433
	c0765 = 6270
	c0899 = 7373
	c1175 = 9633
	c1501 = 12299
	c1847 = 15137
	c1961 = 16069
	c2053 = 16819
	c2562 = 20995
	c3072 = 25172
)

// inverse transforms a block, adds 128 and writes the bytes to dst, rows stride
// apart. last is the zigzag position of the last coefficient that is not zero.
// The block is zero afterwards.
func inverse(dst []uint8, stride int, block *[64]int32, last int) {
	switch {
	case last == 0:
		flat(dst, stride, block[0])
		block[0] = 0
	case last < 10: // the first four diagonals: rows and columns 4 to 7 are zero
		for x := range 4 {
			column(block, x, 0)
		}
		for y := range 8 {
			row(dst[y*stride:][:8], (*[8]int32)(block[8*y:]), true)
		}
		*block = [64]int32{}
	default:
		for x := range 8 {
			column(block, x, block[x+32]|block[x+40]|block[x+48]|block[x+56])
		}
		for y := range 8 {
			row(dst[y*stride:][:8], (*[8]int32)(block[8*y:]), false)
		}
		*block = [64]int32{}
	}
}

// flat writes a block that has only a mean.
func flat(dst []uint8, stride int, dc int32) {
	v := clip((dc<<pass1Bits + 1<<(pass1Bits+2)) >> (pass1Bits + 3))
	for y := range 8 {
		out := dst[y*stride:][:8]
		for x := range out {
			out[x] = v
		}
	}
}

// column transforms column x in place. low is 0 if its lower half is zero.
func column(b *[64]int32, x int, low int32) {
	x &= 7
	in0, in1, in2, in3 := b[x], b[x+8], b[x+16], b[x+24]
	if in1|in2|in3|low == 0 {
		v := in0 << pass1Bits
		b[x], b[x+8], b[x+16], b[x+24] = v, v, v, v
		b[x+32], b[x+40], b[x+48], b[x+56] = v, v, v, v
		return
	}
	var e0, e1, e2, e3, o0, o1, o2, o3 int32
	if low == 0 {
		e0, e1, e2, e3, o0, o1, o2, o3 = half(in0, in1, in2, in3)
	} else {
		e0, e1, e2, e3, o0, o1, o2, o3 = full(in0, in1, in2, in3, b[x+32], b[x+40], b[x+48], b[x+56])
	}
	const shift, round = constBits - pass1Bits, 1 << (constBits - pass1Bits - 1)
	b[x] = (e0 + o0 + round) >> shift
	b[x+56] = (e0 - o0 + round) >> shift
	b[x+8] = (e1 + o1 + round) >> shift
	b[x+48] = (e1 - o1 + round) >> shift
	b[x+16] = (e2 + o2 + round) >> shift
	b[x+40] = (e2 - o2 + round) >> shift
	b[x+24] = (e3 + o3 + round) >> shift
	b[x+32] = (e3 - o3 + round) >> shift
}

// row transforms a row to bytes. left says that its right half is zero.
func row(out []uint8, in *[8]int32, left bool) {
	var e0, e1, e2, e3, o0, o1, o2, o3 int32
	if left {
		e0, e1, e2, e3, o0, o1, o2, o3 = half(in[0], in[1], in[2], in[3])
	} else {
		e0, e1, e2, e3, o0, o1, o2, o3 = full(in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7])
	}
	const shift, round = constBits + pass1Bits + 3, 1 << (constBits + pass1Bits + 2)
	_ = out[7]
	out[0] = clip((e0 + o0 + round) >> shift)
	out[7] = clip((e0 - o0 + round) >> shift)
	out[1] = clip((e1 + o1 + round) >> shift)
	out[6] = clip((e1 - o1 + round) >> shift)
	out[2] = clip((e2 + o2 + round) >> shift)
	out[5] = clip((e2 - o2 + round) >> shift)
	out[3] = clip((e3 + o3 + round) >> shift)
	out[4] = clip((e3 - o3 + round) >> shift)
}

// full is the 1-D transform: outputs 0 to 3 are e+o, 7 to 4 e-o.
func full(x0, x1, x2, x3, x4, x5, x6, x7 int32) (e0, e1, e2, e3, o0, o1, o2, o3 int32) {
	z := (x2 + x6) * c0541
	a, b := z+x2*c0765, z-x6*c1847
	c, d := (x0+x4)<<constBits, (x0-x4)<<constBits
	e0, e1, e2, e3 = c+a, d+b, d-b, c-a

	z1, z2, z3, z4 := -(x7+x1)*c0899, -(x5+x3)*c2562, -(x7+x3)*c1961, -(x5+x1)*c0390
	z5 := (x7 + x3 + x5 + x1) * c1175
	z3, z4 = z3+z5, z4+z5
	o0, o1, o2, o3 = x1*c1501+z1+z4, x3*c3072+z2+z3, x5*c2053+z2+z4, x7*c0298+z1+z3
	return e0, e1, e2, e3, o0, o1, o2, o3
}

// half is full with x4 to x7 zero.
func half(x0, x1, x2, x3 int32) (e0, e1, e2, e3, o0, o1, o2, o3 int32) {
	a, b := x2*(c0541+c0765), x2*c0541
	c := x0 << constBits
	e0, e1, e2, e3 = c+a, c+b, c-b, c-a

	z1, z2, z3, z4 := -x1*c0899, -x3*c2562, -x3*c1961, -x1*c0390
	z5 := (x3 + x1) * c1175
	z3, z4 = z3+z5, z4+z5
	o0, o1, o2, o3 = x1*c1501+z1+z4, x3*c3072+z2+z3, z2+z4, z1+z3
	return e0, e1, e2, e3, o0, o1, o2, o3
}

// clip adds 128 and limits to 0..255.
func clip(v int32) uint8 {
	v += 128
	if uint32(v) > 255 {
		return uint8(^(v >> 31)) // 0 below, 255 above
	}
	return uint8(v)
}
