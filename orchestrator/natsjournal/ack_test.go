package natsjournal

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/amends-io/amends/internal/pipeline"
	"github.com/amends-io/amends/orchestrator"
)

func TestAnAcknowledgementSaysWhatHappened(t *testing.T) {
	t.Parallel()
	var stops error // an error that is none of the others
	for text, c := range map[string]struct {
		sequence uint64
		want     error
	}{
		`{"stream":"SAGA-0","seq":7}`:                  {7, nil},
		`{"stream":"SAGA-0", "seq":7}`:                 {7, nil},
		`{"stream":"SAGA-0","domain":"hub","seq":7}`:   {7, nil},
		`{"stream":"SAGA-0","seq":7,"duplicate":true}`: {7, nil},
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"stream":"SAGA-0","seq":0}`: {0, orchestrator.ErrConflict},
		`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"SAGA-0","seq":0}`:    {0, orchestrator.ErrConflict},
		`{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"seq":0}`:     {0, orchestrator.ErrTooMuch},
		`{"error":{"code":400,"err_code":10097,"description":"header size exceeds maximum allowed of 64k"}}`:       {0, orchestrator.ErrTooMuch},
		`{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"}}`:            {0, orchestrator.ErrTooMuch},
		`{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}`:                           {0, stops},
		`{"error":{"code":503,"err_code":10047,"description":"insufficient storage resources available"}}`:         {0, stops},
		`{"stream":"SAGA-0","seq":0}`: {0, orchestrator.ErrInDoubt},
		`{"stream":"SAGA-0"`:          {0, orchestrator.ErrInDoubt},
		`{"stream":"SAGA-0","seq":}`:  {0, orchestrator.ErrInDoubt},
		``:                            {0, orchestrator.ErrInDoubt},
	} {
		sequence, err := pipeline.ReadAck(&nats.Msg{Data: []byte(text)})
		err = appendError(err)
		kinds := []error{orchestrator.ErrConflict, orchestrator.ErrTooMuch, orchestrator.ErrInDoubt}
		for _, kind := range kinds {
			if errors.Is(err, kind) != errors.Is(c.want, kind) {
				t.Errorf("%s: %v, want: %v", text, err, c.want)
			}
		}
		if sequence != c.sequence || (sequence == 0) != (err != nil) {
			t.Errorf("%s: %d, %v; want %d", text, sequence, err, c.sequence)
		}
	}
}
