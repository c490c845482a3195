package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/dtm-labs/dtm/client/dtmcli"
	"github.com/dtm-labs/dtm/client/dtmgrpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A client starts sagas, and waits for their ends as DTM lets a client wait: the
// server answers when the saga is over.
type client struct {
	grpc, http  string // where the server is
	participant string
}

func openClient(s setup) *part {
	c := &client{
		grpc: fmt.Sprintf("127.0.0.1:%d", s.GRPCPort), http: fmt.Sprintf("http://127.0.0.1:%d", s.HTTPPort),
		participant: s.Participant,
	}
	return &part{load: func(l load) (loaded, error) {
		result, err := l.run(c.run)
		if err != nil {
			return loaded{}, err
		}
		return result, c.look(l, result)
	}}
}

// run starts a saga, and returns when it has ended as its path wants.
func (c *client) run(path, id string) error {
	body, err := json.Marshal(order{ID: id, Customer: "c-17850", Article: "85123A", Units: 6, Refuse: path == compensate})
	if err != nil {
		return err
	}
	saga := dtmgrpc.NewSagaGrpc(c.grpc, id)
	prefix := c.participant + "/" + service + "/"
	for _, s := range steps {
		saga.Add(prefix+s.do, prefix+s.undo, wrapperspb.Bytes(body))
	}
	saga.WaitResult = true
	err = dtmgrpc.GrpcError2DtmError(saga.Submit())
	switch refused := errors.Is(err, dtmcli.ErrFailure); {
	case err != nil && !refused:
		return fmt.Errorf("saga %s: %w", id, err)
	case refused != (path == compensate):
		return fmt.Errorf("saga %s on the path %s was refused: %t", id, path, refused)
	}
	return nil
}

// looks is at how many sagas of a load the client looks afterwards.
const looks = 200

// look asks the server how sagas ended, spread over a load that is over.
func (c *client) look(l load, result loaded) error {
	want := dtmcli.StatusSucceed
	if l.Path == compensate {
		want = dtmcli.StatusFailed
	}
	for n := 1; n <= result.Sagas; n += max(1, result.Sagas/looks) {
		id := sagaID(l.Tag, int64(n))
		status, err := c.status(id)
		if err != nil {
			return fmt.Errorf("how saga %s ended: %w", id, err)
		}
		if status != want {
			return fmt.Errorf("saga %s is %q and not %q, although its end was told", id, status, want)
		}
	}
	return nil
}

func (c *client) status(id string) (string, error) {
	resp, err := http.Get(c.http + "/api/dtmsvr/query?gid=" + url.QueryEscape(id))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Transaction struct {
			Status string `json:"status"`
		} `json:"transaction"`
	}
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Transaction.Status, err
}
