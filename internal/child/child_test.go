package child

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCancelEndsTheGroup: a launcher's own child goes with it, also where the launcher
// does not listen.
func TestCancelEndsTheGroup(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := Command(ctx, "sh", "-c", "sleep 60 & sleeper=$!; trap '' TERM; echo $sleeper; wait; sleep 60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	sleeper, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	begin := time.Now()
	if err := cmd.Wait(); err == nil || time.Since(begin) > 20*time.Second {
		t.Errorf("error %v after %v", err, time.Since(begin))
	}
	for range 400 {
		if errors.Is(syscall.Kill(sleeper, 0), syscall.ESRCH) || defunct(sleeper) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	syscall.Kill(sleeper, syscall.SIGKILL)
	t.Error("the launcher's child goes on")
}

// defunct reports whether a process has ended and nobody has asked how.
func defunct(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	return err == nil && strings.Contains(string(status), "State:\tZ")
}

// groupTest is set for a process that is sent a signal with its group.
const groupTest = "PMX_TEST_CHILD_GROUP"

// TestSignalOfTheTerminal sends a signal to a whole group, as a terminal does: the child
// is not in it.
func TestSignalOfTheTerminal(t *testing.T) {
	if os.Getenv(groupTest) != "" {
		got := make(chan os.Signal, 1)
		signal.Notify(got, os.Interrupt)
		err := Command(t.Context(), "sh", "-c", "kill -INT -"+strconv.Itoa(os.Getpid())+"; sleep 0.2").Run()
		<-got
		if err != nil {
			t.Errorf("the child got the signal too: %v", err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSignalOfTheTerminal$")
	cmd.Env = append(os.Environ(), groupTest+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
