// Package child runs other programs that end when this one is told to.
package child

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// Command is exec.CommandContext for a program in a process group of its own. Ctrl-C
// on a terminal reaches this program alone, so that a child that ends by it is never
// taken for one that failed; the end of ctx ends the whole group by SIGTERM.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	// One that does not listen is killed; children that hold the pipes open are left alone.
	cmd.WaitDelay = 2 * time.Second
	return cmd
}
