//go:build race

package orttraining_test

const raceDetector = true
