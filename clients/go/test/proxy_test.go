package test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between a server and those who connect to it, and spoils what
// passes.
type proxy struct {
	listener net.Listener
	target   string
	fault    func(*proxy, *net.TCPConn, []byte) error // how bytes get to the other side
	over     chan struct{}
	work     sync.WaitGroup

	mu     sync.Mutex
	conns  map[*net.TCPConn]bool
	passes chan struct{} // closed unless there is a black hole
}

// startProxy returns a proxy that passes bytes on by the fault.
func startProxy(t *testing.T, s *server, fault func(*proxy, *net.TCPConn, []byte) error) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		listener: listener, target: "127.0.0.1:" + s.port, fault: fault,
		over: make(chan struct{}), conns: map[*net.TCPConn]bool{}, passes: make(chan struct{}),
	}
	close(p.passes)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		close(p.over)
		_ = listener.Close()
		p.reset()
		p.work.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		from, to := in.(*net.TCPConn), out.(*net.TCPConn)
		if !p.know(from, to) {
			return
		}
		p.work.Go(func() { p.pipe(to, from) })
		p.work.Go(func() { p.pipe(from, to) })
	}
}

func (p *proxy) know(conns ...*net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
	}
	select {
	case <-p.over:
		for _, c := range conns {
			_ = c.Close()
		}
		return false
	default:
		return true
	}
}

// pipe moves bytes in one direction until one side ends.
func (p *proxy) pipe(to, from *net.TCPConn) {
	defer p.forget(to, from)
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		passes := p.passes
		p.mu.Unlock()
		select {
		case <-passes:
		case <-p.over:
			return
		}
		if err := p.fault(p, to, b[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) forget(conns ...*net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// reset breaks every connection without a farewell.
func (p *proxy) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.SetLinger(0)
		_ = c.Close()
	}
}

// hole holds back every byte, in both directions, until end is called; the
// connections stay.
func (p *proxy) hole() (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	passes := make(chan struct{})
	p.passes = passes
	return func() { close(passes) }
}

// The faults.

func passOn(_ *proxy, to *net.TCPConn, b []byte) error {
	_, err := to.Write(b)
	return err
}

// sliced makes many packets of one: no reader may rely on their bounds.
func sliced(_ *proxy, to *net.TCPConn, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), 1+rand.IntN(7))
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// latency holds each packet back for up to half a second.
func latency(p *proxy, to *net.TCPConn, b []byte) error {
	select {
	case <-time.After(rand.N(500 * time.Millisecond)):
	case <-p.over:
		return io.EOF
	}
	return passOn(p, to, b)
}
