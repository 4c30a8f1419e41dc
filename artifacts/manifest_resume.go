package artifacts

import "fmt"

// CheckResume compares what made a run with what is to continue with it; each has
// its newest Session last.
//
// Other data is an error: the run would become another one. It may be accepted all the
// same, for an image that was repaired or taken away. Another pmx that builds another
// graph of the same recipe, another runtime, library, device, platform or other kernels
// compute the same step and round in other places. The run continues with either, and
// the notes say that it is no longer, bit for bit, the uninterrupted one. Whether the
// graph has the run's state, the checkpoint tells.
//
// A run that was stopped before its first session has nothing to compare.
func (m Manifest) CheckResume(now Manifest, acceptData bool) (notes []string, err error) {
	if len(m.Sessions) == 0 || len(now.Sessions) == 0 {
		return nil, nil
	}
	before, after := m.Sessions[len(m.Sessions)-1], now.Sessions[len(now.Sessions)-1]
	if m.GraphHash != now.GraphHash {
		notes = append(notes, fmt.Sprintf("the run was trained with graph %.12s of pmx %s, and pmx %s builds graph %.12s of the same recipe and state: it continues, no longer bit for bit",
			m.GraphHash, before.PMX, after.PMX, now.GraphHash))
	}
	if m.Data.Digest != now.Data.Digest {
		changed := fmt.Sprintf("the run was trained on %s (%d images), and %s (%d images) is not the same data (%s)",
			m.Data.Name, m.Data.Samples, now.Data.Name, now.Data.Samples, now.Data.difference(m.Data))
		if !acceptData {
			return nil, fmt.Errorf("artifacts: %s: name the same by --data, continue with these by --accept-changed-data, or start again with --overwrite", changed)
		}
		notes = append(notes, changed+": it continues with these, no longer bit for bit")
	} else if m.TestData.Digest != now.TestData.Digest && m.TestData.Digest != "" && now.TestData.Digest != "" {
		notes = append(notes, fmt.Sprintf("accuracy was measured on %s (%d images) and is from now on measured on other images (%s): the numbers do not compare",
			m.TestData.Name, m.TestData.Samples, now.TestData.difference(m.TestData)))
	}
	if before.Kernels == "" {
		after.Kernels = "" // nobody knows whether they are others
	}
	if from, to := before.executor(), after.executor(); from != to {
		notes = append(notes, fmt.Sprintf("the run was trained by %s and continues with %s: the same steps within rounding, no longer bit for bit", from, to))
	}
	return notes, nil
}

// difference says in a few words how data differs from what it was.
func (d DataInfo) difference(before DataInfo) string {
	switch n := d.Samples - before.Samples; {
	case n > 0:
		return fmt.Sprintf("%d more", n)
	case n < 0:
		return fmt.Sprintf("%d fewer", -n)
	}
	return "the same number, of other names, sizes, labels or content"
}

// executor is what the bits of a step depend on beside the graph and the data.
func (s Session) executor() string {
	text := fmt.Sprintf("pmx %s, %s %s on %s, %s", s.PMX, s.Runtime, s.Library, s.Device, s.Platform)
	if s.Kernels != "" {
		text += ", kernels " + s.Kernels
	}
	return text
}
