package weights_test

import "math"

// roundBFloat16 rounds to the nearest bfloat16, ties to even.
func roundBFloat16(v float32) float32 {
	bits := math.Float32bits(v)
	bits += 0x7fff + bits>>16&1
	return math.Float32frombits(bits &^ 0xffff)
}

// roundFloat16 rounds a number within float16's range to the nearest float16, ties to
// even: 11 significant bits, below 2^-14 multiples of 2^-24.
func roundFloat16(v float32) float32 {
	_, exponent := math.Frexp(float64(v))
	unit := math.Ldexp(1, max(exponent-11, -24))
	return float32(math.RoundToEven(float64(v)/unit) * unit)
}
