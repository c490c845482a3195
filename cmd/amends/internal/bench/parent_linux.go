package bench

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends a part whose parent was killed. Those of ours see the end
// of their input too; redis-server looks at nothing. It is in a group of its own:
// a terminal's Ctrl-C is for us, who end the parts in their order.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
