package tasks

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pmx/artifacts"
	"pmx/internal/atomicfile"
	"pmx/runtimes"
)

// profile is what ProfileSteps makes of the first steps of a session: the trace as
// profile.json and its summary as profile.txt in the run, as soon as they are done.
type profile struct {
	steps   int // that are traced; the first is left out of the summary, it allocates memory
	tmp     string
	summary bytes.Buffer // printed at the end of the training
	failed  error        // why there is no profile: the training continues without
}

// open compiles the step for tracing. The trace begins before there is a run to keep it in.
func (p *profile) open(t *run) (err error) {
	if p.tmp, err = os.MkdirTemp("", "pmx-profile-"); err != nil {
		return err
	}
	options := t.Execution
	options.ProfilePrefix = filepath.Join(p.tmp, "trace")
	t.session, err = runtimes.TraceSteps(t.Runtime, t.step, options, p.steps, func(trace string, err error) {
		p.failed = err
		if err == nil && t.dir != nil { // else the training did not begin
			p.failed = p.keep(t.dir, trace)
		}
	})
	return err
}

// keep copies the trace into the run, and sums it up.
func (p *profile) keep(run *artifacts.RunDir, trace string) error {
	file, err := os.Open(trace)
	if err != nil {
		return err
	}
	defer file.Close()
	sums, err := runtimes.ReadProfile(file, 1)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := atomicfile.WriteRegular(run.Path(artifacts.ProfileName), func(w io.Writer) error {
		_, err := io.Copy(w, file)
		return err
	}); err != nil {
		return err
	}
	if err := sums.Print(&p.summary); err != nil {
		return err
	}
	return atomicfile.WriteRegular(run.Path(artifacts.ProfileSummaryName), func(w io.Writer) error {
		_, err := w.Write(p.summary.Bytes())
		return err
	})
}

// print ends the trace, if it continues, and prints the summary, or a warning that there
// is none. A training that failed may have done too few steps for one: that needs no
// warning.
func (p *profile) print(t *run, failed error) {
	closed := t.session.Close()
	if err := cmp.Or(p.failed, closed); err != nil && failed == nil {
		fmt.Fprintf(t.Log, "warning: --profile: %s; the training is not affected\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if p.summary.Len() > 0 {
		fmt.Fprintf(t.Out, "%s\nthe trace is in %s, for https://ui.perfetto.dev\n", p.summary.Bytes(), t.dir.Path(artifacts.ProfileName))
	}
}

// close removes the temporary trace.
func (p *profile) close() error {
	if p.tmp == "" {
		return nil
	}
	return os.RemoveAll(p.tmp)
}

// check refuses a training of so many steps as too short.
func (p *profile) check(steps int64) error {
	if p != nil && steps < 2 {
		return &RecipeError{fmt.Errorf("--profile leaves the first step out and looks at those after it, but there are %d to do: leave it out", steps)}
	}
	return nil
}
