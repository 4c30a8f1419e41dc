package cli

import (
	"encoding/json"
	"fmt"
	"io"
)

// printJSON prints a value as one line.
func printJSON(out io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(line))
	return err
}
