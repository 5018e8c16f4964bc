package fastembed

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// inbox is the one wildcard subscription all replies of a client arrive on. It
// is made at the first call. The last token of a reply subject is the attempt
// it belongs to, so what comes for an attempt that was given up finds no
// mailbox and is dropped.
type inbox struct {
	nc     *nats.Conn
	making chan struct{} // holds a token while the subscription is made

	mu    sync.Mutex
	base  string // reply subjects are base + attempt id
	sub   *nats.Subscription
	boxes map[string]*mailbox
	done  bool
}

func newInbox(nc *nats.Conn) *inbox {
	return &inbox{nc: nc, making: make(chan struct{}, 1), boxes: map[string]*mailbox{}}
}

// open makes the mailbox of an attempt and returns it with its reply subject.
// life tells signs of life from the answer.
func (in *inbox) open(ctx context.Context, attempt string, messages, bytes int, life func(*nats.Msg) bool) (*mailbox, string, error) {
	if err := in.ensure(ctx); err != nil {
		return nil, "", err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.done {
		return nil, "", ErrClosed
	}
	box := &mailbox{messages: messages, bytes: bytes, life: life, ready: make(chan struct{}, 1)}
	in.boxes[attempt] = box
	return box, in.base + attempt, nil
}

// ensure makes the subscription unless it is there.
func (in *inbox) ensure(ctx context.Context) error {
	select {
	case in.making <- struct{}{}:
		defer func() { <-in.making }()
	case <-ctx.Done():
		return ctx.Err()
	}
	in.mu.Lock()
	there := in.sub != nil || in.done
	in.mu.Unlock()
	if there {
		return nil
	}
	base := in.nc.NewInbox() + "."
	sub, err := in.nc.Subscribe(base+"*", in.deliver)
	if err != nil {
		return publishError(err)
	}
	if err := in.confirm(ctx, base); err != nil {
		_ = sub.Unsubscribe()
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.done {
		_ = sub.Unsubscribe()
		return ErrClosed
	}
	in.base, in.sub = base, sub
	return nil
}

// confirm makes one round trip, before whose answer a refusal of the
// subscription arrives: a connection that may not subscribe is told at once,
// not by calls that nothing ever answers.
func (in *inbox) confirm(ctx context.Context, base string) error {
	if err := in.nc.FlushWithContext(ctx); err != nil {
		// nats.go says "closed" of a connection that broke, too.
		if errors.Is(err, nats.ErrConnectionClosed) && !in.nc.IsClosed() {
			return errConnectionLost
		}
		return publishError(err)
	}
	refusal := in.nc.LastError()
	if errors.Is(refusal, nats.ErrPermissionViolation) && strings.Contains(refusal.Error(), base) {
		return newError(wire.CodeInvalidRequest,
			"this user may not subscribe to %q; set nats.CustomInboxPrefix to a prefix that it may", base+"*").because(refusal)
	}
	return nil
}

// drop forgets an attempt; frames that come later are dropped.
func (in *inbox) drop(attempt string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.boxes, attempt)
}

// deliver runs on the subscription's goroutine and never blocks.
func (in *inbox) deliver(m *nats.Msg) {
	in.mu.Lock()
	box := in.boxes[strings.TrimPrefix(m.Subject, in.base)]
	in.mu.Unlock()
	if box != nil {
		box.put(m)
	}
}

// close ends the subscription. Mailboxes get nothing more.
func (in *inbox) close() {
	in.mu.Lock()
	sub := in.sub
	in.sub, in.done, in.boxes = nil, true, nil
	in.mu.Unlock()
	// Unlocked: it waits where a write is stuck, and calls must still end.
	if sub != nil {
		_ = sub.Unsubscribe() // fails only on a closed connection, which has none left
	}
}

// mailbox holds the messages of one attempt that were not looked at yet. It is
// bounded by what a whole answer can be; a sender that exceeds it is cut off. Of
// signs of life one is held, as more say no more.
type mailbox struct {
	ready chan struct{} // holds a token when there is something to take
	life  func(*nats.Msg) bool

	mu       sync.Mutex
	msgs     []*nats.Msg
	messages int // how many more are accepted
	bytes    int // how many more bytes are accepted
	over     bool
	alive    bool // msgs has a sign of life
}

func (b *mailbox) put(m *nats.Msg) {
	b.keep(m)
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *mailbox) keep(m *nats.Msg) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.life(m) {
		if !b.alive {
			b.alive, b.msgs = true, append(b.msgs, m)
		}
		return
	}
	b.messages--
	b.bytes -= len(m.Data)
	if b.messages < 0 || b.bytes < 0 {
		b.over = true
		return
	}
	b.msgs = append(b.msgs, m)
}

// take returns what has arrived, and whether more came than an answer can be.
func (b *mailbox) take() (msgs []*nats.Msg, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	msgs, b.msgs, b.alive = b.msgs, nil, false
	return msgs, b.over
}
