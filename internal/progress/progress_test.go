package progress

import (
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	for want, c := range map[string]struct {
		done, total int64
		elapsed     time.Duration
	}{
		"reading 1,000/4,000 (25%), 500/s, 6s left":            {1000, 4000, 2 * time.Second},
		"reading 0/1,000 (0%)":                                 {0, 1000, time.Second},
		"reading 21/1,000 (2%), 0.42/s, 38m51s left":           {21, 1000, 50 * time.Second},
		"reading 1,000/1,000 (100%), 1,000,000/s, 0s left":     {1000, 1000, time.Millisecond},
		"reading 1,281,167/1,281,167 (100%), 1,000/s, 0s left": {1281167, 1281167, 1281167 * time.Millisecond},
	} {
		if got := Line("reading", c.done, c.total, c.elapsed); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.42: "0.42", 0.05123: "0.0512", 0.00005: "0.00005", 0.0000012345: "0.00000123", 99.94: "99.9", 0.09996: "0.1", 5.125: "5.12", 51.25: "51.2", 512.4: "512", 99.96: "100", 999.7: "1,000", 12345.6: "12,346"} {
		if got := Rate(v); got != want {
			t.Errorf("Rate(%g) = %s, want %s", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 ms", 412 * time.Microsecond: "0.41 ms", 3 * time.Microsecond: "0 ms", 41200 * time.Microsecond: "41.2 ms", 999 * time.Millisecond: "999 ms",
		999490 * time.Microsecond: "999 ms", 999500 * time.Microsecond: "1 s", 999990 * time.Microsecond: "1 s", 99960 * time.Microsecond: "100 ms",
		time.Second: "1 s", 4123 * time.Millisecond: "4.12 s", 412 * time.Second: "412 s", 2000 * time.Second: "2000 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %s, want %s", d, got, want)
		}
	}
}
