package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pmx/internal/require"
	"pmx/runtimes/runtimelib"
)

// TestMain lets the scripts call this program: the test binary under the name
// pmx is pmx.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pmx": func() { os.Exit(Main(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script/*.txtar: each is a shell-like script, then
// its files. Those that train find ONNX Runtime by PMX_ORT_LIB, and the training
// library by PMX_ORT_TRAINING_LIB; conditions of the names ort and ort-training
// tell whether they are there.
func TestScripts(t *testing.T) {
	library, err := findLibrary(runtimelib.ORT, "")
	training, trainingErr := findLibrary(runtimelib.ORTTraining, "")
	missing := map[string]error{"ort": err, "ort-training": trainingErr}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			bin, _, _ := strings.Cut(env.Getenv("PATH"), string(os.PathListSeparator))
			env.Setenv("PMX_BIN", bin) // of pmx alone
			env.Setenv("PMX_ORT_LIB", library)
			env.Setenv("PMX_ORT_TRAINING_LIB", training)
			return drawAll(env.WorkDir)
		},
		Condition: func(name string) (bool, error) {
			err, known := missing[name]
			if !known {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			if err != nil && require.All() {
				t.Fatal(err)
			}
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"begins":   begins,
			"same":     same,
			"agree":    agree,
			"replace":  replace,
			"truncate": truncate,
		},
	})
}

// drawAll makes two folders of PNG files: pictures has 3 without classes; classes
// has dark and bright ones, 24 to train on and 8 to classify, some of them wrongly,
// for the brightest of the dark are brighter than the darkest of the bright.
func drawAll(dir string) error {
	for i := range 3 {
		if err := draw(filepath.Join(dir, "pictures"), i, 1+i); err != nil {
			return err
		}
	}
	for split, factors := range map[string]map[string][]int{
		"train": {"dark": {1, 3, 4, 5, 1, 2, 4, 2, 1, 3, 5, 2}, "bright": {7, 5, 4, 3, 7, 6, 4, 6, 7, 5, 3, 6}},
		"test":  {"dark": {2, 4, 3, 1}, "bright": {6, 4, 5, 7}},
	} {
		for class := range factors {
			for i, factor := range factors[class] {
				if err := draw(filepath.Join(dir, "classes", split, class), i, factor); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// draw makes a grey picture of 40x30 pixels, i.png in dir.
func draw(dir string, i, factor int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	img := image.NewGray(image.Rect(0, 0, 40, 30))
	for p := range img.Pix {
		img.Pix[p] = uint8(factor * (30 + (p*(i+1))%5))
	}
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.png", i)))
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, img), f.Close())
}

// truncate FILE cuts a file in half.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: truncate file")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()/2))
}

// same FILE FILE fails unless both have the same bytes; ! same, if they have.
// Unlike cmp it prints none.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] same file file")
	}
	if equal := ts.ReadFile(args[0]) == ts.ReadFile(args[1]); equal == neg {
		ts.Fatalf("%s and %s have the same bytes: %t", args[0], args[1], equal)
	}
}

// agree PATTERN FILE FILE... fails unless PATTERN, whose ^ and $ are those of lines, is
// found in every file and what its groups match is the same in all.
func agree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: agree pattern file file...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	first := ""
	for _, file := range args[1:] {
		found := pattern.FindStringSubmatch(ts.ReadFile(file))
		if found == nil {
			ts.Fatalf("%s: no match for %s", file, args[0])
		}
		groups := strings.TrimSpace(strings.Join(found[1:], " "))
		if file == args[1] {
			first = groups
		} else if groups != first {
			ts.Fatalf("%s has %s, %s has %s", args[1], first, file, groups)
		}
	}
}

// replace OLD NEW FILE replaces OLD throughout a file, which must have it.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace old new file")
	}
	before := ts.ReadFile(args[2])
	after := strings.ReplaceAll(before, args[0], args[1])
	if after == before {
		ts.Fatalf("%s has no %s", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(after), 0o666))
}

// exits CODE PROGRAM [ARG...] runs a program and fails unless it exits with
// CODE. Its output is there for stdout and stderr, as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [args...]")
	}
	checkExit(ts, args[0], args[1:], ts.Exec(args[1], args[2:]...))
}

func checkExit(ts *testscript.TestScript, want string, program []string, err error) {
	code := 0
	if err != nil {
		coded, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v: %v", program, err)
		}
		code = coded.ExitCode()
	}
	if want != strconv.Itoa(code) {
		ts.Fatalf("%v: exit code %d, want %s", program, code, want)
	}
}

// begins SIGNAL CODE FILE PROGRAM [ARG...] starts a program, sends it the signal
// (INT, TERM, HUP, QUIT, KILL) soon after FILE, which must stay, is there, and fails unless it exits
// with CODE, -1 for a killed one. Its output goes to interrupted.txt.
func begins(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "KILL": os.Kill}
	if neg || len(args) < 4 || signals[args[0]] == nil {
		ts.Fatalf("usage: begins INT|TERM|HUP|QUIT|KILL code file program [args...]")
	}
	program, err := exec.LookPath(args[3])
	ts.Check(err)
	output, err := os.Create(ts.MkAbs("interrupted.txt"))
	ts.Check(err)
	defer output.Close()
	cmd := exec.Command(program, args[4:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), output, output
	cmd.Env = append(os.Environ(), "PMX_ORT_LIB="+ts.Getenv("PMX_ORT_LIB"))
	heeded := heedSignals()
	ts.Check(cmd.Start())
	signal.Stop(heeded)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for appeared := false; !appeared; {
		select {
		case <-tick.C:
			_, err := os.Stat(ts.MkAbs(args[2]))
			appeared = err == nil
		case err := <-ended:
			ts.Fatalf("%v ended (%v) before it was seen to write %s: %s", args[3:], err, args[2], ts.ReadFile("interrupted.txt"))
		case <-deadline:
			cmd.Process.Kill()
			ts.Fatalf("%s did not appear: %s", args[2], ts.ReadFile("interrupted.txt"))
		}
	}
	ts.Check(cmd.Process.Signal(signals[args[0]]))
	if args[0] == "HUP" { // of a terminal that is closed, kernel and shell send one each
		time.Sleep(time.Millisecond)
		cmd.Process.Signal(syscall.SIGHUP)
	}
	checkExit(ts, args[1], args[3:], <-ended)
}

// heedSignals makes a process that is started heed the signals that this one was started to
// ignore, as nohup and shells in the background have it: ignored signals are inherited, those
// that are caught are not.
func heedSignals() chan os.Signal {
	caught := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP, syscall.SIGQUIT} {
		if signal.Ignored(s) {
			signal.Notify(caught, s)
		}
	}
	return caught
}
