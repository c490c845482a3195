package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"github.com/dtm-labs/dtm/client/dtmcli"
	"github.com/dtm-labs/dtm/client/dtmgrpc"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const service = "bench.Participant"

// A step is an action and its compensation.
type step struct{ do, undo string }

var steps = []step{{"Reserve", "Release"}, {"Charge", "Refund"}, {"Ship", "Recall"}}

// refuses is the action that refuses an order which says so.
const refuses = "Ship"

// An order is a saga's input, and what each step is sent: about 80 bytes of JSON.
type order struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Article  string `json:"article"`
	Units    int    `json:"units"`
	Refuse   bool   `json:"refuse"`
}

// A participant answers all three steps at once, and keeps nothing.
type participant struct{ done, undone atomic.Int64 }

func openParticipant() (*part, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &participant{}
	desc := grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil)}
	for _, s := range steps {
		desc.Methods = append(desc.Methods,
			method(s.do, func(o order) error {
				p.done.Add(1)
				if o.Refuse && s.do == refuses {
					return dtmgrpc.DtmError2GrpcError(dtmcli.ErrFailure)
				}
				return nil
			}),
			method(s.undo, func(order) error {
				p.undone.Add(1)
				return nil
			}))
	}
	server := grpc.NewServer()
	server.RegisterService(&desc, p)
	go func() {
		fmt.Fprintln(os.Stderr, server.Serve(l)) // it never ends while this process lives
		os.Exit(1)
	}()
	return &part{addr: l.Addr().String(), calls: func() (int64, int64) { return p.done.Load(), p.undone.Load() }}, nil
}

// method is one that decodes an order, as a generated one would do a message.
func method(name string, handle func(order) error) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(
		_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
	) (any, error) {
		var body wrapperspb.BytesValue
		if err := decode(&body); err != nil {
			return nil, err
		}
		var o order
		if err := json.Unmarshal(body.GetValue(), &o); err != nil {
			return nil, err
		}
		return &emptypb.Empty{}, handle(o)
	}}
}
