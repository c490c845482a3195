package redisview

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A script is Lua that decides nothing but whether it may begin.
type script struct{ source, sha string }

func newScript(parts ...string) script {
	source := strings.Join(parts, "")
	return script{source, redis.NewScript(source).Hash()}
}

// scriptArgs is how many arguments of EVALSHA come before ARGV.
const scriptArgs = 7

// run runs s with args, whose first scriptArgs elements it fills in.
func (p *partition) run(ctx context.Context, s script, args []any) *redis.Cmd {
	copy(args, []any{"evalsha", s.sha, 4, p.meta, p.rows, p.timers, p.index})
	cmd := redis.NewCmd(ctx, args...)
	_ = p.view.rdb.Process(ctx, cmd) // cmd has the error
	if !redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		return cmd
	}
	args[0], args[1] = "eval", s.source
	cmd = redis.NewCmd(ctx, args...)
	_ = p.view.rdb.Process(ctx, cmd)
	return cmd
}

// Places of the keys in KEYS of every script.
const (
	metaKey = iota + 1
	rowsKey
	timersKey
	indexKey
)

// A command is one of those that a script runs for us.
type command struct {
	name string
	key  int
	args []any
}

// appendTo appends c to the ARGV of a script.
func (c command) appendTo(args []any) []any {
	return append(append(args, c.name, c.key, len(c.args)), c.args...)
}

// readScript answers several commands as of one time. MULTI would do so too,
// but is refused when memory is used up, and then reading matters most.
var readScript = newScript(`
local answers, i = {}, 1
while i <= #ARGV do
  local last = i + 2 + tonumber(ARGV[i + 2])
  answers[#answers + 1] = redis.call(ARGV[i], KEYS[tonumber(ARGV[i + 1])], unpack(ARGV, i + 3, last))
  i = last + 1
end
return answers
`)

// read returns the answers to commands, each a list of texts or a number.
func (p *partition) read(ctx context.Context, commands ...command) ([]any, error) {
	args := make([]any, scriptArgs)
	for _, c := range commands {
		args = c.appendTo(args)
	}
	answers, err := p.run(ctx, readScript, args).Slice()
	if err == nil && len(answers) != len(commands) {
		err = fmt.Errorf("%d answers to %d commands", len(answers), len(commands))
	}
	return answers, err
}

// texts reads a list of texts, and "" for those that are not there.
func texts(answer any) []string {
	values, _ := answer.([]any)
	list := make([]string, len(values))
	for i, v := range values {
		list[i], _ = v.(string)
	}
	return list
}

func number(answer any) int64 {
	n, _ := answer.(int64)
	return n
}
