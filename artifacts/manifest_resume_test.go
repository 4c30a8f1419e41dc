package artifacts

import (
	"strings"
	"testing"
)

// TestCheckResume changes one thing at a time of what continues with a run.
func TestCheckResume(t *testing.T) {
	made := func(change func(*Manifest, *Session)) Manifest {
		m := Manifest{GraphHash: "aaaa", Data: DataInfo{Name: "folder photos", Samples: 24, Digest: "dddd"}, TestData: DataInfo{Name: "folder test", Samples: 8, Digest: "tttt"}}
		s := Session{PMX: "v1.0.0", Platform: "linux/amd64", Runtime: "ort", Library: "1.27.0", Device: "cpu", Kernels: "avx2"}
		change(&m, &s)
		m.Sessions = []Session{{PMX: "an older session"}, s}
		return m
	}
	same := func(*Manifest, *Session) {}
	fewer := func(m *Manifest, _ *Session) { m.Data.Samples, m.Data.Digest = 23, "eeee" }
	for name, c := range map[string]struct {
		change     func(*Manifest, *Session)
		accept     bool
		note, fail string
	}{
		"nothing":           {change: same},
		"where the data is": {change: func(m *Manifest, _ *Session) { m.Data.Name = "folder moved" }},
		"data":              {change: func(m *Manifest, _ *Session) { m.Data.Digest = "eeee" }, fail: "is not the same data (the same number, of other names, sizes, labels or content): name the same by --data, continue with these by --accept-changed-data"},
		"number of images":  {change: fewer, fail: "folder photos (24 images), and folder photos (23 images) is not the same data (1 fewer)"},
		"accepted data":     {change: fewer, accept: true, note: "is not the same data (1 fewer): it continues with these, no longer bit for bit"},
		"accepted, graph":   {change: func(m *Manifest, s *Session) { fewer(m, s); m.GraphHash = "bbbb" }, accept: true, note: "builds graph bbbb"},
		"test data":         {change: func(m *Manifest, _ *Session) { m.TestData.Samples, m.TestData.Digest = 9, "uuuu" }, note: "accuracy was measured on folder test (8 images) and is from now on measured on other images (1 more): the numbers do not compare"},
		"test data, none":   {change: func(m *Manifest, _ *Session) { m.TestData = DataInfo{} }},
		"accepted, none":    {change: same, accept: true},
		"graph":             {change: func(m *Manifest, s *Session) { m.GraphHash, s.PMX = "bbbb", "v2.0.0" }, note: "graph aaaa of pmx v1.0.0, and pmx v2.0.0 builds graph bbbb of the same recipe and state: it continues, no longer bit for bit"},
		"library":           {change: func(_ *Manifest, s *Session) { s.Library = "1.28.0" }, note: "ort 1.27.0 on cpu, linux/amd64, kernels avx2 and continues with pmx v1.0.0, ort 1.28.0 on cpu"},
		"runtime":           {change: func(_ *Manifest, s *Session) { s.Runtime = "ort-training" }, note: "no longer bit for bit"},
		"device":            {change: func(_ *Manifest, s *Session) { s.Device = "cuda" }, note: "no longer bit for bit"},
		"kernels":           {change: func(_ *Manifest, s *Session) { s.Kernels = "off" }, note: "linux/amd64, kernels avx2 and continues with pmx v1.0.0, ort 1.27.0 on cpu, linux/amd64, kernels off: the same steps within rounding, no longer bit for bit"},
		"platform":          {change: func(_ *Manifest, s *Session) { s.Platform = "linux/arm64" }, note: "no longer bit for bit"},
		"pmx":               {change: func(_ *Manifest, s *Session) { s.PMX = "v1.0.1" }, note: "no longer bit for bit"},
	} {
		notes, err := made(same).CheckResume(made(c.change), c.accept)
		note := strings.Join(notes, "; ")
		if (err != nil) != (c.fail != "") || err != nil && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("another %s: error %v, want %q", name, err, c.fail)
		}
		if (note != "") != (c.note != "") || !strings.Contains(note, c.note) {
			t.Errorf("another %s: note %q, want %q", name, note, c.note)
		}
	}
	// Of a run that did not record its kernels.
	old := made(func(_ *Manifest, s *Session) { s.Kernels = "" })
	if notes, err := old.CheckResume(made(same), false); notes != nil || err != nil {
		t.Errorf("no kernels recorded: %q, %v", notes, err)
	}
	if notes, err := old.CheckResume(made(func(_ *Manifest, s *Session) { s.Device = "cuda" }), false); len(notes) != 1 || strings.Contains(notes[0], "kernels") || err != nil {
		t.Errorf("no kernels recorded, another device: %q, %v", notes, err)
	}
	if notes, err := (Manifest{}).CheckResume(made(same), false); notes != nil || err != nil {
		t.Errorf("a run that never began: %q, %v", notes, err)
	}
}
