package artifacts

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pmx/artifacts/safetensors"
	"pmx/internal/errtest"
	"pmx/onnxgraph"
)

func TestCreateRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "run")
	run, err := CreateRun(dir, Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.ReadManifest(); err != nil {
		t.Errorf("a new run is not recognised as one: %v", err)
	}
	_, err = CreateRun(dir, Manifest{}, struct{}{}, true)
	errtest.OneLine(t, err, "in use by process", dir)
	_, err = OpenRun(dir)
	errtest.OneLine(t, err, "in use by process", dir)
	view, err := ViewRun(dir)
	if err != nil {
		t.Errorf("a running run cannot be viewed: %v", err)
	}
	view.Close()
	run.Close()

	_, err = CreateRun(dir, Manifest{}, struct{}{}, false)
	errtest.OneLine(t, err, "--resume", "--overwrite", dir)
	if again := open(t, dir); again.Path() != dir {
		t.Errorf("path %s", again.Path())
	}
}

// TestCreateRunAfterCrash: a process killed between making the folder and
// writing the manifest leaves a folder that can be used.
func TestCreateRunAfterCrash(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, ".lock", ".manifest.json.pmx-tmp-00000001")
	run, err := CreateRun(dir, Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	run.Close()
}

func TestOverwriteDeletesOnlyOurs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run [1]*") // no pattern may come from the path
	run := create(t, dir)
	ours := []string{"metrics.jsonl", "encoder.onnx", "events.out.tfevents.1.host.2.0",
		"profile.json", "profile.txt", "features-0123.safetensors", "encoder.safetensors", "checkpoints/000100.safetensors", "checkpoints/.000200.safetensors.pmx-tmp-00ff00ff", ".config.json.pmx-tmp-1"}
	theirs := []string{"notes.txt", "checkpoints/best.safetensors", "plots/loss.png", "my-encoder.onnx"}
	touch(t, dir, slices.Concat(ours, theirs)...)
	run.Close()

	run, err := CreateRun(dir, Manifest{}, struct{}{}, true)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	for _, name := range ours {
		if _, err := os.Stat(run.Path(name)); err == nil {
			t.Errorf("%s of the old run is still there", name)
		}
	}
	for _, name := range theirs {
		if _, err := os.Stat(run.Path(name)); err != nil {
			t.Errorf("overwrite deleted %s, which is not ours", name)
		}
	}
}

// TestStartInterrupted: between the new manifest and the end of the start, the old run's
// files are nobody's; the start is completed with the new configuration, or repeated.
func TestStartInterrupted(t *testing.T) {
	for _, repeat := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "run")
		old, err := CreateRun(dir, Manifest{Seed: 1}, testConfig{Seed: 1}, false)
		if err != nil {
			t.Fatal(err)
		}
		// What cannot be deleted stops the start half way, as a kill would.
		touch(t, dir, ProfileName+"/x", CheckpointsDir+"/000100.safetensors", MetricsName, EncoderName)
		old.Close()
		_, err = CreateRun(dir, Manifest{Seed: 2}, testConfig{Seed: 2}, true)
		errtest.OneLine(t, err, "overwrite", ProfileName)
		_, err = ViewRun(dir)
		if errtest.OneLine(t, err, dir, "interrupted", "--resume", "--overwrite"); !errors.Is(err, ErrStarting) {
			t.Errorf("a view of what is left: %v", err)
		}
		if err := os.RemoveAll(filepath.Join(dir, ProfileName)); err != nil {
			t.Fatal(err)
		}
		_, err = CreateRun(dir, Manifest{Seed: 3}, testConfig{Seed: 3}, false)
		errtest.OneLine(t, err, "holds a run already", "--resume", "--overwrite")
		want := uint64(2)
		var run *RunDir
		if repeat {
			want = 3
			run, err = CreateRun(dir, Manifest{Seed: 3}, testConfig{Seed: 3}, true)
		} else {
			run, err = OpenRun(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close()
		checkStarted(t, run, want)
		if view, err := ViewRun(dir); err != nil {
			t.Error(err)
		} else {
			checkStarted(t, view, want)
		}
	}
}

// checkStarted: the run's manifest and configuration have the seed, and nothing of an
// older run is left.
func checkStarted(t *testing.T, run *RunDir, seed uint64) {
	t.Helper()
	m, err := run.ReadManifest()
	if err != nil || m.Seed != seed {
		t.Errorf("manifest %+v, %v, want seed %d", m, err, seed)
	}
	var config testConfig
	if err := run.ReadConfig(&config); err != nil || config.Seed != seed {
		t.Errorf("configuration %+v, %v, want seed %d", config, err, seed)
	}
	if steps, err := run.Checkpoints().List(); err != nil || len(steps) > 0 {
		t.Errorf("checkpoints %v, %v", steps, err)
	}
	for _, name := range []string{MetricsName, EncoderName} {
		if _, err := os.Stat(run.Path(name)); err == nil {
			t.Errorf("%s of the old run is still there", name)
		}
	}
}

func TestForeignFolderIsNeverTouched(t *testing.T) {
	for name, files := range map[string][]string{
		"no manifest":           {"config.json", "metrics.jsonl"},
		"manifest of another":   {"manifest.json", "config.json"},
		"only a hidden file":    {".gitignore"},
		"only an empty folder":  {"src/x"},
		"checkpoints of others": {"checkpoints/000001.safetensors"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			touch(t, dir, files...)
			for _, overwrite := range []bool{false, true} {
				_, err := CreateRun(dir, Manifest{}, struct{}{}, overwrite)
				errtest.OneLine(t, err, "not empty", "not a run of pmx", dir)
			}
			for _, f := range files {
				if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
					t.Errorf("%s is gone", f)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, lockName)); err == nil {
				t.Error("a lock file was left in a foreign folder")
			}
		})
	}
}

// TestNothingIsWrittenElsewhere: what a link in a run's folder leads to stays as it is,
// and what is no file of the run is told, not waited for.
func TestNothingIsWrittenElsewhere(t *testing.T) {
	const precious = "{\"step\":1}\n{\"step\":99}\n" // as a log of metrics
	for name, write := range map[string]func(run *RunDir) error{
		ManifestName: func(run *RunDir) error { return run.WriteManifest(Manifest{}) },
		ConfigName:   func(run *RunDir) error { return run.WriteConfig(testConfig{}) },
		MetricsName: func(run *RunDir) error {
			log, err := run.OpenMetrics(1)
			if err == nil {
				err = errors.Join(log.Append(Metrics{Kind: MetricsStep, Step: 2}), log.Close())
			}
			return err
		},
		CheckpointsDir + "/000007.safetensors": func(run *RunDir) error {
			return run.Checkpoints().Save(&Checkpoint{CheckpointHeader: CheckpointHeader{Step: 7}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := create(t, filepath.Join(t.TempDir(), "run"))
			defer run.Close()
			path := run.Path(name)
			for _, place := range []func() error{
				func() error {
					victim := filepath.Join(t.TempDir(), "victim")
					return errors.Join(os.WriteFile(victim, []byte(precious), 0o666), os.Symlink(victim, path))
				},
				func() error { return syscall.Mkfifo(path, 0o666) },
			} {
				os.Remove(path)
				if err := place(); err != nil {
					t.Fatal(err)
				}
				errtest.OneLine(t, write(run), path, "remove it")
				if victim, err := os.Readlink(path); err == nil {
					if data, err := os.ReadFile(victim); err != nil || string(data) != precious {
						t.Errorf("%s holds %q, %v", victim, data, err)
					}
				}
			}
		})
	}
	t.Run(lockName, func(t *testing.T) {
		run := create(t, filepath.Join(t.TempDir(), "run"))
		run.Close()
		victim := filepath.Join(t.TempDir(), "victim")
		if err := errors.Join(os.WriteFile(victim, []byte("123"), 0o666), os.Remove(run.Path(lockName)), os.Symlink(victim, run.Path(lockName))); err != nil {
			t.Fatal(err)
		}
		_, err := OpenRun(run.Path())
		errtest.OneLine(t, err, run.Path(lockName), "is a symbolic link")
		_, err = CreateRun(run.Path(), Manifest{}, struct{}{}, true)
		errtest.OneLine(t, err, run.Path(lockName), "is a symbolic link")
		if data, err := os.ReadFile(victim); err != nil || string(data) != "123" {
			t.Errorf("%s holds %q, %v", victim, data, err)
		}
	})
}

// TestRunOfLinks: a run whose files are links can be looked at.
func TestRunOfLinks(t *testing.T) {
	run := create(t, filepath.Join(t.TempDir(), "run"))
	if err := errors.Join(run.WriteConfig(testConfig{Seed: 5}), run.Close()); err != nil {
		t.Fatal(err)
	}
	links := t.TempDir()
	for _, name := range []string{ManifestName, ConfigName, CheckpointsDir} {
		if err := os.Symlink(run.Path(name), filepath.Join(links, name)); err != nil {
			t.Fatal(err)
		}
	}
	view, err := ViewRun(links)
	if err != nil {
		t.Fatal(err)
	}
	var config testConfig
	if err := view.ReadConfig(&config); err != nil || config.Seed != 5 {
		t.Errorf("config %+v, %v", config, err)
	}
	pipes := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(pipes, ManifestName), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = ViewRun(pipes)
	errtest.OneLine(t, err, ManifestName, "not a regular file")
}

func TestOpenRunRefusals(t *testing.T) {
	dir := t.TempDir()
	for _, openRun := range []func(string) (*RunDir, error){OpenRun, ViewRun} {
		_, err := openRun(filepath.Join(dir, "absent"))
		errtest.OneLine(t, err, "no run at", "pmx train")
		_, err = openRun(dir)
		errtest.OneLine(t, err, ManifestName, "choose the folder of a run")
	}
	loop := filepath.Join(dir, "loop", ManifestName)
	if err := errors.Join(os.Mkdir(filepath.Dir(loop), 0o777), os.Symlink(loop, loop)); err != nil {
		t.Fatal(err)
	}
	_, err := ViewRun(filepath.Dir(loop))
	errtest.OneLine(t, err, loop, "make it readable")
	file := filepath.Join(dir, "file")
	touch(t, dir, "file")
	if _, err := CreateRun(file, Manifest{}, struct{}{}, true); err == nil {
		t.Error("a run was made in a file")
	}
}

func TestManifest(t *testing.T) {
	dir := t.TempDir()
	run := create(t, dir)
	defer run.Close()
	session := NewSession(7)
	session.Runtime, session.Library, session.Device = "ort", "1.27.0", "cpu"
	want := Manifest{Method: "patchmix", Seed: 1<<63 + 1, Data: DataInfo{"fashion", 6000, "abc"}, Sessions: []Session{session}}
	if err := run.WriteManifest(want); err != nil {
		t.Fatal(err)
	}
	got, err := run.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	if got.Format != "pmx-run" || got.Seed != want.Seed || got.Data != want.Data || len(got.Sessions) != 1 ||
		!got.Sessions[0].Started.Equal(session.Started) || got.Sessions[0].Go == "" || got.Sessions[0].PMX == "" {
		t.Errorf("read back %+v", got)
	}
	if err := os.WriteFile(run.Path(ManifestName), []byte(`{"format":"pmx-run","version":99}`), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = run.ReadManifest()
	errtest.OneLine(t, err, "version 99", "or a newer one")
}

type testConfig struct {
	Seed  uint64
	LR    float64
	Model struct{ Dim, Heads int }
	Mix   []int
	Log   *struct{ Every int } `json:",omitempty"`
}

func TestConfig(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	config := testConfig{Seed: 1<<63 + 1, LR: 1e-3, Mix: []int{2, 3}}
	config.Model.Dim = 192
	if err := run.WriteConfig(config); err != nil {
		t.Fatal(err)
	}
	var got testConfig
	if err := run.ReadConfig(&got); err != nil {
		t.Fatal(err)
	}
	if got.Seed != config.Seed || got.Model != config.Model || !slices.Equal(got.Mix, config.Mix) {
		t.Errorf("read back %+v", got)
	}
	differences := func(a, b testConfig, ignore ...string) []string {
		t.Helper()
		d, err := CompareConfigs(a, b, ignore...)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := differences(config, got); d != nil {
		t.Errorf("the same configuration differs: %q", d)
	}
	changed := config
	changed.Seed, changed.Model.Dim, changed.Mix = 1<<63, 384, []int{2}
	changed.Log = &struct{ Every int }{10}
	if d := differences(config, changed); !slices.Equal(d, []string{"Log.Every was absent, is now 10", "Mix was [2,3], is now [2]", "Model.Dim was 192, is now 384",
		"Seed was 9223372036854775809, is now 9223372036854775808"}) {
		t.Errorf("differences %q", d)
	}
	if d := differences(config, changed, "Log", "Seed", "Model.Dim"); !slices.Equal(d, []string{"Mix was [2,3], is now [2]"}) {
		t.Errorf("differences %q", d)
	}
	if d := differences(config, changed, "Log.Every", "Seed", "Model", "Mix"); d != nil {
		t.Errorf("ignored keys differ: %q", d)
	}

	hash := func(c testConfig) string {
		h, err := ConfigHash(c)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if hash(config) != hash(got) || hash(config) == hash(changed) {
		t.Error("hashes do not tell configurations apart")
	}
	var wrong struct{ Seed uint64 }
	errtest.OneLine(t, run.ReadConfig(&wrong), ConfigName, "unknown field")
	if err := os.WriteFile(run.Path(ConfigName), []byte(`{"Seed": "one"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	errtest.OneLine(t, run.ReadConfig(&got), run.Path(ConfigName), `key "Seed" holds a JSON string: restore the original value`)
	for _, damaged := range []string{"", `{"Seed": 1`, `{"Seed": 1}}`} {
		if err := os.WriteFile(run.Path(ConfigName), []byte(damaged), 0o666); err != nil {
			t.Fatal(err)
		}
		errtest.OneLine(t, run.ReadConfig(&got), run.Path(ConfigName), "damaged", "restore it from a copy")
	}
}

// TestNoConfig: a run that was killed before it wrote its configuration says what to
// do; one that has lost it since has something to lose.
func TestNoConfig(t *testing.T) {
	run := create(t, t.TempDir())
	defer run.Close()
	if err := os.Remove(run.Path(ConfigName)); err != nil {
		t.Fatal(err)
	}
	var config testConfig
	for range 2 {
		errtest.OneLine(t, run.ReadConfig(&config), run.Path(), ConfigName, "stopped before it began", "--overwrite")
		if err := os.Remove(run.Path(CheckpointsDir)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := run.makeCheckpointsDir(); err != nil {
		t.Fatal(err)
	}
	touch(t, run.Path(CheckpointsDir), "000100.safetensors")
	if err := run.ReadConfig(&config); !errors.Is(err, os.ErrNotExist) || !strings.HasSuffix(err.Error(), ": put it back") || strings.Contains(err.Error(), "--overwrite") {
		t.Errorf("a run with a checkpoint but no configuration: %v", err)
	}
}

func create(t *testing.T, dir string) *RunDir {
	t.Helper()
	run, err := CreateRun(dir, Manifest{}, struct{}{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func open(t *testing.T, dir string) *RunDir {
	t.Helper()
	run, err := OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	return run
}

func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte("{}"), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
}

func namedTensor(name string, values ...float32) safetensors.Named {
	return safetensors.Named{Name: name, Tensor: onnxgraph.NewTensor([]int{len(values)}, values)}
}
