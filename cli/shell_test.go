package cli

import (
	"os/exec"
	"testing"
)

// TestShellQuote has a shell read the words back.
func TestShellQuote(t *testing.T) {
	for _, word := range []string{
		"runs/first", "/tmp/a-b_c.d", "my runs/first", "it's", "a'b'c", "$HOME", "`id`", `back\slash`, "~", "a*b", "#x", "ü", "", "two\nlines", "!", "a=b",
	} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q as %s is %q to a shell, error %v", word, shellQuote(word), out, err)
		}
	}
	for _, plain := range []string{"runs/first", "/tmp/a-b_c.d"} {
		if got := shellQuote(plain); got != plain {
			t.Errorf("%s is quoted without need: %s", plain, got)
		}
	}
}
