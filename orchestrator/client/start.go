package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/amends-io/amends/internal/leader"
	"github.com/amends-io/amends/internal/pause"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas"
)

// A StartOption says more about a saga to start.
type StartOption func(*request)

// ID is the saga's id, the key of its business transaction: letters, digits,
// "_" and "-". Who starts the same saga with the same id again gets the one
// that there is. Without it a UUID is drawn, and a repeated start is another
// saga.
func ID(id string) StartOption { return func(r *request) { r.id, r.chosen = id, true } }

// Tag is a business key to find the saga by.
func Tag(key, value string) StartOption {
	return func(r *request) { r.tags[key] = value }
}

// ContentType says what the input of StartRaw is, if it is not JSON. Then it is
// stored as it is.
func ContentType(contentType string) StartOption {
	return func(r *request) { r.contentType = contentType }
}

// A request is a start as the caller asks for it.
type request struct {
	id, definition, contentType string
	chosen                      bool // the id was given
	version                     int
	input                       []byte
	tags                        map[string]string
}

// Start starts a saga with input, or returns the one that was started with the
// same id, definition, input and tags. An id of another one is a ConflictError.
func Start[S any](ctx context.Context, c *Client, definition sagas.Typed[S], input S, options ...StartOption) (Handle[S], error) {
	body, err := protocol.Encode(input)
	if err != nil {
		return Handle[S]{}, fmt.Errorf("client: start %s: the input cannot be encoded: %w", definition.Name, err)
	}
	saga, err := c.StartOf(ctx, definition.Definition, body, options...)
	return Handle[S]{saga, definition}, err
}

// StartOf is Start with an input that is encoded already.
func (c *Client) StartOf(ctx context.Context, definition sagas.Definition, input []byte, options ...StartOption) (Saga, error) {
	if err := c.validate(definition); err != nil {
		return Saga{}, fmt.Errorf("client: definition %s: %w", definition, err)
	}
	if err := definition.Accept(input); err != nil {
		return Saga{}, fmt.Errorf("client: start %s: the input is refused: %w", definition.Name, err)
	}
	return c.StartRaw(ctx, definition.Name, definition.Version, input, options...)
}

// StartRaw starts a saga of a definition that this program does not know. Only
// the orchestrator can say what is wrong with its input: then the saga ends
// compensated at once, with the reason.
func (c *Client) StartRaw(ctx context.Context, definition string, version int, input []byte, options ...StartOption) (Saga, error) {
	r := request{definition: definition, version: version, input: input, contentType: protocol.ContentTypeJSON, tags: make(map[string]string)}
	for _, option := range options {
		option(&r)
	}
	if !r.chosen {
		id, err := uuid.NewV7()
		if err != nil {
			return Saga{}, fmt.Errorf("client: draw an id: %w", err)
		}
		r.id = id.String()
	}
	if err := r.check(); err != nil {
		return Saga{}, fmt.Errorf("client: start %s: %w", protocol.Text(definition, protocol.MaxName), err)
	}
	saga, err := c.start(ctx, r)
	if err != nil {
		return saga, fmt.Errorf("client: %w", err)
	}
	return saga, nil
}

// check refuses what the orchestrator would refuse, and what no subject or
// header can hold.
func (r request) check() error {
	if err := protocol.CheckID(r.id); err != nil {
		return err
	}
	if err := protocol.CheckName("definition", r.definition); err != nil {
		return err
	}
	if r.version < 1 {
		return fmt.Errorf("version %d: versions count from 1", r.version)
	}
	if len(r.input) > protocol.MaxPayload {
		return fmt.Errorf("the input has %d bytes, at most %d are allowed; send more by reference", len(r.input), protocol.MaxPayload)
	}
	if r.contentType == protocol.ContentTypeJSON && len(r.input) > 0 {
		if err := protocol.CheckJSON(r.input); err != nil {
			return fmt.Errorf("the input: %w", err)
		}
	}
	if r.contentType != protocol.Text(r.contentType, 128) {
		return errors.New("the content type has control characters or more than 128 bytes")
	}
	text, err := tagsText(r.tags)
	if err == nil {
		_, err = orchestrator.ReadTags(text)
	}
	return err
}

// tagsText writes tags as the header has them, in the order of their keys.
func tagsText(tags map[string]string) (string, error) {
	if len(tags) == 0 {
		return "", nil
	}
	b, err := json.Marshal(tags)
	return string(b), err
}

// message is the start as it is stored. draw recognises the publisher's own.
func (c *Client) message(ctx context.Context, p int, r request, draw string) (*nats.Msg, error) {
	tags, err := tagsText(r.tags)
	if err != nil {
		return nil, err
	}
	h := protocol.NewWriter(8, 0)
	h.Set(protocol.HeaderDefinition, r.definition)
	h.Set(protocol.HeaderVersion, strconv.Itoa(r.version))
	h.Set(protocol.HeaderDecision, draw)
	h.Set(protocol.HeaderContentType, r.contentType)
	if tags != "" {
		h.Set(protocol.HeaderTags, tags)
	}
	trace(ctx, h.Header)
	h.Set(protocol.HeaderExpectedSequence, "0")
	h.Set(protocol.HeaderExpectedSubject, c.subjects.Chain(p, r.id))
	return &nats.Msg{Subject: c.subjects.Start(p, r.id), Header: nats.Header(h.Header), Data: r.input}, nil
}

// trace writes the span that is in ctx, if there is one.
func trace(ctx context.Context, h protocol.Header) {
	if !oteltrace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	for key, value := range carrier {
		h.Set(key, value)
	}
}

func (c *Client) start(ctx context.Context, r request) (Saga, error) {
	p, err := c.home(ctx, r.id)
	if err != nil {
		return Saga{}, err
	}
	draw := uuid.NewString()
	m, err := c.message(ctx, p, r, draw)
	if err != nil {
		return Saga{}, err
	}
	saga := Saga{c: c, id: r.id, partition: p, mark: c.feed.begin()}
	ctx, cancel := bounded(ctx, 6*c.timeout)
	defer cancel()
	for {
		saga.run, err = c.publish(ctx, m)
		if err == nil {
			return saga, nil
		}
		if !errors.Is(err, orchestrator.ErrConflict) {
			if errors.Is(err, ErrInDoubt) {
				err = &DoubtError{ID: r.id, Err: err}
			}
			return saga, err
		}
		stored, err := c.look(ctx, p, leader.Lookup{LastBySubject: c.subjects.Start(p, r.id)})
		switch {
		case err == nil:
			saga.run = stored.Sequence
			if stored.Header.Get(protocol.HeaderDecision) == draw {
				return saga, nil // an earlier try of ours
			}
			saga.existed, saga.mark = true, mark{}
			return saga, r.same(stored)
		case !errors.Is(err, ErrNotFound):
			return saga, fmt.Errorf("saga %s exists, and cannot be read: %w", r.id, err)
		}
		// What refused us is not readable yet, or has left meanwhile.
		if !pause.For(ctx, c.timeout/100) {
			return saga, &DoubtError{ID: r.id, Err: ctx.Err()}
		}
	}
}

// same reports in what the start that is stored is another one.
func (r request) same(stored orchestrator.Message) error {
	h := stored.Header
	tags, err := orchestrator.ReadTags(h.Get(protocol.HeaderTags))
	version := strconv.Itoa(r.version)
	conflict := &ConflictError{ID: r.id}
	switch {
	case h.Get(protocol.HeaderDefinition) != r.definition:
		conflict.What, conflict.Have, conflict.Want = "definition", protocol.Text(h.Get(protocol.HeaderDefinition), protocol.MaxName), r.definition
	case h.Get(protocol.HeaderVersion) != version:
		conflict.What, conflict.Have, conflict.Want = "version", protocol.Text(h.Get(protocol.HeaderVersion), 20), version
	case !sameBody(stored.Body, r.input):
		conflict.What = "input"
	case err != nil || !maps.Equal(tags, r.tags):
		conflict.What = "set of tags"
	default:
		return nil
	}
	return conflict
}

// sameBody reports whether two bodies are the same, or the same JSON but for
// white space.
func sameBody(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var compactA, compactB bytes.Buffer
	return json.Compact(&compactA, a) == nil && json.Compact(&compactB, b) == nil && bytes.Equal(compactA.Bytes(), compactB.Bytes())
}
