// Package cli is the command line: one file per command (cmd_*.go) and per
// preset (preset_*.go), each registering itself, around the packages that do the
// work.
//
// A command returns errors; Main prints them as one line, `pmx: what, where,
// what to do`, and turns them into the exit codes of exit.go. Results go to
// standard output, everything else (progress, notes, errors) to standard error.
package cli
