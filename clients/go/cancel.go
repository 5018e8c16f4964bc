package fastembed

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// abandoned gathers the attempts of one call that were sent and whose answers
// nobody waits for any more, so that workers can be told in one message.
type abandoned struct {
	mu  sync.Mutex
	ids []string
}

func (a *abandoned) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, id)
}

func (a *abandoned) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := a.ids
	a.ids = nil
	return ids
}

// leftOpen says whether an attempt that ended so may still be computed. Workers
// know by themselves when its time is over.
func leftOpen(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) ||
		errors.Is(err, ErrSilent) || errors.Is(err, errConnectionLost)
}

// cancel tells the workers which attempts are given up. It is a courtesy: it
// waits for nothing, and nobody learns if it fails.
func (c *Client) cancel(a *abandoned) {
	ids := a.take()
	if len(ids) == 0 {
		return
	}
	over, end := context.WithCancel(context.Background())
	end()
	_, _ = within(over, func() (struct{}, error) {
		for some := range slices.Chunk(ids, wire.MaxCancelAttempts) {
			c.publishCancel(some)
		}
		return struct{}{}, nil
	})
}

// publishCancel sends one message, unless it would be kept for a connection to
// come, or the server has said that this user may not.
func (c *Client) publishCancel(ids []string) {
	subject := c.opts.prefix + wire.CancelSubject
	if c.refused(subject, nil) != nil {
		c.mayNotCancel.Store(true)
	}
	if _, ok := epoch(c.nc); !ok || c.mayNotCancel.Load() {
		return
	}
	body := wire.AppendCancelRequest(nil, &wire.CancelRequest{Attempts: ids})
	_ = c.nc.Publish(subject, body)
}
