//go:build !race

package orttraining_test

const raceDetector = false
