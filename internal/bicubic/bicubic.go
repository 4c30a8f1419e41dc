// Package bicubic resizes along one axis by cubic convolution (Keys, IEEE TASSP 29
// (1981) 1153), as torch.nn.functional.interpolate(mode="bicubic") does: pixel centres
// at half integers, edges repeated.
package bicubic

import "math"

// Coefficient is the a of the kernel that PyTorch and OpenCV resize with.
const Coefficient = -0.75

// antialiasedCoefficient is theirs, and Pillow's, with antialiasing.
const antialiasedCoefficient = -0.5

// kernel is Keys' with coefficient a.
func kernel(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x <= 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return a * (((x-5)*x+8)*x - 4)
	}
	return 0
}

// Matrix is the linear map [to from] of resizing from points to to, without
// antialiasing. The centre of output i lies at (i+0.5)·from/size of the input: size is
// to, or what a scale factor of size/from was meant to give.
func Matrix(from, to int, size float64) [][]float64 {
	m := zeros(to, from)
	for i := range m {
		centre := (float64(i)+0.5)*float64(from)/size - 0.5
		base := int(math.Floor(centre))
		for k := base - 1; k <= base+2; k++ {
			m[i][min(max(k, 0), from-1)] += kernel(centre-float64(k), Coefficient)
		}
	}
	return m
}

// Antialiased is the linear map [to from] with antialiasing: where from is larger than
// to, the kernel is widened to cover every input. Weights beyond the edges are left
// out and the others normalised.
func Antialiased(from, to int) [][]float64 {
	m := zeros(to, from)
	scale := float64(from) / float64(to)
	width := max(scale, 1)
	for i := range m {
		centre := (float64(i) + 0.5) * scale
		begin, end := max(int(centre-2*width+0.5), 0), min(int(centre+2*width+0.5), from)
		sum := 0.0
		for k := begin; k < end; k++ {
			m[i][k] = kernel((float64(k)+0.5-centre)/width, antialiasedCoefficient)
			sum += m[i][k]
		}
		for k := begin; k < end; k++ {
			m[i][k] /= sum
		}
	}
	return m
}

func zeros(rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
	}
	return m
}
