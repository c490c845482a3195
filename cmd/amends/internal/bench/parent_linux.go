package bench

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends a part whose parent was killed. Those of ours see the end
// of their input too; redis-server looks at nothing.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
