package progress

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// TerminalWidth is how many characters fit in a line of out; 0 where that is no
// terminal, or one that does not know its width: nothing can be drawn there.
func TerminalWidth(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// PlainEvery is the least time between lines where they cannot be rewritten.
const PlainEvery = 10 * time.Second
