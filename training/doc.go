// Package training runs a training step again and again: the runtimes that
// execute it, the state they hold, the loop with its hooks, and the schedules of
// its hyper-parameters. It knows steps (package builders) and files (package
// artifacts), not images: batches come in as named feeds, so that every kind of
// training reuses it.
package training
