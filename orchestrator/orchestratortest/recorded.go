package orchestratortest

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
)

// A Recorded is a message as a line of orchestrator/testdata/journals has it.
// These files are of real lives, and are never written again: whoever can read
// a journal must be able to read those of every release before.
type Recorded struct {
	Sequence uint64          `json:"sequence"`
	Time     time.Time       `json:"time"`
	Subject  string          `json:"subject"`
	Header   protocol.Header `json:"header"`
	Body     string          `json:"body,omitempty"`
}

// ReadJournal reads such a file.
func ReadJournal(t testing.TB, file string) (history []orchestrator.Message) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var r Recorded
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		address, err := protocol.Subjects{}.Parse(r.Subject)
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, orchestrator.Message{
			Sequence: r.Sequence, Time: r.Time, Address: address, Subject: r.Subject, Header: r.Header, Body: []byte(r.Body),
		})
	}
	return history
}
