// Package progress words how far long work has come, the same way for the bar of
// a training and for everything else, and how much of a line there is for it.
package progress

import (
	"fmt"
	"strconv"
	"time"
)

// Line is such as "reading 1,000/4,000 (25%), 500/s, 6s left": done of total
// units after some time.
func Line(what string, done, total int64, elapsed time.Duration) string {
	line := fmt.Sprintf("%s %s/%s (%.0f%%)", what, Count(done), Count(total), 100*float64(done)/float64(max(total, 1)))
	if done <= 0 {
		return line
	}
	rate := float64(done) / max(elapsed.Seconds(), 1e-9)
	left := time.Duration(float64(total-done) / rate * float64(time.Second))
	return fmt.Sprintf("%s, %s/s, %v left", line, Rate(rate), left.Round(time.Second))
}

// Count is a number with its digits in threes: 1,234,567.
func Count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Rate is a number of things a second with three digits where it is small: 5,120,
// 512, 51.2, 5.12, 0.0512.
func Rate(perSecond float64) string {
	if perSecond >= 999.5 {
		return Count(int64(perSecond + 0.5))
	}
	return threeDigits(perSecond)
}

// Duration is a time with three digits, but none below 10 µs: 0.41 ms, 41.2 ms,
// 4.12 s, 412 s.
func Duration(d time.Duration) string {
	d = d.Round(10 * time.Microsecond)
	if d < 999500*time.Microsecond { // from there on three digits of it are 1000 ms
		return threeDigits(d.Seconds()*1e3) + " ms"
	}
	return threeDigits(d.Seconds()) + " s"
}

// threeDigits does not write exponents, as %.3g does from 1000 on and below 0.0001.
// v is not negative.
func threeDigits(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	text := strconv.FormatFloat(v, 'e', 2, 64) // rounded to three digits
	rounded, _ := strconv.ParseFloat(text, 64)
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
