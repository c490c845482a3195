package participants_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/amends-io/amends/internal/natstest"
	"github.com/amends-io/amends/participants"
	"github.com/amends-io/amends/participants/protocol"
)

func page(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheDocumentationNamesEveryHeaderAndOutcome(t *testing.T) {
	t.Parallel()
	text := page(t)
	for _, file := range []string{"headers.go", "outcome.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), "protocol/"+file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		words := 0
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for _, v := range spec.Values {
				lit, ok := v.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				word, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				words++
				if !strings.Contains(text, "`"+word+"`") && !strings.HasPrefix(word, "Nats-Expected-") {
					t.Errorf("docs/protocol.md does not name %s of %s", word, file)
				}
			}
			return true
		})
		if words < 9 {
			t.Errorf("found %d words in %s", words, file)
		}
	}
}

func TestThePermissionsInTheDocumentationAreEnough(t *testing.T) {
	t.Parallel()
	_, block, _ := strings.Cut(page(t), "<!-- the permissions: participants/docs_test.go runs a participant with these -->\n```text\n")
	block, _, found := strings.Cut(block, "```\n")
	if !found {
		t.Fatal("docs/protocol.md has no permissions")
	}
	allowed := &server.Permissions{
		Publish: &server.SubjectPermission{}, Subscribe: &server.SubjectPermission{},
		Response: &server.ResponsePermission{MaxMsgs: 1},
	}
	for line := range strings.Lines(block) {
		switch verb, subject, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "publish":
			allowed.Publish.Allow = append(allowed.Publish.Allow, strings.TrimSpace(subject))
		case "subscribe":
			allowed.Subscribe.Allow = append(allowed.Subscribe.Allow, strings.TrimSpace(subject))
		default:
			t.Errorf("neither publish nor subscribe: %s", line)
		}
	}
	j := newJournal(t, 2, func(o *server.Options) {
		o.Users = []*server.User{{Username: "journal", Password: "j"}, {Username: "payment", Password: "p", Permissions: allowed}}
		o.NoAuthUser = "journal"
	})
	denied := make(chan error, 100)
	nc := natstest.Connect(t, j.server, nats.UserInfo("payment", "p"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err }))
	p := participants.New(nc, "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{"R-1"}, nil })
	stop := j.run(p)
	for _, id := range []string{"order-1", "order-2"} {
		j.send(command(id, protocol.Do, 1, `{"units":1}`))
		if r := j.reply(); r.Outcome != protocol.Done {
			t.Errorf("outcome %s", r.Outcome)
		}
	}
	j.acknowledged("payment")
	for _, subject := range []string{"$SRV.PING.payment", "amends.participant.saga.payment.counts"} {
		if _, err := j.nc.Request(subject, nil, 5*time.Second); err != nil {
			t.Errorf("%s: %v", subject, err)
		}
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-denied:
		t.Error(err)
	default:
	}
}

// block is what follows a comment of the page, between its fences.
func block(t *testing.T, comment string) string {
	t.Helper()
	_, rest, _ := strings.Cut(page(t), "<!-- "+comment)
	_, rest, _ = strings.Cut(rest, "```json\n")
	text, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatalf("docs/protocol.md has no %s", comment)
	}
	return text
}

func TestTheConsumerInTheDocumentationIsTheOneThatTheSDKMakes(t *testing.T) {
	t.Parallel()
	j := newJournal(t, 2)
	m, err := j.nc.Request("$JS.API.CONSUMER.CREATE.SAGA-0.payment.saga.*.*.out.payment.chain", []byte(block(t, "the consumer")), 5*time.Second)
	if err != nil || strings.Contains(string(m.Data), `"error"`) {
		t.Fatalf("%s, %v", m.Data, err)
	}
	p := participants.New(natstest.Connect(t, j.server), "payment", silent())
	participants.Handle(p, charge, func(context.Context, amount) (receipt, error) { return receipt{}, nil })
	j.run(p)
	configs := make([]jetstream.ConsumerConfig, j.count)
	for n := range configs {
		eventually(t, "there is a consumer", func() bool {
			c, err := j.js.Consumer(context.Background(), j.subject.Stream(n), "payment")
			if err == nil {
				configs[n] = c.CachedInfo().Config
			}
			return err == nil
		})
	}
	if diff := cmp.Diff(configs[1], configs[0]); diff != "" {
		t.Errorf("the SDK's and the documentation's (-want +got):\n%s", diff)
	}
}
