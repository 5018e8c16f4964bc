package fastembed

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// connTick is how often a waiting call looks at the connection. nats.go has
// status channels, but drops a listener that is behind by one event, so they
// cannot be relied upon to report every break.
const connTick = 50 * time.Millisecond

// errConnectionLost ends an attempt whose answer may have been lost with the
// connection. Another attempt can follow when the connection is back.
var errConnectionLost = fmt.Errorf("%w: the connection broke before the answer came", ErrNotConnected)

// errConnectionDown ends a call whose time ran out before the connection came
// back.
var errConnectionDown = fmt.Errorf("%w: the connection did not come back in time", ErrNotConnected)

// errConnectionStuck ends a call whose time ran out while nats.go could not get
// rid of what it had to write.
var errConnectionStuck = fmt.Errorf("%w: the server reads nothing", ErrNotConnected)

// stuckGrace is how long a call that is over may take to say so itself.
const stuckGrace = 60 * time.Millisecond

// within runs do and returns when it has, or soon after the context ended.
// Whatever touches a connection may wait for its lock, which nats.go holds while
// it writes: a server that reads nothing keeps it locked for the connection's
// [nats.FlusherTimeout], a minute unless set, and no deadline ends that. What is
// left behind ends with the write.
func within[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-done:
		return o.value, o.err
	case <-time.After(stuckGrace):
		var none T
		return none, contextError(ctx, errConnectionStuck)
	}
}

func notConnected(err error) error { return fmt.Errorf("%w: %w", ErrNotConnected, err) }

// epoch identifies an unbroken stretch of the connection. ok is false while
// there is none.
func epoch(nc *nats.Conn) (n uint64, ok bool) {
	n = nc.Stats().Reconnects
	return n, nc.IsConnected()
}

// awaitConnection waits until the connection is up and returns its epoch.
// Nothing may be published before: nats.go keeps what is published while
// disconnected and replays it later, when nobody waits for it any more.
func (c *Client) awaitConnection(ctx context.Context) (uint64, error) {
	var tick *time.Ticker
	for {
		switch n, ok := epoch(c.nc); {
		case c.nc.IsClosed():
			return 0, notConnected(nats.ErrConnectionClosed)
		case c.nc.IsDraining():
			return 0, notConnected(nats.ErrConnectionDraining)
		case ok:
			return n, nil
		}
		if tick == nil {
			tick = time.NewTicker(connTick)
			defer tick.Stop()
		}
		select {
		case <-tick.C:
		case <-c.closed:
			return 0, ErrClosed
		case <-ctx.Done():
			return 0, errConnectionDown
		}
	}
}

// publishError gives what nats.go refused to publish its place among our
// errors.
func publishError(err error) error {
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return newError(wire.CodePayloadTooLarge, "the request exceeds the server's max_payload").because(err)
	case errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrConnectionDraining):
		return notConnected(err)
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return errConnectionLost
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	default:
		return newError(wire.CodeInvalidRequest, "the request cannot be published: %v", err).because(err)
	}
}

// refused returns the server's refusal of a publication on the subject if one
// arrived since before was the connection's last error. The server reports it
// to the connection only, so without a look the call would wait in vain.
func (c *Client) refused(subject string, before error) error {
	now := c.nc.LastError()
	if !errors.Is(now, nats.ErrPermissionViolation) || now == before || !strings.Contains(now.Error(), strconv.Quote(subject)) {
		return nil
	}
	return newError(wire.CodeInvalidRequest, "this user may not publish to %q", subject).because(now)
}
