package artifacts

import "fmt"

// CheckResume compares what made a run with what is to go on with it; each has
// its newest Session last.
//
// Other data and another graph are errors: the run would become another one. The
// graph changes with the recipe and with the pmx that builds it. Another pmx that
// builds the same graph, another runtime, library, device or platform computes
// the same step and rounds in other places: the run goes on, and note says that
// it is no longer, bit for bit, the uninterrupted one.
//
// A run that was stopped before its first session has nothing to compare.
func (m Manifest) CheckResume(now Manifest) (note string, err error) {
	if len(m.Sessions) == 0 || len(now.Sessions) == 0 {
		return "", nil
	}
	before, after := m.Sessions[len(m.Sessions)-1], now.Sessions[len(now.Sessions)-1]
	if m.Data.Digest != now.Data.Digest {
		return "", fmt.Errorf("artifacts: the run was trained on %s (%d images), and %s (%d images) is not the same data: name the same by --data, or start anew with --overwrite",
			m.Data.Name, m.Data.Samples, now.Data.Name, now.Data.Samples)
	}
	if m.GraphHash != now.GraphHash {
		return "", fmt.Errorf("artifacts: the run was trained with graph %.12s of pmx %s, and pmx %s builds graph %.12s of its recipe: go on with the pmx that began it, or start anew with --overwrite",
			m.GraphHash, before.PMX, after.PMX, now.GraphHash)
	}
	if from, to := before.executor(), after.executor(); from != to {
		return fmt.Sprintf("the run was trained by %s and goes on with %s: the same steps within rounding, no longer bit for bit", from, to), nil
	}
	return "", nil
}

// executor is what the bits of a step depend on beside the graph and the data.
func (s Session) executor() string {
	return fmt.Sprintf("pmx %s, %s %s on %s, %s", s.PMX, s.Runtime, s.Library, s.Device, s.Platform)
}
