// Package shell writes words as a shell reads them.
package shell

import "strings"

// Quote is a word, such as a path, as a shell takes it back: what users are told
// to type has it in quotes where that is needed.
func Quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
