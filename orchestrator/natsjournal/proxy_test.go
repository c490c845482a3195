package natsjournal_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A proxy stands between a client and a server, and can hold back what the
// server answers: a server that was stopped after it had read.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	flowing sync.Cond
	held    bool
	closed  bool
	conns   []net.Conn
	running sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target}
	p.flowing.L = &p.mu
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, client, server)
		p.mu.Unlock()
		p.running.Go(func() {
			_, _ = io.Copy(server, client)
			_ = server.Close()
		})
		p.running.Go(func() {
			_, _ = io.Copy(&gated{p, client}, server)
			_ = client.Close()
		})
	}
}

// gated writes to a client while the proxy lets answers through.
type gated struct {
	p      *proxy
	client io.Writer
}

func (g *gated) Write(b []byte) (int, error) {
	g.p.mu.Lock()
	for g.p.held && !g.p.closed {
		g.p.flowing.Wait()
	}
	g.p.mu.Unlock()
	return g.client.Write(b)
}

// hold keeps answers back, or lets them through again.
func (p *proxy) hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
	p.flowing.Broadcast()
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.flowing.Broadcast()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}
