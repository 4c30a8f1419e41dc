package shell

import (
	"os/exec"
	"testing"
)

// TestQuote has a shell read the words back.
func TestQuote(t *testing.T) {
	for _, word := range []string{
		"runs/first", "/tmp/a-b_c.d", "my runs/first", "it's", "a'b'c", "$HOME", "`id`", `back\slash`, "~", "a*b", "#x", "ü", "", "two\nlines", "!", "a=b",
	} {
		out, err := exec.Command("sh", "-c", "printf %s "+Quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q as %s is %q to a shell, error %v", word, Quote(word), out, err)
		}
	}
	for _, plain := range []string{"runs/first", "/tmp/a-b_c.d"} {
		if got := Quote(plain); got != plain {
			t.Errorf("%s is quoted without need: %s", plain, got)
		}
	}
}
