package test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
)

// grace is how long after its deadline a call may return.
const grace = 100 * time.Millisecond

// trouble is what a proxy does while calls are made.
type trouble struct {
	fault func(*proxy, *net.TCPConn, []byte) error
	// during disturbs now and then, until calls is closed.
	during func(p *proxy, calls <-chan struct{})
	// patience is the most time that a call gets; some get much less.
	patience time.Duration
}

var troubles = map[string]trouble{
	"Latency": {fault: latency, patience: 5 * time.Second},
	"Slices":  {fault: sliced, patience: 5 * time.Second},
	"Resets":  {fault: passOn, during: resets, patience: 5 * time.Second},
	"Holes":   {fault: passOn, during: holes, patience: 8 * time.Second},
}

func resets(p *proxy, calls <-chan struct{}) {
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-pace.C:
			p.reset()
		case <-calls:
			return
		}
	}
}

// holes swallows all for five seconds of every six.
func holes(p *proxy, calls <-chan struct{}) {
	for {
		end := p.hole()
		select {
		case <-time.After(5 * time.Second):
			end()
		case <-calls:
			end()
			return
		}
		select {
		case <-time.After(time.Second):
		case <-calls:
			return
		}
	}
}

func TestSoakFaultsBetweenClientAndServer(t *testing.T) {
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time they wait
			s := startServer(t, 1<<20)
			startWorker(t, s, fakeModel("delay_ms = 50"))
			p := startProxy(t, s, trouble.fault)
			soakTrouble(t, s, p, p.url(), trouble)
		})
	}
}

func TestSoakFaultsBetweenAWorkerAndServer(t *testing.T) {
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of the time they wait
			s := startServer(t, 1<<20)
			p := startProxy(t, s, trouble.fault)
			startWorker(t, s, fakeModel("delay_ms = 50"))
			startWorkerAt(t, p.url(), fakeModel("delay_ms = 50"))
			soakTrouble(t, s, p, s.url(), trouble)
		})
	}
}

// soakTrouble makes calls through trouble. Each must end with a right result or
// a typed error, and in time; when all are over the next must succeed.
func soakTrouble(t *testing.T, s *server, p *proxy, url string, trouble trouble) {
	hashes := known(t, newModel(t, newClient(t, s), "Fake"), numbered(500), slices.Equal[[]float32])
	nc := connectAt(t, url, "client", clientInbox)
	model := newModel(t, clientOn(t, nc), "Fake")
	count := newTally(t)
	calls := soakSize(400)
	todo := make(chan struct{}, calls)
	for range calls {
		todo <- struct{}{}
	}
	close(todo)
	wait := callers(8, func() bool {
		_, more := <-todo
		if more {
			count.add(count.troubled(hashes, model, 50*time.Millisecond+rand.N(trouble.patience)))
		}
		return more
	})
	over, quiet := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quiet)
		if trouble.during != nil {
			trouble.during(p, over)
		}
	}()
	wait()
	close(over)
	<-quiet
	count.report()
	if _, err := embedSome(hashes, model, 10, 0); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// troubled makes one call and returns what is wrong with its end.
func (n *tally) troubled(c *corpus, model *fastembed.TextEmbedding, limit time.Duration) (took time.Duration, err error) {
	input, check := c.some(1 + rand.IntN(30))
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	// The machine may be late, too: what counts is how much later than any other
	// goroutine the call learns that its time is over.
	noticed := make(chan time.Time, 1)
	go func() {
		<-ctx.Done()
		noticed <- time.Now()
	}()
	start := time.Now()
	vectors, err := model.Embed(ctx, input, 5)
	took = time.Since(start)
	if took > limit {
		if late := time.Since(<-noticed); late > grace {
			return took, fmt.Errorf("a call ended %v after its deadline of %v, with %v", late, limit, err)
		}
	}
	if err == nil {
		return took, check(vectors)
	}
	var e *fastembed.Error
	if !errors.As(err, &e) && !errors.Is(err, fastembed.ErrNotConnected) && !errors.Is(err, fastembed.ErrSilent) {
		return took, fmt.Errorf("an error of no type: %w", err)
	}
	n.refused.Add(1)
	return took, nil
}
