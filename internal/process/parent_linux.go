package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends a child whose parent was killed. It is in a group of its
// own: a terminal's Ctrl-C is for us, who end our children in their order.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
