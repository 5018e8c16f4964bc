package fastembed

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// Client calls a fleet of fastembed workers over one NATS connection. It is
// safe for concurrent use; one for a process is enough.
type Client struct {
	nc     *nats.Conn
	opts   options
	inbox  *inbox
	closed chan struct{}
	once   sync.Once
	// The server refused a word of cancelled attempts: no more are sent.
	mayNotCancel atomic.Bool
}

// New returns a client on a connection. The connection stays the caller's: the
// client never dials, never closes it, and subscribes at its first call. The
// connection's own options decide how long it tries to come back after a
// break.
//
// An option with an impossible value, or a nil connection, is an error that
// wraps [ErrInvalidOption].
func New(nc *nats.Conn, opts ...Option) (*Client, error) {
	if nc == nil {
		return nil, invalid("the connection is nil")
	}
	o := defaults()
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	return &Client{nc: nc, opts: o, inbox: newInbox(nc), closed: make(chan struct{})}, nil
}

// Close ends the client's subscription and every call still waiting, with
// [ErrClosed]. The connection stays open. Closing twice is fine.
func (c *Client) Close() {
	c.once.Do(func() {
		close(c.closed)
		c.inbox.close()
	})
}

// withDeadline gives a context without a deadline the client's default.
func (c *Client) withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.opts.timeout)
}

// The subjects of one model.
func (c *Client) callSubject(of *Info) string {
	return c.opts.prefix + wire.SubjectRoot + "." + of.Op + "." + of.Model
}

func (c *Client) infoSubject(op, model string) string {
	return c.opts.prefix + wire.SubjectRoot + "." + wire.OpInfo + "." + op + "_" + model
}
