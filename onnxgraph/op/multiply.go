package op

// multiplyAdd adds a · b to y: a is [rows inner], b is [inner columns]. Four rows
// of b are added at a time, so that y is read and written a quarter as often.
func multiplyAdd(y, a, b []float64, rows, inner, columns int) {
	for i := range rows {
		rowY := y[i*columns : (i+1)*columns]
		rowA := a[i*inner : (i+1)*inner]
		k := 0
		for ; k+4 <= inner; k += 4 {
			a0, a1, a2, a3 := rowA[k], rowA[k+1], rowA[k+2], rowA[k+3]
			b0 := b[k*columns:][:len(rowY)]
			b1 := b[(k+1)*columns:][:len(rowY)]
			b2 := b[(k+2)*columns:][:len(rowY)]
			b3 := b[(k+3)*columns:][:len(rowY)]
			for j := range rowY {
				rowY[j] += a0*b0[j] + a1*b1[j] + a2*b2[j] + a3*b3[j]
			}
		}
		for ; k < inner; k++ {
			a0 := rowA[k]
			b0 := b[k*columns:][:len(rowY)]
			for j := range rowY {
				rowY[j] += a0 * b0[j]
			}
		}
	}
}

// transposed gives xᵀ of x [rows columns].
func transposed(x []float64, rows, columns int) []float64 {
	out := make([]float64, len(x))
	for i := range rows {
		for j, v := range x[i*columns : (i+1)*columns] {
			out[j*rows+i] = v
		}
	}
	return out
}
