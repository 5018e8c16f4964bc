package fastembed

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// request is one call of a worker, however many attempts it takes.
type request struct {
	subject string
	body    []byte
	id      string // Fastembed-Request-Id
	parts   bool   // the answer may come in parts
	alive   bool   // signs of life come before it; only beside parts
	// silence is how long nothing may come before the attempt is given up; 0 is
	// without end.
	silence time.Duration
	// left takes the attempts that are given up; nil where that saves no work.
	left *abandoned
	// What a whole answer can be at most.
	messages, bytes int
	// unheard is the error when nobody listens on the subject.
	unheard func() *Error
	// begin starts reading the answer of an attempt. What it returns is given the
	// data messages one by one and says when the answer is complete.
	begin func() func(*nats.Msg) (done bool, err error)
}

// call makes attempts, within the context. What q's functions write may be read
// only if there is no error: an attempt may be left behind.
func (c *Client) call(ctx context.Context, q *request) error {
	_, err := within(ctx, func() (struct{}, error) { return struct{}{}, c.attempts(ctx, q) })
	return err
}

// attempts makes one after the other until one succeeds, [RetryPolicy.next] says
// no, or the context ends. The context has a deadline.
func (c *Client) attempts(ctx context.Context, q *request) error {
	deadline, _ := ctx.Deadline()
	var h history
	var last error
	for {
		err := c.attempt(ctx, q)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrClosed):
			return err
		case ctx.Err() != nil:
			if !errors.Is(err, ctx.Err()) {
				last = err
			}
			return contextError(ctx, last)
		}
		if q.left != nil {
			// Here, as those that failed while the call goes on are replaced.
			c.cancel(q.left)
		}
		last = err
		wait, again := c.opts.retry.next(&h, err, time.Until(deadline))
		if !again {
			return err
		}
		select {
		case <-time.After(wait):
		case <-c.closed:
			return ErrClosed
		case <-ctx.Done():
			return contextError(ctx, last)
		}
	}
}

// attempt sends the request once, under an id and to a reply subject of its
// own, and reads what comes back.
func (c *Client) attempt(ctx context.Context, q *request) error {
	started, err := c.awaitConnection(ctx)
	if err != nil {
		return err
	}
	id := newID()
	box, reply, err := c.inbox.open(ctx, id, q.messages, q.bytes, q.signOfLife)
	if err != nil {
		return err
	}
	defer c.inbox.drop(id)
	before := c.nc.LastError()
	m := &nats.Msg{Subject: q.subject, Reply: reply, Header: c.header(ctx, q, id), Data: q.body}
	if err := c.nc.PublishMsg(m); err != nil {
		return publishError(err)
	}
	err = c.receive(ctx, q, box, func() error {
		// What was published before a break may never be answered.
		if now, ok := epoch(c.nc); !ok || now != started {
			return errConnectionLost
		}
		return c.refused(q.subject, before)
	})
	if q.left != nil && leftOpen(err) {
		q.left.add(id)
	}
	return err
}

// receive waits for the messages of an attempt and hands them on. Now and then
// it asks watch whether an answer can still come, and looks how long nothing
// has.
func (c *Client) receive(ctx context.Context, q *request, box *mailbox, watch func() error) error {
	tick := time.NewTicker(connTick)
	defer tick.Stop()
	pinging, stop := context.WithCancel(ctx)
	defer stop()
	quiet := quiet{limit: q.silence, ping: func() <-chan error { return c.ping(pinging) }}
	next := q.begin()
	for {
		select {
		case <-box.ready:
			quiet.heard()
			msgs, over := box.take()
			for _, m := range msgs {
				if q.signOfLife(m) {
					if _, err := wire.DecodeAliveFrame(m.Data); err != nil {
						return badReply(m, err)
					}
					continue
				}
				if done, err := q.read(m, next); done || err != nil {
					return err
				}
			}
			if over {
				return newError(wire.CodeInternal, "the answer is larger than any answer to this request can be")
			}
		case <-tick.C:
			if err := watch(); err != nil {
				return err
			}
			if quiet.tick() {
				return errSilent(q.silence)
			}
		case <-c.closed:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read tells an error from data. nats.Header.Get is case-sensitive: the names
// are those of the contract, letter by letter.
func (q *request) read(m *nats.Msg, next func(*nats.Msg) (bool, error)) (done bool, err error) {
	switch {
	case len(m.Data) == 0 && m.Header.Get("Status") == noResponders:
		return false, q.unheard()
	case m.Header.Get(wire.HeaderServiceError) != "" || m.Header.Get(wire.HeaderServiceErrorCode) != "":
		return false, workerError(m)
	default:
		return next(m)
	}
}

// noResponders is the status of the server's own reply when nobody listens.
const noResponders = "503"

func (c *Client) header(ctx context.Context, q *request, attempt string) nats.Header {
	h := nats.Header{
		wire.HeaderContentType: {wire.ContentTypeMsgpack},
		wire.HeaderRequestID:   {q.id},
		wire.HeaderAttemptID:   {attempt},
	}
	if deadline, ok := ctx.Deadline(); ok {
		left := (time.Until(deadline) + time.Millisecond - 1) / time.Millisecond
		h.Set(wire.HeaderTimeoutMs, strconv.FormatInt(max(1, int64(left)), 10))
	}
	if c.opts.lane != "" {
		h.Set(wire.HeaderLane, string(c.opts.lane))
	}
	switch {
	case q.alive:
		h.Set(wire.HeaderAccept, wire.AcceptParts+", "+wire.AcceptAlive)
	case q.parts:
		h.Set(wire.HeaderAccept, wire.AcceptParts)
	}
	return h
}

// workerError reads an error frame. If its body cannot be read, the headers
// say enough.
func workerError(m *nats.Msg) *Error {
	body, err := wire.DecodeErrorReply(m.Data)
	if err != nil {
		code, ok := wire.CodeByName(m.Header.Get(wire.HeaderServiceError))
		if !ok {
			code = wire.CodeInternal
		}
		e := newError(code, "the worker answered with an error whose body cannot be read: %v", err)
		e.Wire = true
		return e
	}
	e := &Error{
		Code:    int(body.Code),
		Name:    body.Name,
		Message: body.Message,
		Retry:   Retry(body.Retry),
		Wire:    true,
	}
	if body.RetryAfterMs != nil {
		e.RetryAfter = time.Duration(*body.RetryAfterMs) * time.Millisecond
	}
	if body.Limit != nil {
		e.Limit = *body.Limit
	}
	return e
}

// newID returns 128 random bits as 32 hexadecimal digits.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	return hex.EncodeToString(b[:])
}
